# Installs the built project into an empty prefix, moves it, and uses it as a stranger would: the program, the library
# through find_package(sardonyx) and through pkg-config. Needs BUILD, SOURCE, WORK, CXX, LAUNCHER and NM.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE error)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message("$ ${command}\n${output}${error}")
    message(FATAL_ERROR "exit ${code}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/staged)
# An installed tree may be moved: nothing in it knows its path.
file(RENAME "${WORK}/staged" "${WORK}/prefix")
set(prefix "${WORK}/prefix")
set(digits "${SOURCE}/examples/digits")

run(${prefix}/bin/sardonyx check ${digits}/digits.onnx)

# The headers and nothing but the standard library.
file(GLOB headers RELATIVE "${prefix}/include" "${prefix}/include/sardonyx/*.h")
if(NOT headers)
  message(FATAL_ERROR "no headers were installed")
endif()
foreach(header IN LISTS headers)
  file(WRITE "${WORK}/${header}.cc" "#include <${header}>\n#include <${header}>\nint main() {}\n")
  run(${LAUNCHER} ${CXX} -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I${prefix}/include ${WORK}/${header}.cc)
endforeach()

# The library exports the API: no room, no third-party code.
file(GLOB_RECURSE library "${prefix}/lib*/libsardonyx.so")
run(${NM} --dynamic --defined-only --demangle ${library})
string(REPLACE ";" " " output "${output}")
string(REGEX MATCHALL "[^\n]+" symbols "${output}")
list(LENGTH symbols count)
foreach(symbol IN LISTS symbols)
  if(NOT symbol MATCHES "^[0-9a-f]+ [A-Za-z] sardonyx::[A-Z]")
    message(FATAL_ERROR "libsardonyx.so exports ${symbol}")
  endif()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "libsardonyx.so exports nothing")
endif()

# The example, and a program that touches every header's functions, so that one which is not exported does not link.
foreach(project examples tests/install)
  string(REPLACE "/" "_" folder "${project}")
  run(${CMAKE_COMMAND} -S ${SOURCE}/${project} -B ${WORK}/${folder} -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH=${prefix}
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
  run(${CMAKE_COMMAND} --build ${WORK}/${folder})
endforeach()
run(${WORK}/examples/classify_digit ${digits}/digits.onnx ${digits}/samples/7.pgm)
if(NOT output MATCHES "^ *[0-9.]+ %  7\n")
  message(FATAL_ERROR "classify_digit does not see a 7:\n${output}")
endif()
run(${WORK}/tests_install/api ${digits}/digits.onnx)

file(GLOB_RECURSE pc "${prefix}/lib*/sardonyx.pc")
get_filename_component(pc_folder "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${pc_folder}")
run(sh -c "${CXX} ${SOURCE}/examples/classify_digit.cc $(pkg-config --cflags --libs sardonyx) -Wl,-rpath,$(pkg-config --variable=libdir sardonyx) -o ${WORK}/by_pkg_config")
run(${WORK}/by_pkg_config ${digits}/digits.onnx ${digits}/samples/7.pgm)
message(STATUS "installed, found and used; ${count} symbols exported")
