# oomlab_embed_folder(<target> DIR <folder> ENDING <.ending> TYPE <qualified struct {name, text}> HEADER <header of the type> FUNCTION <qualified accessor>)
# Every file of the folder with that ending behind FUNCTION() -> std::span<const TYPE>, sorted by its name without the ending: to add one is to drop it in.
function(oomlab_embed_folder target)
  cmake_parse_arguments(ARG "" "DIR;ENDING;TYPE;HEADER;FUNCTION" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${ARG_DIR}/*${ARG_ENDING})
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  string(REGEX REPLACE "^(.*)::([^:]+)$" "\\1;\\2" split "${ARG_FUNCTION}")
  list(GET split 0 namespace)
  list(GET split 1 name)
  set(rows "")
  foreach(file IN LISTS files)
    file(READ ${file} content)
    cmake_path(GET file FILENAME shown)
    string(REPLACE "${ARG_ENDING}" "" stem ${shown})
    string(APPEND rows "    ${ARG_TYPE}{\"${stem}\", R\"embedded(${content})embedded\"},\n")
  endforeach()
  list(LENGTH files count)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}_files.cpp)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from the folder @ARG_DIR@ by cmake/EmbedFolder.cmake.
#include <array>
#include <span>

#include \"@ARG_HEADER@\"

namespace @namespace@ {
namespace {
constexpr std::array<@ARG_TYPE@, @count@> kFiles{{
@rows@}};
}  // namespace
std::span<const @ARG_TYPE@> @name@() { return kFiles; }
}  // namespace @namespace@
")
  target_sources(${target} PRIVATE ${output})
endfunction()
