/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/reader.h -- private to annotations/: what the readers of records and of segmentations share.
 */
#ifndef DF_ANNOTATIONS_COCO_READER_H
#define DF_ANNOTATIONS_COCO_READER_H

#include <string.h>

#include "annotations/coco/coco.h"

/* In place of a record's offset: there is no '{'. */
#define DF_COCO_NO_RECORD UINT64_MAX

/* Tells a problem with the value that begins with the event `p->met`. If that is DF_JSON_ERROR the text is no
 * JSON, and its own sentence stands. The sentence is made of `format`. */
int df_coco_report(DfCocoRecord *, const DfCocoSink *, DfCocoProblem p, const char *format, ...) DF_PRINTF(4, 5);

/* The same, and then passes over the value, and over the rest of so many lists or objects around it. */
int df_coco_report_and_pass(DfCocoRecord *, const DfCocoSink *, DfCocoProblem p, int around, const char *sentence);

/* The same for a value of another type than is wanted: "NAME is not WANTED". */
int df_coco_report_type(DfCocoRecord *, const DfCocoSink *, unsigned field, DfJsonEvent met, const char *name,
                        const char *wanted);

/* The value of "segmentation", which is due. */
int df_coco_read_segmentation(DfCocoRecord *, const DfCocoSink *);

/* The value of "segments_info", which is due. */
int df_coco_read_segments(DfCocoRecord *, const DfCocoSink *);

/* Is this the key? With a literal name the compiler sees the lengths. */
static inline bool df_coco_is(const DfJsonValue *key, const char *name)
{
    return key->length == strlen(name) && memcmp(key->text, name, strlen(name)) == 0;
}

#endif
