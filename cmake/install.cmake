# What `make install` and `make package` hand out: the program, the library with the headers of include/sardonyx, and how
# CMake and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The library: every room but the command line, in one shared object. It exports the API only (sardonyx.map).
get_property(rooms GLOBAL PROPERTY SARDONYX_ROOMS)
foreach(room IN LISTS rooms)
  string(REPLACE "/" "_" target "sardonyx_${room}")
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "STATIC_LIBRARY" AND NOT room STREQUAL "cli")
    list(APPEND room_targets ${target})
  endif()
endforeach()
list(TRANSFORM room_targets REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE room_objects)
add_library(sardonyx_shared SHARED ${room_objects})
target_link_libraries(sardonyx_shared PRIVATE ${room_targets})  # whose objects are all there already: for their libraries
target_link_options(sardonyx_shared PRIVATE "LINKER:--version-script,${CMAKE_CURRENT_LIST_DIR}/sardonyx.map")
if(NOT SARDONYX_SANITIZE)  # whose run-time library only a program links
  target_link_options(sardonyx_shared PRIVATE LINKER:--no-undefined)
endif()
set_property(TARGET sardonyx_shared APPEND PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/sardonyx.map)
# Below 1.0 a minor version may change the binary interface, so it is part of the library's name.
set_target_properties(sardonyx_shared PROPERTIES OUTPUT_NAME sardonyx EXPORT_NAME sardonyx LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_features(sardonyx_shared INTERFACE cxx_std_20)
target_include_directories(sardonyx_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

install(TARGETS sardonyx_program)
install(TARGETS sardonyx_shared EXPORT sardonyxTargets)
install(DIRECTORY include/sardonyx DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)  # as Debian names it

set(SARDONYX_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sardonyx)
install(EXPORT sardonyxTargets NAMESPACE sardonyx:: DESTINATION ${SARDONYX_CMAKE_DIR})
configure_package_config_file(cmake/sardonyxConfig.cmake.in ${PROJECT_BINARY_DIR}/sardonyxConfig.cmake
  INSTALL_DESTINATION ${SARDONYX_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sardonyxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sardonyxConfig.cmake ${PROJECT_BINARY_DIR}/sardonyxConfigVersion.cmake
  DESTINATION ${SARDONYX_CMAKE_DIR})

# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH SARDONYX_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" SARDONYX_PC_TO_PREFIX "${SARDONYX_PC_TO_PREFIX}")
configure_file(cmake/sardonyx.pc.in ${PROJECT_BINARY_DIR}/sardonyx.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sardonyx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME sardonyx)
set(CPACK_PACKAGE_VENDOR "The Sardonyx authors")
set(CPACK_PACKAGE_CONTACT "The Sardonyx authors <sardonyx@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "Checks, inspects, runs and compares ONNX models, as a program and as a C++ library.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)  # also has ldconfig run at installation
include(CPack)
