/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/data.h -- private to eval/: what a check has met so far, and its findings.
 */
#ifndef DF_EVAL_CHECK_DATA_H
#define DF_EVAL_CHECK_DATA_H

#include "eval/check/check.h"
#include "annotations/annotations.h"
#include "boxes/boxes.h"

enum { CHECK_SHOWN = 5, CHECK_KINDS = 64, CHECK_POINTS = 4000 };

/* One record of any list, read without complaint about what is missing. */
enum { F_ID = 1, F_IMAGE = 2, F_CATEGORY = 4, F_BOX = 8, F_AREA = 16, F_CROWD = 32, F_SCORE = 64, F_WIDTH = 128, F_HEIGHT = 256, F_MASK = 512, F_FILE = 1024 };
typedef struct {
    size_t line, number;
    unsigned has;              /* F_*: there, and of the right type       */
    unsigned odd;              /* F_*: there, of a wrong type             */
    DfId id, image, category;
    char id_text[256], image_text[256], category_text[256], name[512];
    double box[4], area, score, width, height;
    size_t n_box;
    bool crowd;
    /* segmentation */
    size_t parts, short_parts, odd_parts, flat_parts, crossing_parts;
    bool runs, bad_runs;
    double mask_height, mask_width, runs_sum, runs_foreground; /* sums -1: compressed, not known yet */
    char *counts;              /* compressed; borrowed from `text_room`   */
    double low_x, high_x, low_y, high_y;
} CheckRecord;

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
    DfIds image_ids, category_ids, annotation_ids;
    CheckImage *images;
    CheckCategory *categories;
    size_t *annotation_lines;
    CheckTruth *truths;
    size_t n_truths, images_capacity, categories_capacity, lines_capacity, truths_capacity;
    char *counts;              /* room for one compressed mask */
    size_t counts_capacity;
    double *points;            /* room for one polygon         */
    size_t points_capacity;
};

/* Reads the record whose opening brace was met. */
int df_check_record(DfCheck *, DfJson *, size_t number, CheckRecord *);

/* What is wrong with the segmentation of a record; `kind` is "annotation" or "detection". Fills `mask` as far as it is right. */
int df_check_mask(DfCheck *, const CheckRecord *, const char *kind, CheckMask *mask);
int df_check_mask_in_image(DfCheck *, const CheckMask *, const CheckImage *, size_t line, const char *kind); /* "an annotation" */
int df_check_mask_in_box(DfCheck *, const CheckMask *, const CheckRecord *); /* of an annotation: detectors predict both by themselves */

static inline bool df_check_mask_known(const CheckMask *m)
{
    return m->low_x <= m->high_x;
}

/* Adds a finding; `code` is a constant, the same for all findings alike. */
int df_check_find(DfCheck *, DfCheckLevel, const char *code, size_t line, const char *format, ...) DF_PRINTF(5, 6);

uint32_t df_check_place(const DfIds *, DfId); /* VIEW_NONE-like: DF_NO_ID if it was never met */

#endif
