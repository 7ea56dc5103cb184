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

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
