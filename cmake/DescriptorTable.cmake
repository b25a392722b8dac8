# oomlab_descriptor_table(<target> DIR <folder> TYPE <qualified type> HEADER <header of the type> NAMESPACE <ns of the descriptors>
#                         FUNCTION <qualified accessor>)
# One plugin = one file <folder>/<name>.cpp that defines `constinit extern const TYPE <name>` in NAMESPACE. This generates the sorted table
# of {name, &descriptor} behind FUNCTION() -> std::span<const base::Descriptor<TYPE>>; a name's '_' is shown as '-'. A misnamed symbol is a link error.
function(oomlab_descriptor_table target)
  cmake_parse_arguments(ARG "" "DIR;TYPE;HEADER;NAMESPACE;FUNCTION" "" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DIR}/*.cpp)
  list(SORT files)
  set(declarations "")
  set(rows "")
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    string(REPLACE "_" "-" shown ${stem})
    string(APPEND declarations "extern const ${ARG_TYPE} ${stem};\n")
    string(APPEND rows "    {\"${shown}\", &${ARG_NAMESPACE}::${stem}},\n")
  endforeach()
  string(REGEX REPLACE "^(.*)::([^:]+)$" "\\1;\\2" split "${ARG_FUNCTION}")
  list(GET split 0 function_namespace)
  list(GET split 1 function_name)
  list(LENGTH files count)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${ARG_DIR}_table.cpp)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from the folder @ARG_DIR@ by cmake/DescriptorTable.cmake.
#include <array>
#include <span>

#include \"base/descriptor.h\"
#include \"@ARG_HEADER@\"

namespace @ARG_NAMESPACE@ {
@declarations@}  // namespace @ARG_NAMESPACE@

namespace @function_namespace@ {
namespace {
constexpr std::array<base::Descriptor<@ARG_TYPE@>, @count@> kTable{{
@rows@}};
}  // namespace
std::span<const base::Descriptor<@ARG_TYPE@>> @function_name@() { return kTable; }
}  // namespace @function_namespace@
")
  target_sources(${target} PRIVATE ${files} ${output})
endfunction()
