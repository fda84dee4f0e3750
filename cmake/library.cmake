# liboddrow, shared and static, its CMake package and its pkg-config file.
include(CMakePackageConfigHelpers)

# Only ODDROW_API names leave the shared library: the functions of oddrow.c, which pull what they
# need out of the archive of the rooms. The archive has them too, for static linking.
target_sources(oddrow_objects PRIVATE src/oddrow.c)
add_library(oddrow_library SHARED src/oddrow.c)
target_link_libraries(oddrow_library PRIVATE oddrow_warnings oddrow_objects)
target_link_options(oddrow_library PRIVATE -Wl,--as-needed)
if(NOT ODDROW_SANITIZE)
    target_link_options(oddrow_library PRIVATE -Wl,--no-undefined)
endif()
target_include_directories(oddrow_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(oddrow_library PROPERTIES
    OUTPUT_NAME oddrow
    EXPORT_NAME oddrow
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    C_EXTENSIONS ON)
set_target_properties(oddrow_objects PROPERTIES OUTPUT_NAME oddrow)

install(TARGETS oddrow_library EXPORT oddrow
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES $<TARGET_FILE:oddrow_objects> DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES src/oddrow.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET oddrow)
    install(TARGETS oddrow RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/oddrow.1)
    install(FILES docs/oddrow.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(EXPORT oddrow NAMESPACE oddrow:: FILE oddrowTargets.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/oddrow)

configure_package_config_file(cmake/oddrowConfig.cmake.in ${PROJECT_BINARY_DIR}/oddrowConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/oddrow)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/oddrowConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/oddrowConfig.cmake ${PROJECT_BINARY_DIR}/oddrowConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/oddrow)

# The prefix is found from the .pc file's own place, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
configure_file(cmake/oddrow.pc.in ${PROJECT_BINARY_DIR}/oddrow.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/oddrow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
