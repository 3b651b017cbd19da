# ssm_embed(TARGET NAME FILE): `extern const char NAME[]` is the text of FILE, terminated.
function(ssm_embed target name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "extern const char ${name}[];\nconst char ${name}[] = {@bytes@0};\n" @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()
