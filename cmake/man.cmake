# ssm_man_page(NAME.SECTION COMPONENT): docs/man/NAME.SECTION.scd -> <build>/man/NAME.SECTION; without scdoc the pages are left out, and said so.
find_program(SCDOC scdoc)

function(ssm_man_page page component)
  if(NOT SCDOC)
    message(STATUS "scdoc not found: ${page} is not built")
    return()
  endif()
  string(REGEX REPLACE ".*\\." "" section ${page})
  set(source ${PROJECT_SOURCE_DIR}/docs/man/${page}.scd)
  set(output ${PROJECT_BINARY_DIR}/man/${page})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
  add_custom_command(OUTPUT ${output} COMMAND sh -c "'${SCDOC}' <'${source}' >'${output}'"
                     DEPENDS ${source} VERBATIM)
  add_custom_target(man-${page} ALL DEPENDS ${output})
  install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component})
endfunction()
