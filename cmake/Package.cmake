# SPDX-License-Identifier: Apache-2.0
#
# `cpack` in a build folder packs what `cmake --install` installs: a tarball, and where Debian's tools are a .deb.
#     cd build && cpack                       # both; -G TGZ or -G DEB: one of them
#     cpack --config CPackSourceConfig.cmake  # the sources
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_VENDOR "The Deformer project")
set(CPACK_PACKAGE_CONTACT "The Deformer developers")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
string(TOLOWER "${PROJECT_NAME}-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}" CPACK_PACKAGE_FILE_NAME)
set(CPACK_GENERATOR TGZ)

set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME ${PROJECT_NAME}-${PROJECT_VERSION})
set(CPACK_SOURCE_IGNORE_FILES "/\\.git(/|$)" "^${PROJECT_SOURCE_DIR}/build[^/]*/" "~$")

# ---- Debian: dependencies are those of the files themselves, as dpkg-shlibdeps finds them ------------------------------
find_program(DEFORMER_SHLIBDEPS dpkg-shlibdeps)
find_program(DEFORMER_FILE file) # tells CPack which files are programs and libraries
mark_as_advanced(DEFORMER_SHLIBDEPS DEFORMER_FILE)
if(DEFORMER_SHLIBDEPS AND DEFORMER_FILE)
    list(APPEND CPACK_GENERATOR DEB)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON) # of libdeformer.so, for packages of others; also runs ldconfig
if(DEFORMER_HAS_BLAS) # loaded at need, so nothing that is linked tells of it
    set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libopenblas0-pthread | libopenblas0")
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libdeflate-dev, libjpeg-dev, libpng-dev, libtiff-dev, libwebp-dev, zlib1g-dev") # to link the static library
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "The program deformer reads configs and checkpoints of mmdetection and
mmsegmentation, runs the networks on a CPU and scores them as COCO,
ADE20K and ImageNet do. The package also holds the library, its headers,
a CMake package, a pkg-config file and ready configs.")
include(CPack)
