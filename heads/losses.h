/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/losses.h -- what the losses of every head give: a list of scalars by name. Included by heads/heads.h.
 */
#ifndef DF_HEADS_LOSSES_H
#define DF_HEADS_LOSSES_H

#include "boxes/boxes.h"
#include "tensor/tensor.h"

DF_BEGIN_DECLS

/* ---- what a batch should have been ------------------------------------------------------------------------------- */

/* What a sampler chose in another program, in place of a draw of ours: indices as mmdet numbers them (after the objects
 * themselves were added, among the anchors that count). */
typedef struct {
    bool given;              /* false: this one is drawn                              */
    int n_positive, n_negative;
    const int *positive;     /* [n_positive]                                          */
    const int *negative;     /* [n_negative]; NULL: the sampler draws these, or takes all */
} DfGivenSample;

/* n pictures, their objects at the size of the network. All of it is borrowed for the step. */
typedef struct {
    int n;
    const DfImageMeta *metas;     /* [n]                                                                          */
    const DfAnnotations *objects; /* [n]                                                                          */
    int n_given;                  /* samplers work in a fixed order: the images of the first stage, then stage by */
    const DfGivenSample *given;   /* stage, image by image; call k takes given[k]. n_given 0: all is drawn        */
} DfLossBatch;

/* ---- what its losses are ----------------------------------------------------------------------------------------- */

/* What a training step computes, by name. Figures for the log have no tensor; all tensors are scalars. */
enum { DF_LOSSES = 256 };
typedef struct {
    char name[48];
    DfTensor *loss;  /* as the reference logs it, or NULL */
    float figure;    /* its value, without loss           */
} DfLoss;
typedef struct {
    int n;
    DfLoss v[DF_LOSSES];
    DfTensor *total; /* weighted: seed backward with it; NULL if there is nothing */
    int samplings;   /* how many samplers have worked so far: the next takes given[samplings] */
} DfLosses;

/* Adds a scalar to the list and to the total, under a name that is printed: "s%d.loss_cls". */
DF_API void df_losses_add(DfCtx *, DfLosses *, DfTensor *loss, const char *format, ...) DF_PRINTF(4, 5);
/* The two halves of it, where what is logged is not what is summed. */
DF_API void df_losses_list(DfLosses *, DfTensor *loss, const char *format, ...) DF_PRINTF(3, 4);
DF_API void df_losses_total(DfCtx *, DfLosses *, DfTensor *loss);
/* Leaves a scope; the losses and their total stay. */
DF_API void df_leave_losses(DfCtx *, DfMark, const DfLosses *);
/* Adds a number for the log alone. */
DF_API void df_losses_figure(DfLosses *, double figure, const char *format, ...) DF_PRINTF(3, 4);

DF_END_DECLS

#endif
