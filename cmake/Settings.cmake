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
  $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches>
  $<$<BOOL:${OOMLAB_WERROR}>:-Werror>)

if(OOMLAB_SANITIZE)
  target_compile_options(oomlab_settings INTERFACE -fsanitize=${OOMLAB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(oomlab_settings INTERFACE -fsanitize=${OOMLAB_SANITIZE})
endif()
if(OOMLAB_FUZZ)
  target_compile_options(oomlab_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(OOMLAB_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(Boost_USE_STATIC_LIBS ON)
  target_link_options(oomlab_settings INTERFACE -static)
endif()

find_package(fmt REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(Threads REQUIRED)
find_library(SECCOMP_LIBRARY seccomp REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)

# oomlab_library(<name> SOURCES... [PUBLIC lib...] [PRIVATE lib...]): folder = namespace = target = include prefix.
function(oomlab_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE oomlab_settings ${ARG_PRIVATE})
  target_compile_features(${name} PUBLIC cxx_std_23)
endfunction()
