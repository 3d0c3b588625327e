# The checker must report each fault of this folder's house, and no other.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${ROOT} -P ${CHECKER} RESULT_VARIABLE code ERROR_VARIABLE report)
set(faults
  "6 problems"
  "CMakeLists.txt: middle uses circle, which does not stand above it"
  "include/sardonyx/api.h: includes \"low/low.h\", but the API does not use low"
  "src/low/low.h: includes \"high/high.h\", but low does not use high"
  "src/high/high.h: includes \"local.h\", whose path should begin at src/"
  "src/stray/stray.cc: lies in no room"
  "src/middle/: has no README.md")
foreach(fault IN LISTS faults)
  string(FIND "${report}" "${fault}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "not reported: ${fault}\n${report}")
  endif()
endforeach()
if(code EQUAL 0)
  message(FATAL_ERROR "exit code 0 in spite of faults")
endif()
