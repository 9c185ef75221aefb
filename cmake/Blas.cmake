# SPDX-License-Identifier: Apache-2.0
#
# OpenBLAS, whose products are a rung of kernels/. It is loaded when that rung is first asked for and never linked, so all that is
# wanted of it here is its name. Sets DEFORMER_HAS_BLAS and DEFORMER_BLAS_AT, and adds to DEFORMER_LIBS what dlopen() is in.
#
# It is looked for where pkg-config and its own CMake package say, then in the folders of the system. A build with threads is preferred
# (Debian: libopenblas-dev, Fedora: openblas-threads): told to use one, several threads may call it at once, which the build without
# threads does not bear (kernels/gemm/gemm_blas.c). -DDEFORMER_BLAS_LIBRARY=FILE names another.
set(DEFORMER_BLAS AUTO CACHE STRING "products by OpenBLAS where no vector rung is: ON, OFF, or AUTO for \"if it is installed\"")
set(DEFORMER_HAS_BLAS OFF)

function(deformer_find_blas)
    pkg_check_modules(OPENBLAS QUIET openblas)
    find_package(OpenBLAS QUIET CONFIG)
    set(_folders ${OPENBLAS_LIBRARY_DIRS} ${OPENBLAS_LIBDIR})
    foreach(_library ${OpenBLAS_LIBRARIES})
        get_filename_component(_folder "${_library}" DIRECTORY)
        list(APPEND _folders ${_folder})
    endforeach()
    find_library(DEFORMER_BLAS_LIBRARY NAMES openblasp openblas NAMES_PER_DIR HINTS ${_folders} DOC "OpenBLAS: its shared library")
    mark_as_advanced(DEFORMER_BLAS_LIBRARY)
endfunction()

# The name under which programs find it: libopenblas.so.0 and not libopenblas.so, which comes with the headers alone.
function(deformer_blas_at out library)
    get_filename_component(_library ${library} ABSOLUTE)
    file(GLOB _versions ${_library}.*)
    list(FILTER _versions INCLUDE REGEX "\\.so\\.[0-9]+$")
    if(_versions)
        list(GET _versions 0 _library)
    endif()
    set(${out} ${_library} PARENT_SCOPE)
endfunction()

if(DEFORMER_BLAS)
    deformer_find_blas()
    if(DEFORMER_BLAS_LIBRARY AND NOT DEFORMER_BLAS_LIBRARY MATCHES "\\.a$")
        include(CheckLibraryExists)
        check_library_exists(${DEFORMER_BLAS_LIBRARY} cblas_sgemm "" DEFORMER_BLAS_MULTIPLIES)
        check_library_exists(${DEFORMER_BLAS_LIBRARY} openblas_get_parallel "" DEFORMER_BLAS_IS_OPENBLAS)
    endif()
    if(DEFORMER_BLAS_MULTIPLIES AND DEFORMER_BLAS_IS_OPENBLAS)
        set(DEFORMER_HAS_BLAS ON)
        deformer_blas_at(DEFORMER_BLAS_AT ${DEFORMER_BLAS_LIBRARY})
        list(APPEND DEFORMER_LIBS ${CMAKE_DL_LIBS})
        message(STATUS "Products by OpenBLAS where this processor has no vector rung of ours: ${DEFORMER_BLAS_AT}")
    elseif(DEFORMER_BLAS STREQUAL "AUTO")
        message(STATUS "No products by OpenBLAS: its shared library was not found (tools/setup installs it)")
    else()
        message(FATAL_ERROR "DEFORMER_BLAS is ${DEFORMER_BLAS}, but the shared library of OpenBLAS was not found")
    endif()
endif()
