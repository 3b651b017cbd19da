# What `tests/integration/hardening_test.py` reads back from the binaries.
set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -pie")
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
add_compile_options(-fstack-protector-strong -fcf-protection=full -fno-strict-aliasing)
include(CheckCCompilerFlag)
check_c_compiler_flag(-fstack-clash-protection SSM_HAVE_STACK_CLASH)
if(SSM_HAVE_STACK_CLASH)
  add_compile_options(-fstack-clash-protection)
endif()
# FORTIFY needs optimisation, and hides reads from the sanitizers.
if(NOT SSM_SANITIZE AND NOT SSM_COVERAGE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
