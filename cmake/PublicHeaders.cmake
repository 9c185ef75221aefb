# SPDX-License-Identifier: Apache-2.0
#
# The public headers are FOLDER/FOLDER.h and all headers that these include. There is no list to maintain.

# deformer_public_headers(OUT FOLDER...): their paths from the root, in the order in which they are met.
function(deformer_public_headers out)
    set(_waiting)
    foreach(folder ${ARGN})
        list(APPEND _waiting ${folder}/${folder}.h)
    endforeach()
    set(_found)
    while(_waiting)
        list(POP_FRONT _waiting header)
        if(header IN_LIST _found OR NOT EXISTS ${CMAKE_SOURCE_DIR}/${header})
            continue()
        endif()
        list(APPEND _found ${header})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${header})
        file(STRINGS ${CMAKE_SOURCE_DIR}/${header} _lines REGEX "^#include \"[^\"]+\\.h\"")
        foreach(line ${_lines})
            string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" included "${line}")
            list(APPEND _waiting ${included})
        endforeach()
    endwhile()
    set(${out} ${_found} PARENT_SCOPE)
endfunction()
