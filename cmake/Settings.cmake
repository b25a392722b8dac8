# oomlab_settings: what every target of ours compiles with. Linked PRIVATE, nothing is set globally.
add_library(oomlab_settings INTERFACE)
target_compile_features(oomlab_settings INTERFACE cxx_std_23)
target_include_directories(oomlab_settings INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(oomlab_settings INTERFACE OOMLAB_VERSION="${PROJECT_VERSION}" _GNU_SOURCE
  $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

target_compile_options(oomlab_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wnon-virtual-dtor
  -Woverloaded-virtual -Wformat=2 -Wimplicit-fallthrough
  -Wno-missing-field-initializers  # designated initialisers leave members at their defaults on purpose
  $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches
    -Wno-restrict>  # g++ 12 sees an overlap in "literal" + std::string() that is none (GCC bug 105651)
  # With precompiled headers it no longer knows that the code is libstdc++'s, and warns of std::string as it never would; a build without them looks at ours.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<BOOL:${CMAKE_DISABLE_PRECOMPILE_HEADERS}>>>:-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>  # libstdc++ 12: std::stable_sort calls std::get_temporary_buffer
  $<$<BOOL:${OOMLAB_WERROR}>:-Werror>)

if(OOMLAB_SANITIZE)
  target_compile_options(oomlab_settings INTERFACE -fsanitize=${OOMLAB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(NOT OOMLAB_FUZZ AND OOMLAB_SANITIZE MATCHES undefined)
    # A third of the build for what AddressSanitizer sees as well, and for alignment; the preset fuzz has all of it.
    target_compile_options(oomlab_settings INTERFACE -fno-sanitize=null,vptr,object-size,alignment)
  endif()
  target_link_options(oomlab_settings INTERFACE -fsanitize=${OOMLAB_SANITIZE})
endif()
if(OOMLAB_FUZZ)
  target_compile_options(oomlab_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(OOMLAB_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(Boost_USE_STATIC_LIBS ON)
  target_compile_options(oomlab_settings INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(oomlab_settings INTERFACE -static -Wl,--gc-sections -s)
  # Debian and Ubuntu ship libfmt as a shared library only; its headers are complete.
  find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
  add_library(fmt::fmt INTERFACE IMPORTED GLOBAL)
  target_include_directories(fmt::fmt INTERFACE ${FMT_INCLUDE_DIR})
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)
else()
  find_package(fmt REQUIRED)
endif()

find_package(Boost REQUIRED COMPONENTS program_options)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(Threads REQUIRED)
find_library(SECCOMP_LIBRARY seccomp REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)

# The headers that most files use, parsed once: a quarter of the build's time. The presets clang, tidy and fuzz do without, so that an #include that is missing
# shows; so does a build with ccache, which would keep nothing of files that use them.
set(OOMLAB_COMMON_HEADERS <fmt/format.h> <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <span> <string> <string_view> <vector>)

# oomlab_common_headers(<name> HEADERS header... [LIBRARIES lib...]): a target of headers alone, for target_precompile_headers(<other> REUSE_FROM <name>).
# What uses it must define the same macros, so links what they come from.
function(oomlab_common_headers name)
  cmake_parse_arguments(ARG "" "" "HEADERS;LIBRARIES" ${ARGN})
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_link_libraries(${name} PRIVATE oomlab_settings fmt::fmt ${ARG_LIBRARIES})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()
oomlab_common_headers(common_headers HEADERS ${OOMLAB_COMMON_HEADERS})

# oomlab_library(<name> SOURCES... [PUBLIC lib...] [PRIVATE lib...]): folder = namespace = target = include prefix.
function(oomlab_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE oomlab_settings ${ARG_PRIVATE})
  target_compile_features(${name} PUBLIC cxx_std_23)
  target_precompile_headers(${name} REUSE_FROM common_headers)
endfunction()
