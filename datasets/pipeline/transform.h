/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/transform.h -- what the transforms of a pipeline work on; for the files of datasets/ alone.
 *
 * Pixels stay 8 bits until the end. Normalising and padding are only noted down, and df_work_finish() does both in
 * the one pass that makes floats. That is exact: an 8-bit pixel has 256 possible values in each channel, so
 * normalising is a table.
 */
#ifndef DF_DATASETS_PIPELINE_TRANSFORM_H
#define DF_DATASETS_PIPELINE_TRANSFORM_H

#include "datasets/pipeline/pipeline.h"

/* mmdet's (w, h) of a scale, or a factor. */
typedef struct {
    enum { DF_SCALE_NONE, DF_SCALE_SIZE, DF_SCALE_FACTOR } kind;
    int size[2];
    double factor;
} DfScale;

typedef struct {
    int n;
    DfScale *v;
} DfScales;

struct DfWork {
    const DfImage *source; /* the picture, borrowed                                */
    DfImage own;           /* what replaced it, if anything did                     */
    DfScale scale;         /* what MultiScaleFlipAug asks of Resize                 */
    DfFlip flip;           /* ... and of RandomFlip                                 */
    DfFlip flipped;        /* what was done                                         */
    float scale_factor[4];
    bool normalised, to_rgb;
    float table[3][256];   /* of the output's channel: value of a pixel             */
    bool padded;
    int pad_height, pad_width;
    float pad[3];          /* of the output's channel                               */
};

const DfImage *df_work_image(const DfWork *);
int df_work_own(DfWork *); /* makes the picture our own, to change it in place */
/* `resized` in place of the picture, which it takes. mmdet's scale factors: new sides over old ones, in double,
 * kept as floats. */
void df_work_resized(DfWork *, DfImage resized);
int df_work_finish(const DfWork *, DfView *out);

/* Three numbers in each, and none of std is zero; said at the dict. */
int df_check_normalize(const DfFloats *mean, const DfFloats *std, const DfNode *dict);

/* "(1333, 800)" or a list of such; None gives n = 0. */
int df_read_sizes(DfScales *out, const DfNode *node, DfArena *arena);

/* ---- the transforms that hold other transforms ----------------------------------------------------------------- */

typedef struct {
    const DfTransform *kind;
    const void *self;
} DfStep;

typedef struct {
    int n;
    DfStep *v;
} DfSteps;

int df_steps_read(DfSteps *out, const DfNode *list, DfArena *arena);
int df_steps_run(const DfSteps *, DfWork *);

extern const DfTransform df_transform_MultiScaleFlipAug;

typedef struct {
    const DfNode *transforms, *img_scale, *scale_factor, *img_ratios, *flip_direction;
    bool flip;
    DfSteps steps;
    DfScales scales;
    int flips;       /* how many views of each scale                 */
    DfFlip which[5]; /* [flips]: first none, then the directions     */
} DfMultiScaleFlipAug;

#endif
