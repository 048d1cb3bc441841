# `cmake --install` puts the program, the libraries, the public headers and a CMake package under a prefix:
# find_package(inseq) and the target inseq::inseq then serve programs outside this tree.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/inseq)
set_target_properties(inseq_files PROPERTIES EXPORT_NAME files)
set_target_properties(inseq_cli PROPERTIES INSTALL_RPATH "${LibTorch_LIBRARY_DIR}")

install(TARGETS inseq inseq_files EXPORT inseq-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS inseq_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/inseq DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
# The models that come with the program ("demo:en-fr").
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models DESTINATION ${CMAKE_INSTALL_DATADIR}/inseq)
# cargo builds this one: an imported target, which the package's configuration imports again.
install(FILES $<TARGET_PROPERTY:inseq_text,IMPORTED_LOCATION> DESTINATION ${CMAKE_INSTALL_LIBDIR})

install(EXPORT inseq-targets NAMESPACE inseq:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/inseq-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/inseq-config.cmake INSTALL_DESTINATION ${package_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/inseq-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/inseq-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/inseq-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindSentencePiece.cmake
        DESTINATION ${package_dir})
