/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/data.h -- private to eval/: what a check has met so far, and its findings.
 */
#ifndef DF_EVAL_CHECK_DATA_H
#define DF_EVAL_CHECK_DATA_H

#include "eval/check/check.h"
#include "annotations/annotations.h"
#include "boxes/boxes.h"

enum { CHECK_SHOWN = 5, CHECK_KINDS = 64 };

/* How large a mask says its image is (0: it does not), and how far it reaches; high_x < low_x: not known. */
typedef struct {
    uint32_t height, width;
    float low_x, low_y, high_x, high_y;
} CheckMask;

typedef struct {
    double box[4];
    CheckMask mask;
    uint32_t image, category; /* places in the id tables */
    uint32_t line;
    bool crowd, has_box;
} CheckTruth;

typedef struct {
    const char *code;
    DfCheckLevel level;
    size_t count, shown;
} CheckKind;

typedef struct {
    size_t kind, line; /* line 0: of the whole file */
    const char *file, *text;
} CheckFinding;

typedef struct {
    double width, height;
    size_t line, truths, detections;
    const char *name;
    bool listed;
} CheckImage;

typedef struct {
    size_t line, truths, detections;
    const char *name;
    bool listed;
} CheckCategory;

struct DfCheck {
    DfArena *arena;
    const char *file;          /* the one being read */
    CheckKind kinds[CHECK_KINDS];
    size_t n_kinds;
    CheckFinding *findings;
    size_t n_findings, findings_capacity;
    DfIds image_ids, category_ids, annotation_ids, category_names;
    uint32_t *named;           /* [category_names]: place of the first category of that name */
    size_t named_capacity;
    CheckImage *images;
    CheckCategory *categories;
    size_t *annotation_lines;
    CheckTruth *truths;
    size_t n_truths, images_capacity, categories_capacity, lines_capacity, truths_capacity;
    unsigned odd;              /* of the record that is read: DF_COCO_* that are there and of a wrong type */
    char undecoded[256];       /* why its compressed counts hold no runs                                   */
};

/* The records of a list, each given to look(), whatever they lack: `has` of a record says what is there, `odd` of
 * the check what is of a wrong type. */
typedef int CheckLook(void *arg, DfCocoRecord *);
int df_check_stream(DfCheck *, DfJson *, DfCocoList, CheckLook *look, void *arg);

/* What is wrong with the segmentation of a record; `kind` is "annotation" or "detection". Fills `mask` as far as
 * it is right. */
int df_check_mask(DfCheck *, const DfCocoRecord *, const char *kind, CheckMask *mask);
/* Whether it fits its image; `kind` is "an annotation" or "a detection". */
int df_check_mask_in_image(DfCheck *, const CheckMask *, const CheckImage *, size_t line, const char *kind);
/* Whether it fits its box: of an annotation alone, as detectors predict both by themselves. */
int df_check_mask_in_box(DfCheck *, const CheckMask *, const DfCocoRecord *);

static inline bool df_check_mask_known(const CheckMask *m)
{
    return m->low_x <= m->high_x;
}

/* A field that a record must have. */
typedef struct {
    unsigned field;
    const char *key, *code;
} CheckWanted;
int df_check_wanted(DfCheck *, const DfCocoRecord *, const CheckWanted *, size_t n, const char *kind);

/* Findings from here on are of this file. */
int df_check_begin_file(DfCheck *, const char *name);

/* Adds a finding; `code` is a constant, the same for all findings alike. */
int df_check_find(DfCheck *, DfCheckLevel, const char *code, size_t line, const char *format, ...) DF_PRINTF(5, 6);

#endif
