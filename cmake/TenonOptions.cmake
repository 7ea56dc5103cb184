# tenon_options: what every target of ours is compiled with. Users who embed Tenon get no flags from it.
add_library(tenon_options INTERFACE)
target_compile_features(tenon_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(TENON_STRICT)
  target_compile_options(tenon_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wswitch -Werror)
endif()
if(TENON_SANITIZE)
  # g++ 12 with sanitizers reports std::variant members as uninitialized that are not.
  target_compile_options(tenon_options INTERFACE -fsanitize=${TENON_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all
                                                 $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(tenon_options INTERFACE -fsanitize=${TENON_SANITIZE})
endif()

# tenon_test_options: the same for what only tests. Under the undefined behaviour sanitizer a check at every access to a
# member would take half of a build's time; those of the product's own code stay on.
add_library(tenon_test_options INTERFACE)
target_link_libraries(tenon_test_options INTERFACE tenon_options)
if(TENON_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tenon_test_options INTERFACE -fno-sanitize=null,alignment,object-size,vptr)
endif()

# Every checkout of the tree shares what ccache keeps, wherever it lies: paths below it count as relative.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
                                  CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
