# Executables that people run: all land in <build>/bin, so that a build tree can be used in place.
set(SSM_BIN_DIR ${PROJECT_BINARY_DIR}/bin)

function(ssm_product name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SSM_BIN_DIR})
endfunction()

# Executables that ssm-proxy and ssh start, not people: installed below libexec, and in the build tree at the same place as
# seen from the executables above (proxy/edge/own_program.h).
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBEXECDIR})
  message(FATAL_ERROR "CMAKE_INSTALL_LIBEXECDIR must be relative: ssm-proxy finds its helpers beside the directory it lies in")
endif()
set(SSM_LIBEXEC ${CMAKE_INSTALL_LIBEXECDIR}/ssm-bridge)

function(ssm_helper name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${SSM_LIBEXEC})
  install(TARGETS ${name} DESTINATION ${SSM_LIBEXEC} COMPONENT client)
endfunction()
