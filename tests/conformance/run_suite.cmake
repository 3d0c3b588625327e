# cmake -DPROGRAM=PATH -DSUITE=FOLDER -DLIST=FILE -DSOURCE=FOLDER [-DOPSET=N -DCONVERTED=COUNT] -P run_suite.cmake
#
# Runs a conformance suite; LIST names the cases that fail today. A failure that is not listed fails the test, and so does a
# listed case that passes: the list only shrinks (tests/conformance/update_lists.sh). SUITE is a folder, or its name below
# $SARDONYX_SHARED, else SOURCE/../shared; the test is skipped where that is not at hand.
#
# With OPSET each model is converted to that opset first; those that cannot be are skipped, and at least COUNT cases must pass.
cmake_minimum_required(VERSION 3.25)
if(NOT IS_ABSOLUTE "${SUITE}")
  if(DEFINED ENV{SARDONYX_SHARED})
    set(SUITE "$ENV{SARDONYX_SHARED}/${SUITE}")
  else()
    set(SUITE "${SOURCE}/../shared/${SUITE}")
  endif()
  if(NOT IS_DIRECTORY "${SUITE}")
    message("skipped: ${SUITE} is not there; SARDONYX_SHARED may say where to look")
    return()
  endif()
endif()
set(conversion "")
if(DEFINED OPSET)
  set(conversion --opset ${OPSET})
endif()
execute_process(COMMAND ${PROGRAM} conformance ${SUITE} --expected-failures ${LIST} ${conversion} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE error)
if(NOT code EQUAL 0)
  string(REGEX MATCHALL "[^\n]*(unexpected|listed as failing)[^\n]*\n" surprises "${output}")
  list(JOIN surprises "" surprises)
  message("${surprises}${error}")
  message(FATAL_ERROR "exit ${code}")
endif()
string(REGEX MATCH "[0-9]+ passed, [^\n]*" counts "${output}")
message("${counts}")
if(DEFINED CONVERTED AND NOT output MATCHES "([0-9]+) passed")
  message(FATAL_ERROR "no count")
elseif(DEFINED CONVERTED AND CMAKE_MATCH_1 LESS CONVERTED)
  message(FATAL_ERROR "fewer than ${CONVERTED} cases can still be converted")
endif()
