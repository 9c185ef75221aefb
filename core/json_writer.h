/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_writer.h -- JSON (RFC 8259) as a text, member by member. Lists have an item a line, objects stand in one. A
 * failure sticks until df_json_take().
 *
 *     DfJsonWriter w = { 0 };
 *     df_json_begin(&w, NULL, '{');
 *     df_json_put_text(&w, "model", "RetinaNet");
 *     df_json_begin(&w, "sides", '[');
 *     df_json_put_number(&w, NULL, 800);
 *     df_json_end(&w);
 *     df_json_end(&w);
 *     error = df_json_take(&w, &text);                 {"model": "RetinaNet", "sides": [
 *                                                        800
 *                                                      ]}
 */
#ifndef DF_CORE_JSON_WRITER_H
#define DF_CORE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/textbuf.h"

DF_BEGIN_DECLS

enum { DF_JSON_DEEP = 16 }; /* objects and lists in one another, at most */

typedef struct {
    DfTextbuf text;
    int depth;
    char bracket[DF_JSON_DEEP];   /* of what is open: '{' or '['             */
    bool met[DF_JSON_DEEP];       /* it has a member                         */
} DfJsonWriter;

/* key: of a member of an object; NULL in a list and at the top. */
DF_API void df_json_begin(DfJsonWriter *, const char *key, char bracket); /* '{' or '['              */
DF_API void df_json_end(DfJsonWriter *);
DF_API void df_json_put_text(DfJsonWriter *, const char *key, const char *text); /* NULL: null           */
/* shortest of 15 and 17 digits; null if it is not finite */
DF_API void df_json_put_number(DfJsonWriter *, const char *key, double);
DF_API void df_json_put_integer(DfJsonWriter *, const char *key, int64_t n);  /* all its digits */
DF_API void df_json_put_bool(DfJsonWriter *, const char *key, bool);
DF_API int df_json_take(DfJsonWriter *, char **out); /* with a line feed at the end; df_free it. DF_ENOMEM */

DF_END_DECLS

#endif
