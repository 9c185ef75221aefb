/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/encoding.h -- private: the text of an XML file, converted to UTF-8.
 */
#ifndef DF_ANNOTATIONS_VOC_ENCODING_H
#define DF_ANNOTATIONS_VOC_ENCODING_H

#include <stddef.h>

typedef struct {
    const char *at;
    size_t size;
    char *own; /* df_free() it; NULL: the text is the caller's */
} VocText;

/* UTF-8, UTF-16 and ISO-8859-1, told as XML's parsers tell them: by a byte order mark, by the zeros between letters, or
 * by the name in the first line, <?xml version="1.0" encoding="ISO-8859-1"?>. Of another encoding ASCII alone is read.
 * DF_EFORMAT, with `name` and the line, for a byte that means nothing. */
int df_voc_decode(VocText *out, const char *text, size_t size, const char *name);

#endif
