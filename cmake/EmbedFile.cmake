# oomlab_embed(<target> FILE <path> FUNCTION <qualified function>): the file's text behind FUNCTION() -> std::string_view, from the build.
function(oomlab_embed target)
  cmake_parse_arguments(ARG "" "FILE;FUNCTION" "" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_FILE})
  file(READ ${ARG_FILE} content)
  string(REGEX REPLACE "^(.*)::([^:]+)$" "\\1;\\2" split "${ARG_FUNCTION}")
  list(GET split 0 namespace)
  list(GET split 1 name)
  cmake_path(GET ARG_FILE FILENAME shown)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from @shown@ by cmake/EmbedFile.cmake.
#include <string_view>

namespace @namespace@ {
std::string_view @name@();
std::string_view @name@() { return R\"embedded(@content@)embedded\"; }
}  // namespace @namespace@
")
  target_sources(${target} PRIVATE ${output})
endfunction()
