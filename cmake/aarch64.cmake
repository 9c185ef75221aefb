# SPDX-License-Identifier: Apache-2.0
#
# A toolchain file: 64-bit ARM from another machine, by Debian's cross compiler, tested under qemu-user. The libraries are
# those that tools/aarch64-sysroot has unpacked, or, where it has not, arm64 packages that are installed beside one's own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

get_filename_component(_sysroot ${CMAKE_CURRENT_LIST_DIR}/../build-aarch64/sysroot ABSOLUTE)
if(EXISTS ${_sysroot})
    set(CMAKE_SYSROOT ${_sysroot})
    set(ENV{PKG_CONFIG_SYSROOT_DIR} ${_sysroot})
else()
    set(_sysroot "")
endif()
set(ENV{PKG_CONFIG_LIBDIR} ${_sysroot}/usr/lib/aarch64-linux-gnu/pkgconfig:${_sysroot}/usr/share/pkgconfig)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
if(_sysroot)
    set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
endif()

# "max" has everything that the emulator knows; QEMU_CPU chooses another.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${_sysroot}/)
