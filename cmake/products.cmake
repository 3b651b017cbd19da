# Executables that people run: all land in <build>/bin, so that a build tree can be used in place.
set(SSM_BIN_DIR ${PROJECT_BINARY_DIR}/bin)

function(ssm_product name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${SSM_BIN_DIR})
endfunction()
