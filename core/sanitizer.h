/* SPDX-License-Identifier: Apache-2.0
 *
 * core/sanitizer.h -- private: whether AddressSanitizer watches. It knows the blocks of malloc(), not those that we cut
 * from larger ones.
 */
#ifndef DF_CORE_SANITIZER_H
#define DF_CORE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define DF_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DF_WATCHED 1
#endif
#endif
#ifndef DF_WATCHED
#define DF_WATCHED 0
#endif

#endif
