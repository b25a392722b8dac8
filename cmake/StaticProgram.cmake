# oomlab_static: static/oomlab, the ordinary build's objects linked once more into one static, stripped file: what a container image holds, in a second instead of another
# build. What is shipped is the preset `release`, which is optimised and linked as a whole.
function(oomlab_static_program)
  add_library(fmt_library OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/fmt_library.cpp)
  target_compile_features(fmt_library PRIVATE cxx_std_23)
  set_target_properties(fmt_library PROPERTIES CXX_CLANG_TIDY "")  # not our code
  set(archives)
  foreach(library IN ITEMS cli vm forensics stress cgroup cgroup_model base)
    list(APPEND archives $<TARGET_FILE:${library}>)
  endforeach()
  set(program ${PROJECT_BINARY_DIR}/static/oomlab)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/static)
  add_custom_command(OUTPUT ${program}
    COMMAND ${CMAKE_CXX_COMPILER} -static -s -Wl,--gc-sections -o ${program} $<TARGET_OBJECTS:oomlab> -Wl,--start-group ${archives} -Wl,--end-group
      $<TARGET_OBJECTS:fmt_library> -lboost_program_options -lseccomp -lz -llzma -lzstd -pthread
    DEPENDS oomlab fmt_library $<TARGET_OBJECTS:fmt_library>
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking static/oomlab")
  add_custom_target(oomlab_static ALL DEPENDS ${program})
endfunction()
