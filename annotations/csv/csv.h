/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/csv/csv.h -- comma-separated values with a line of column names (RFC 4180), row by row, in
 * place. Included by annotations/annotations.h.
 */
#ifndef DF_ANNOTATIONS_CSV_CSV_H
#define DF_ANNOTATIONS_CSV_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_CSV_FIELDS = 64, DF_CSV_TEXT = 512 }; /* columns at most; bytes of a name, with a zero at its end */

/* {at, end, file} to begin with: the text, and what to call it in messages. */
typedef struct {
    const char *at, *end;
    const char *file;
    size_t line;                      /* on which the row begins, from 1 on         */
    size_t lines;                     /* read so far                                */
    const char *field[DF_CSV_FIELDS]; /* of the row, without quotes around it       */
    size_t length[DF_CSV_FIELDS];
    bool quoted[DF_CSV_FIELDS];
    size_t n;
    size_t n_columns;                 /* of the first row                           */
} DfCsv;

/* The next row that is not empty: 1, or 0 at the end. Every row has as many fields as the first, else DF_EFORMAT. */
DF_API int df_csv_next(DfCsv *);

/* The place of a column in the present row, which names them; DF_CSV_FIELDS: there is none. */
DF_API size_t df_csv_column(const DfCsv *, const char *name);

/* A field as a text, and as a finite number. DF_EFORMAT with the line and `column` if it is none. */
DF_API int df_csv_text(const DfCsv *, size_t i, const char *column, char out[DF_CSV_TEXT]);
DF_API int df_csv_number(const DfCsv *, size_t i, const char *column, double *out);

DF_END_DECLS

#endif
