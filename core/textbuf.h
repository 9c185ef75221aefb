/* SPDX-License-Identifier: Apache-2.0
 *
 * core/textbuf.h -- a text that grows, for tables, JSON and pages. A failure sticks until df_textbuf_take().
 */
#ifndef DF_CORE_TEXTBUF_H
#define DF_CORE_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"
#include "core/error.h"

DF_BEGIN_DECLS

typedef struct {
    char *at;
    size_t n, capacity;
    bool failed;
} DfTextbuf;

DF_API void df_textbuf_add(DfTextbuf *, const char *format, ...) DF_PRINTF(2, 3);
/* Made visible (core/text.h), then spaces up to `width` bytes. */
DF_API void df_textbuf_shown(DfTextbuf *, const char *s, int width);
DF_API void df_textbuf_json(DfTextbuf *, const char *s);  /* quoted and escaped for JSON            */
DF_API void df_textbuf_number(DfTextbuf *, double x);     /* for JSON: 17 digits, null if not finite */
DF_API void df_textbuf_shortest(DfTextbuf *, double x); /* the fewest digits that give x again; NaN and Infinity too */
DF_API void df_textbuf_html(DfTextbuf *, const char *s);  /* escaped for HTML, text or attribute    */
DF_API void df_textbuf_base64(DfTextbuf *, const void *bytes, size_t n); /* RFC 4648, padded with =     */
DF_API int df_textbuf_take(DfTextbuf *, char **out);      /* the text, df_free it; DF_ENOMEM if it failed */

DF_END_DECLS

#endif
