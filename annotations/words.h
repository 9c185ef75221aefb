/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/words.h -- text files whose lines are words separated by spaces: results of PASCAL VOC, labels of DOTA,
 * lists of images. Included by annotations/annotations.h.
 */
#ifndef DF_ANNOTATIONS_WORDS_H
#define DF_ANNOTATIONS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_WORDS = 12, DF_WORD = 512 }; /* words of a line that are kept; bytes of one, with a zero at its end */

/* {at, end, file} to begin with: the text, and what to call it in messages. */
typedef struct {
    const char *at, *end;
    const char *file;
    size_t line;               /* of the words, from 1 on                               */
    const char *word[DF_WORDS]; /* of the line, without a zero at their end             */
    size_t length[DF_WORDS];
    size_t n;                  /* how many the line has, also those that are not kept   */
} DfWords;

DF_API bool df_words_next(DfWords *); /* the next line that has a word; false: there is none */

/* One of the line's kept words as a text, and as a finite number. DF_EFORMAT with the line if it is none. */
DF_API int df_words_text(const DfWords *, size_t i, char out[DF_WORD]);
DF_API int df_words_number(const DfWords *, size_t i, double *out);
DF_API int df_words_numbers(const DfWords *, size_t i, size_t n, double *out);

DF_END_DECLS

#endif
