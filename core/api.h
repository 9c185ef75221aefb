/* SPDX-License-Identifier: Apache-2.0
 *
 * core/api.h -- how a public header marks its interface: declarations are between DF_BEGIN_DECLS and DF_END_DECLS, so
 * that C++ can include them, and DF_API precedes each function and variable that programs may use. The shared library
 * exports these and nothing else.
 */
#ifndef DF_CORE_API_H
#define DF_CORE_API_H

#if defined(__GNUC__)
#define DF_API __attribute__((visibility("default")))
#else
#define DF_API
#endif

#ifdef __cplusplus
#define DF_BEGIN_DECLS extern "C" {
#define DF_END_DECLS }
#else
#define DF_BEGIN_DECLS
#define DF_END_DECLS
#endif

#endif
