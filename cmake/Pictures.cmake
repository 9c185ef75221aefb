# SPDX-License-Identifier: Apache-2.0
#
# Libraries for pictures which not everybody has. Sets DEFORMER_PICTURES, what datasets/ is compiled with, and
# DEFORMER_PICTURES_PC, the names of their pkg-config files; adds to DEFORMER_LIBS.
set(DEFORMER_PICTURES)
set(DEFORMER_PICTURES_PC)

# deformer_pictures(TIFF libtiff-4 4.5 "..."): what is wanted, the library, the least version of it, and what a build lacks without it
function(deformer_pictures name library least lack)
    if(NOT DEFORMER_${name})
        return()
    endif()
    pkg_check_modules(${name} QUIET IMPORTED_TARGET ${library}>=${least})
    if(${name}_FOUND)
        list(APPEND DEFORMER_LIBS PkgConfig::${name})
        list(APPEND DEFORMER_PICTURES DEFORMER_${name}=1)
        list(APPEND DEFORMER_PICTURES_PC ${library})
        foreach(list LIBS PICTURES PICTURES_PC)
            set(DEFORMER_${list} ${DEFORMER_${list}} PARENT_SCOPE)
        endforeach()
    elseif(DEFORMER_${name} STREQUAL "AUTO")
        message(STATUS "${lack}: ${library} ${least} or later was not found (tools/setup installs it)")
    else()
        message(FATAL_ERROR "DEFORMER_${name} is ${DEFORMER_${name}}, but ${library} ${least} or later was not found")
    endif()
endfunction()

deformer_pictures(TIFF libtiff-4 4.5 "TIFF pictures are not read")
deformer_pictures(WEBP libwebp 1.0 "WebP pictures are not read")
deformer_pictures(DEFLATE libdeflate 1.9 "Maps in PNG files are read by zlib, which takes several times as long")
