/* SPDX-License-Identifier: Apache-2.0
 *
 * core/textbuf.h -- a text that grows, for tables, JSON and pages. A failure sticks until df_textbuf_take().
 */
#ifndef DF_CORE_TEXTBUF_H
#define DF_CORE_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

typedef struct {
    char *at;
    size_t n, capacity;
    bool failed;
} DfTextbuf;

void df_textbuf_add(DfTextbuf *, const char *format, ...) DF_PRINTF(2, 3);
void df_textbuf_json(DfTextbuf *, const char *s);         /* quoted and escaped for JSON            */
void df_textbuf_number(DfTextbuf *, double x);            /* for JSON: 17 digits, null if not finite */
void df_textbuf_html(DfTextbuf *, const char *s);         /* escaped for HTML, text or attribute    */
int df_textbuf_take(DfTextbuf *, char **out);             /* the text, df_free it; DF_ENOMEM if it failed */

#endif
