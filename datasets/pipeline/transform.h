/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/transform.h -- private to datasets/: the state that the transforms of a pipeline work on.
 *
 * Pixels stay 8 bits until the end, unless a transform computes in floats. Mirroring, normalising and padding are only
 * recorded; df_work_finish() applies them in the one pass that makes the network's floats. This is exact: an 8-bit
 * pixel has 256 possible values in each channel, so normalising is a table. A transform that needs the pixels
 * themselves first has the recorded operations applied (df_work_settle()).
 *
 * A transform calls df_work_resize(), df_work_flip(), df_work_cut(), ..., which move the annotations with the picture.
 */
#ifndef DF_DATASETS_PIPELINE_TRANSFORM_H
#define DF_DATASETS_PIPELINE_TRANSFORM_H

#include "datasets/image/grid.h"
#include "datasets/image/image_file.h"
#include "datasets/image/resize.h"
#include "datasets/pipeline/pipeline.h"
#include "datasets/pipeline/training.h"
#include "datasets/registry.h"

/* ---- reading a list of transforms ------------------------------------------------------------------------------ */

/* What the dicts are read for: neither library nor release are AUTO. */
struct DfReading {
    bool training;
    DfCodebase codebase;
    DfRelease release;
    DfArena *arena;
    DfPipelineNeeds needs; /* as far as it is read       */
    bool normalises;       /* a step of it subtracts means */
    DfImageReading pictures; /* how they are to be read    */
};
typedef struct DfReading DfReading;

/* mmdet's (w, h) of a scale, or a factor. */
typedef struct {
    enum { DF_SCALE_NONE, DF_SCALE_SIZE, DF_SCALE_FACTOR, DF_SCALE_FACTOR_ROUNDED } kind;
    int size[2];
    double factor;
} DfScale;

typedef struct {
    int n;
    DfScale *v;
} DfScales;

/* DF_EVALUE, said at the dict, unless mean and std have three numbers each and std no zero. */
int df_check_normalize(const DfFloats *mean, const DfFloats *std, const DfNode *dict);

/* Reads "(1333, 800)" or a list of such; None gives n = 0. */
int df_read_sizes(DfScales *out, const DfNode *node, DfArena *arena);

/* Reads 'horizontal', 'vertical' or 'diagonal', or a list of at most three of them. */
typedef struct {
    int n;
    DfFlip v[3];
} DfFlips;
int df_read_flips(DfFlips *out, const DfNode *node);

bool df_node_is_number(const DfNode *); /* NULL is none */

/* ---- a picture on its way -------------------------------------------------------------------------------------- */

/* (v - mean) / std of each channel of the output, in the arithmetic of who defines it; RESCALE: v * std. */
typedef enum { DF_NORMAL_MMCV, DF_NORMAL_DETR, DF_NORMAL_TORCH, DF_NORMAL_RESCALE } DfNormalKind;
typedef struct {
    DfNormalKind kind;
    bool to_rgb;
    float mean[3], std[3];
} DfNormal;

typedef struct DfWork {
    const DfImage *source;     /* the picture, borrowed                        */
    DfRelease release;         /* whose transforms they are                    */
    DfGrid picture;            /* as it is now: B G R in bytes, or in floats   */
    bool reversed;             /* it is R G B where B G R is meant; bytes alone */

    DfScale scale;             /* what MultiScaleFlipAug asks of Resize,       */
    DfFlip flip;               /* and of RandomFlip                            */

    bool resized;              /* by a Resize                                  */
    float scale_factor[4];     /* w h w h                                      */
    bool flip_chosen;          /* by a RandomFlip                              */
    DfFlip flipped;            /* what it has done                             */

    bool mirror_x, mirror_y;   /* noted down, to be done in this order         */
    bool normalised;
    DfNormal normal;
    bool padded;
    bool pad_is_size;          /* 3.x: what Pad adds counts as picture         */
    int pad_height, pad_width;
    float pad[3];              /* value of the border, by channel of the output */

    DfAnnotations *known;      /* of the picture; NULL in testing              */
    DfGrid map;                /* its label map; {0}: none                     */
    const DfOthers *others;
    DfDraws *draws;            /* NULL in testing                              */
    bool left_out;             /* nothing to learn is left: no transform follows */
} DfWork;

enum { DF_WORK_BYTES = 3, DF_WORK_FLOATS = 3 * sizeof(float) }; /* cells of the picture */

int df_work_height(const DfWork *);
int df_work_width(const DfWork *);
bool df_work_is_float(const DfWork *);

/* Everything that is noted down is done. */
int df_work_settle(DfWork *);

/* The same, and pixels that may be changed in place: bytes or floats, as they are; floats. */
int df_work_own(DfWork *);
int df_work_own_floats(DfWork *);

/* Notes the normalising down; DF_EVALUE if it is noted already. A border that is there is normalised like the
 * picture. */
int df_work_normalize(DfWork *, const DfNormal *);

/* Notes down a border to height x width, right and below; maps and masks get theirs at once. A picture of bytes takes
 * whole values in 0..255. */
int df_work_pad(DfWork *, int height, int width, const float value[3], int map_fill);

/* The floats of the network. */
int df_work_finish(const DfWork *, DfView *out);

/* A colour as the picture has its bytes. */
void df_work_colour(uint8_t out[3], const float colour[3], const DfWork *);

/* ---- moving everything ----------------------------------------------------------------------------------------- */

/* Whose pixels a resize gives: OpenCV's (bilinear), Pillow's (before and from release 13), those of PyTorch's
 * antialiased resize of bytes, or those of its resize of floats, which is bilinear and not antialiased (torchvision's
 * detectors). */
typedef enum {
    DF_BACKEND_CV2, DF_BACKEND_PILLOW, DF_BACKEND_PILLOW13, DF_BACKEND_TORCH, DF_BACKEND_TORCH_FLOATS
} DfBackend;
#define DF_BACKENDS "cv2|pillow|pillow13|torch|torch_floats" /* for options, in the same order */
typedef struct {
    DfBackend backend;
    DfPilFilter filter;
} DfResampling;
DfResampling df_resampling(int backend, int filter); /* of two options of an enum */
/* DF_EVALUE, said at the dict, for a pair that is not there */
int df_check_resampling(DfResampling, const DfNode *dict);

/* To height x width; maps take the nearest pixel. Boxes are cut at the border if `clip`. The scale factors are mmdet's:
 * new sides over old ones, in double, kept as floats. */
int df_work_resize(DfWork *, int height, int width, DfResampling, bool clip);

int df_work_flip(DfWork *, DfFlip);

/* Pixels, masks and map; boxes are the caller's, because libraries differ in what they do to them. */
int df_work_cut(DfWork *, int x, int y, int height, int width);
int df_work_check_map(const DfWork *); /* DF_EVALUE if the label map is of another size than the picture */

/* The picture at (x, y) of a larger one. Boxes move with it. */
typedef struct {
    int height, width, x, y;
    float fill[3];   /* B G R; of a picture of bytes whole and within them */
    int map_fill;
} DfPlacing;
int df_work_place(DfWork *, const DfPlacing *);
int df_work_place_map(DfWork *, const DfPlacing *); /* the label map alone: Pad notes down the rest */

/* ---- what is known ---------------------------------------------------------------------------------------------- */

size_t df_work_objects(const DfWork *); /* their number; 0 in testing */
bool df_work_learns(const DfWork *, size_t i); /* it is neither to be ignored nor a crowd */
void df_work_shift_boxes(DfWork *, float x, float y);
void df_work_clip_boxes(DfWork *, int height, int width);
/* Objects i with keep[i] stay. */
void df_work_keep(DfWork *, const bool *keep);

/* What the functions above do to boxes and masks; for work.c and move.c. */
int df_objects_resize(DfWork *, const int from[2], const int to[2], float x, float y); /* height, width */
int df_objects_flip(DfWork *, bool x, bool y);
int df_objects_cut(DfWork *, int x, int y, int height, int width);
int df_objects_place(DfWork *, const DfPlacing *);
int df_objects_pad(DfWork *, int height, int width);

/* ---- the transforms that hold other transforms ----------------------------------------------------------------- */

typedef struct {
    const DfTransform *kind;
    const void *self;
} DfStep;

typedef struct {
    int n;
    DfStep *v;
} DfSteps;

int df_steps_read(DfSteps *out, const DfNode *list, DfReading *);
int df_steps_run(const DfSteps *, DfWork *);

extern const DfTransform df_transform_MultiScaleFlipAug;

typedef struct {
    const DfNode *transforms, *img_scale, *scale_factor, *img_ratios, *flip_direction, *flips_cfg;
    bool flip;
    DfSteps steps;
    DfScales scales;
    int flips;       /* how many views of each scale                 */
    DfFlip which[5]; /* [flips]                                      */
} DfMultiScaleFlipAug;

#endif
