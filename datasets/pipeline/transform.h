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
#include "datasets/registry.h"

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

/* One view of a picture on its way through the transforms. */
typedef struct DfWork {
    const DfImage *source;     /* the picture, borrowed                        */
    DfImage own;               /* what replaced it, if anything did            */
    DfScale scale;             /* what MultiScaleFlipAug asks of Resize,       */
    DfFlip flip;               /* and of RandomFlip                            */
    DfFlip flipped;            /* what RandomFlip has done                     */
    float scale_factor[4];     /* w h w h                                      */
    bool normalised, to_rgb;
    float table[3][256];       /* [channel of the output][pixel]: its value    */
    bool padded;
    int pad_height, pad_width;
    float pad[3];              /* value of the border, by channel of the output */
} DfWork;

/* The picture as it is now. */
const DfImage *df_work_image(const DfWork *);

/* Makes the picture our own, so that it may be changed in place. */
int df_work_own(DfWork *);

/* Takes `resized` in place of the picture. The scale factors are mmdet's: new sides over old ones, in double, kept
 * as floats. */
void df_work_resized(DfWork *, DfImage resized);

/* The floats: normalised, padded, in the right order of channels. */
int df_work_finish(const DfWork *, DfView *out);

/* DF_EVALUE, said at the dict, unless mean and std have three numbers each and std no zero. */
int df_check_normalize(const DfFloats *mean, const DfFloats *std, const DfNode *dict);

/* Reads "(1333, 800)" or a list of such; None gives n = 0. */
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
