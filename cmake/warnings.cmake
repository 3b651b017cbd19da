# The strict set. Warnings are errors where SSM_WERROR is on: in every preset, not in a packager's plain build.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wswitch-enum -Wformat=2
  -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual
  -Wcast-align -Wwrite-strings -Wundef -Wvla -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init)
endif()
if(SSM_WERROR)
  add_compile_options(-Werror)
endif()
