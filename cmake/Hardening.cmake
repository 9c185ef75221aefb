# SPDX-License-Identifier: Apache-2.0
#
# What compiler and linker do against the faults that nobody has found yet: a smashed stack, a call into the middle of a
# function, a write past a buffer whose size is known, an overwritten table of functions. tools/check-hardening looks at
# the result. Sanitizers bring their own checks, and some of these would hide what they see.
option(DEFORMER_HARDENING "stack protector, FORTIFY, full RELRO, PIE, CET and stack clash protection" ON)

include(CheckPIESupported)
check_pie_supported(LANGUAGES C) # so that CMAKE_POSITION_INDEPENDENT_CODE makes programs PIE, too

if(DEFORMER_HARDENING AND NOT DEFORMER_SANITIZE AND NOT DEFORMER_FUZZ)
    include(CheckCCompilerFlag)
    include(CheckLinkerFlag)
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
        string(MAKE_C_IDENTIFIER "DEFORMER_HAS${flag}" _has)
        check_c_compiler_flag(${flag} ${_has})
        if(${_has})
            add_compile_options(${flag})
        endif()
    endforeach()
    # The C library checks sizes only in optimised code, and warns of it elsewhere.
    add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
    foreach(flag relro now noexecstack)
        check_linker_flag(C "-Wl,-z,${flag}" DEFORMER_LINKS_${flag})
        if(DEFORMER_LINKS_${flag})
            add_link_options("-Wl,-z,${flag}")
        endif()
    endforeach()
endif()
