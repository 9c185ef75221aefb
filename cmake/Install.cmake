# SPDX-License-Identifier: Apache-2.0
#
# cmake --install: program, both libraries, public headers, CMake package, pkg-config file, manual page, shell completion, configs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_headers_at ${CMAKE_INSTALL_INCLUDEDIR}/deformer)
set(_package_at ${CMAKE_INSTALL_LIBDIR}/cmake/deformer)
set(_pkgconfig_at ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- program and libraries -------------------------------------------------------------------------------------------
if(TARGET deformer)
    install(TARGETS deformer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# Two export sets, because only the static library asks its user for libpng and the others.
install(TARGETS deformer_static EXPORT deformerStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS deformer_shared EXPORT deformerShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(header ${DEFORMER_PUBLIC_HEADERS})
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${header} DESTINATION ${_headers_at}/${folder})
endforeach()

# ---- how other builds find them --------------------------------------------------------------------------------------
foreach(kind Static Shared)
    install(EXPORT deformer${kind} FILE deformer${kind}.cmake NAMESPACE deformer:: DESTINATION ${_package_at})
endforeach()
set(DEFORMER_PICTURES_LIBRARIES)
foreach(_library ${DEFORMER_PICTURES_PC}) # libtiff-4: the library tiff
    string(REGEX REPLACE "^lib([a-z]+).*" "\\1" _name ${_library})
    list(APPEND DEFORMER_PICTURES_LIBRARIES ${_name})
endforeach()
configure_package_config_file(cmake/deformerConfig.cmake.in ${PROJECT_BINARY_DIR}/deformerConfig.cmake
    INSTALL_DESTINATION ${_package_at} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/deformerConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/deformerConfig.cmake ${PROJECT_BINARY_DIR}/deformerConfigVersion.cmake DESTINATION ${_package_at})

# The prefix is written relative to the file, so that `cmake --install --prefix` may put it anywhere.
list(JOIN DEFORMER_PICTURES_PC " " DEFORMER_REQUIRES)
string(PREPEND DEFORMER_REQUIRES "libpng libjpeg zlib ")
string(STRIP "${DEFORMER_REQUIRES}" DEFORMER_REQUIRES)
set(DEFORMER_LINKS "-pthread -lm")
if(DEFORMER_HAS_BLAS AND CMAKE_DL_LIBS)
    string(APPEND DEFORMER_LINKS " -l${CMAKE_DL_LIBS}")
endif()
file(RELATIVE_PATH DEFORMER_PREFIX_FROM_PC /prefix/${_pkgconfig_at} /prefix)
configure_file(cmake/deformer.pc.in ${PROJECT_BINARY_DIR}/deformer.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/deformer.pc DESTINATION ${_pkgconfig_at})

# ---- what a person wants beside them ---------------------------------------------------------------------------------
if(TARGET deformer)
    add_custom_command(OUTPUT deformer.1
        COMMAND ${PROJECT_SOURCE_DIR}/tools/make-manual ${DEFORMER_RUN} ${PROJECT_SOURCE_DIR}/docs/deformer.1.in > deformer.1
        DEPENDS deformer tools/make-manual docs/deformer.1.in COMMENT "Writing the manual page" VERBATIM)
    add_custom_target(manual ALL DEPENDS deformer.1)
    install(FILES ${PROJECT_BINARY_DIR}/deformer.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
install(FILES docs/completion/deformer.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME deformer)
install(FILES docs/completion/deformer.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _deformer)
install(FILES docs/completion/deformer.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/deformer)
install(FILES LICENSE README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.jpg" PATTERN completion EXCLUDE)
