/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set.h -- heads that predict a set: DETR (Carion et al., ECCV 2020) and its relatives. Each of a fixed number
 * of queries predicts one class and one box, without anchors or NMS; in training the Hungarian method matches queries
 * and objects. Included by heads/heads.h: include that.
 */
#ifndef DF_HEADS_SET_H
#define DF_HEADS_SET_H

#include "heads/head.h"
#include "heads/losses.h"

DF_BEGIN_DECLS

/* ---- heads ----------------------------------------------------------------------------------------------------- */

enum { DF_SET_LAYERS = 32 };

/* The predictions of the queries after each layer of the decoder. With a softmax, `classes` includes the no-object
 * class. */
typedef struct {
    int n;                            /* number of layers: all of the decoder, or only the last one        */
    DfTensor *logits[DF_SET_LAYERS];  /* N Q classes                                                        */
    DfTensor *boxes[DF_SET_LAYERS];   /* N Q 4: cx cy w h, in [0, 1] of the image                           */
    DfTensor *encoder_logits;         /* N cells classes: of the first of two stages; NULL: one stage       */
    DfTensor *encoder_boxes;          /* N cells 4                                                          */
    /* only for the mask head of DETR: */
    DfTensor *hidden;                 /* N Q C: the queries after the last layer                            */
    DfTensor *memory;                 /* N S C: the output of the encoder                                   */
    DfTensor *projected;              /* N h w C: its input                                                 */
    DfTensor *padding;                /* N S: 1 where a cell is padding, else 0; NULL: none is              */
} DfSetOutputs;

/* Pictures that are padded to the same size. */
typedef struct {
    int height, width;                /* with the padding                                          */
    const DfImageMeta *metas;         /* [N] where each picture ends (img_h, img_w); NULL: none has padding */
} DfSetBatch;

typedef struct {
    const char *name, *help;
    const DfOpt *opts;
    size_t size;
    void (*init)(NnScope, void *self, DfHeadSettings);
    int (*classes)(const void *self); /* without "no object" */
    /* From the maps of a batch to the outputs of all decoder layers, or of the last one alone. */
    void (*forward)(DfCtx *, const void *self, const DfMaps *in, const DfSetBatch *, bool all_layers,
                    DfSetOutputs *out);
    /* Adds the losses of every layer that `outputs` has, matching included. The
     * boxes of the batch are DF_BOXES_RELATIVE. */
    void (*losses)(DfCtx *, const void *self, const DfSetOutputs *outputs, const DfLossBatch *, DfLosses *out);
    /* The detections of image `n` of the batch, by the last layer; in pixels of the original if `rescale`, else of
     * the network's input. */
    int (*decode)(const void *self, const DfSetOutputs *, int n, const DfImageMeta *, bool rescale,
                  DfDetections *out);
} DfSetHead;

DF_API extern const DfSetHead *const df_set_heads[]; /* ends with NULL */
DF_API const DfSetHead *df_set_head_find(const char *type); /* NULL, with a sentence in df_error(): none is called so */

/* ---- losses: set/set_criterion.c ------------------------------------------------------------------------------- */

struct DfMmdetSetLosses; /* private */
typedef struct {
    DfSetMatcher matcher;         /* its `softmax` chooses the class loss as well                   */
    double weight_ce, weight_bbox, weight_giou;
    double alpha;                 /* of the focal loss                                              */
    double background;            /* softmax: weight of the no-object class; the others have 1      */
    const struct DfMmdetSetLosses *mmdet; /* not NULL: mmdet's losses, with its names, in place of these numbers */
    const char *problem;          /* not NULL: why these losses cannot be computed; df_set_losses() fails with it */
} DfSetCriterion;
DF_API DfSetCriterion df_set_criterion(void);         /* Deformable DETR's numbers */
DF_API DfSetCriterion df_set_criterion_softmax(void); /* DETR's                    */

typedef struct {
    /* Sums over the batch, divided by its number of objects (1 if there are none). Of mmdet: with their weights. */
    DfTensor *ce;                 /* focal loss; with softmax: the weighted mean of all queries' cross entropy   */
    DfTensor *bbox, *giou;        /* L1 distance; 1 - GIoU                                                       */
    DfTensor *total;              /* the three, weighted                                                         */
    float cardinality_error;      /* mean over images of |queries with an object class - objects|               */
    float class_error;            /* percentage of matched queries whose likeliest class is wrong                */
    const int *target_of_query;   /* N Q: the object matched with each query, -1: none; lives as long as the step */
} DfSetLosses;
/* logits N Q classes (with softmax the last one is no-object), boxes N Q 4 (cx cy w h, after the sigmoid),
 * and the N pictures of the batch, whose boxes are DF_BOXES_RELATIVE. With `binary` every object is of class 0: the
 * first stage of two. Matching has no gradient. */
DF_API void df_set_losses(DfCtx *, const DfSetCriterion *, DfTensor *logits, DfTensor *boxes, const DfLossBatch *,
                          bool binary, DfSetLosses *out);
/* Adds the results of df_set_losses() for a layer of the decoder: the last one, an earlier one by its number, or the
 * encoder's first stage. Names are those of the official code: loss_ce, loss_bbox, loss_giou, cardinality_error with
 * the suffix "", "_0" or "_enc", and class_error of the last layer; or mmdet's: loss_cls, loss_bbox, loss_iou with the
 * prefix "", "d0." or "enc_". */
enum { DF_SET_LAST = -1, DF_SET_ENCODER = -2 };
DF_API void df_losses_add_set(DfCtx *, DfLosses *, const DfSetCriterion *, const DfSetLosses *, int layer);

DF_END_DECLS

#endif
