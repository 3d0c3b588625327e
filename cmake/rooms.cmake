# sardonyx_room(NAME USES ROOM... LIBRARIES TARGET... [PRECOMPILE HEADER...])
#
# Declares the room src/NAME: a static library of its *.cc that links only the rooms it may use, and, when tests are
# built, one test program of its *_test.cc. Sources are found by name: a new file needs no line here. PRECOMPILE names large
# headers that most files of the room include.
set_property(GLOBAL PROPERTY SARDONYX_ROOMS "")

function(sardonyx_precompile target)
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <map> <memory> <optional>
    <set> <span> <string> <string_view> <unordered_map> <unordered_set> <variant> <vector> <fmt/format.h> ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # ccache needs it
  endif()
endfunction()

function(sardonyx_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES;PRECOMPILE" ${ARGN})
  string(REPLACE "/" "_" target "sardonyx_${name}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    add_library(${target} INTERFACE)
    set(visibility INTERFACE)
  else()
    add_library(${target} STATIC ${sources})
    set(visibility PUBLIC)
    if(SARDONYX_SANITIZE AND name IN_LIST SARDONYX_SANITIZE_ROOMS)
      target_compile_options(${target} PRIVATE ${sanitizer_options})
    endif()
    # A third of an average file's compile time is the standard library and fmt: rooms with many files parse them once.
    list(LENGTH sources count)
    if(count GREATER 12 OR ROOM_PRECOMPILE)
      sardonyx_precompile(${target} ${ROOM_PRECOMPILE})
    endif()
  endif()
  target_include_directories(${target} ${visibility}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
  foreach(used ${ROOM_USES})
    string(REPLACE "/" "_" used_target "sardonyx_${used}")
    target_link_libraries(${target} ${visibility} ${used_target})
  endforeach()
  target_link_libraries(${target} ${visibility} ${ROOM_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY SARDONYX_ROOMS ${name})
  set_property(GLOBAL PROPERTY SARDONYX_ROOM_USES_${name} "${ROOM_USES}")
  if(SARDONYX_TESTS AND tests)
    add_executable(${target}_test ${tests})
    list(LENGTH tests count)
    if(count GREATER 4)
      sardonyx_precompile(${target}_test <gtest/gtest.h>)
    endif()
    target_link_libraries(${target}_test PRIVATE ${target} GTest::gtest GTest::gtest_main)
    target_compile_definitions(${target}_test PRIVATE SARDONYX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${target}_test --gtest_brief=1)
  endif()
endfunction()
