# Compiler flags: one interface target for warnings, build types, sanitizers, coverage.
add_library(oddrow_warnings INTERFACE)
target_compile_options(oddrow_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wstrict-prototypes -Wmissing-prototypes $<$<BOOL:${ODDROW_WERROR}>:-Werror>)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or Sanitize" FORCE)
endif()
# No fast-math anywhere: sums and not-a-number checks mean what they say.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g -fno-omit-frame-pointer")

if(ODDROW_SANITIZE)
    add_compile_options(-fsanitize=${ODDROW_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${ODDROW_SANITIZE})
endif()
if(ODDROW_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "ODDROW_FUZZ needs clang: use the preset fuzz, or -DCMAKE_C_COMPILER=clang")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ODDROW_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
