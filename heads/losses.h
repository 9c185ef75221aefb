/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/losses.h -- the losses of a batch: a list of named scalars. Included by heads/heads.h.
 */
#ifndef DF_HEADS_LOSSES_H
#define DF_HEADS_LOSSES_H

#include "boxes/boxes.h"
#include "tensor/tensor.h"

DF_BEGIN_DECLS

/* ---- ground truth of a batch ------------------------------------------------------------------------------------- */

/* The choice of a sampler of another program, in place of our random choice: indices as in mmdet (after the objects
 * themselves were added, among the anchors that count). */
typedef struct {
    bool given;              /* false: choose at random                               */
    int n_positive, n_negative;
    const int *positive;     /* [n_positive]                                          */
    const int *negative;     /* [n_negative]; NULL: chosen by the sampler, or all     */
} DfGivenSample;

/* n pictures, with objects at the size of the network's input. Everything is borrowed for the step. */
typedef struct {
    int n;
    const DfImageMeta *metas;     /* [n]                                                                          */
    const DfAnnotations *objects; /* [n]                                                                          */
    int n_given;                  /* samplers work in a fixed order: the images of the first stage, then stage by */
    const DfGivenSample *given;   /* stage, image by image; call k takes given[k]. n_given 0: all is drawn        */
} DfLossBatch;

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* The results of a training step, by name. Numbers only for the log have no tensor; all tensors are scalars. */
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
    int samplings;   /* number of sampler calls so far: the next uses given[samplings] */
} DfLosses;

/* Adds a scalar to the list and to the total, with a formatted name: "s%d.loss_cls". */
DF_API void df_losses_add(DfCtx *, DfLosses *, DfTensor *loss, const char *format, ...) DF_PRINTF(4, 5);
/* The two halves of it, if the logged and the summed value differ. */
DF_API void df_losses_list(DfLosses *, DfTensor *loss, const char *format, ...) DF_PRINTF(3, 4);
DF_API void df_losses_total(DfCtx *, DfLosses *, DfTensor *loss);
/* Leaves a scope; the losses and their total stay. */
DF_API void df_leave_losses(DfCtx *, DfMark, const DfLosses *);
/* Adds a number for the log alone. */
DF_API void df_losses_figure(DfLosses *, double figure, const char *format, ...) DF_PRINTF(3, 4);

DF_END_DECLS

#endif
