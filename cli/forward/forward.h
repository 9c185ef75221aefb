/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/forward.h -- private to forward: the tensors of a file (inputs.c, targets.c) go through the network
 * (pass.c) or through training steps (steps.c), and outputs are kept under their official names (outputs.c).
 */
#ifndef DF_CLI_FORWARD_FORWARD_H
#define DF_CLI_FORWARD_FORWARD_H

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "train/train.h"

/* ---- outputs.c --------------------------------------------------------------------------------------------------- */

/* Arrays in the order in which they came; their bytes are the arena's, or outlive it. The first error stays. */
typedef struct {
    DfArena *arena;
    DfArray *arrays;
    size_t n, capacity;
    int error;
} CliOutputs;
void cli_add_output(CliOutputs *, const char *name, DfDtype, int ndim, const int *dims, const void *data);
void cli_hear(void *outputs, const char *name, const DfTensor *); /* a DfHear: a copy, maps as N C H W */
void cli_add_detections(CliOutputs *, const DfDetections *, const char *boxes_name, const char *labels_name);
void cli_add_masks(CliOutputs *, const DfDetections *, const DfImageMeta *, const char *name);
/* PREFIX:NAME of a parameter, in the official order of dimensions; `data` is in ours. */
void cli_add_param(CliOutputs *, const char *prefix, const NnParam *, const float *data);

/* ---- inputs.c ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    DfCheckpoint *file;
} CliInput;
/* N 3 H W in the file, N H W 3 in the context. Of bytes (`image_u8`) the network sees (x - 128) / 64. */
int cli_read_image(CliSession *, const CliInput *, const char *name, DfTensor **image);
int cli_batch_size(const CliInput *); /* N, before anything else is looked at */
/* Entry n of a list of img_metas; without it the image is taken as it is: not resized, not padded. */
DfImageMeta cli_read_meta(const cJSON *metas, int n, int H, int W);
/* DETR's form: `mask` (N H W, not 0 where there is padding, right and below) and perhaps `target_sizes` (N 2: height
 * and width of the originals) stand beside the image. */
bool cli_in_detr_form(const CliInput *, const DfTensor *image);
int cli_detr_metas(const CliInput *, DfImageMeta *metas, int N, int H, int W);

/* ---- targets.c --------------------------------------------------------------------------------------------------- */

/* A batch with its targets; all of it belongs to the arena but the image, which is the context's. */
typedef struct {
    DfTensor *image;
    DfLossBatch batch;
} CliBatch;
int cli_read_batch(CliSession *, const CliInput *, DfArena *, CliBatch *out);

/* ---- pass.c, steps.c --------------------------------------------------------------------------------------------- */

int cli_forward_pass(CliSession *, const CliInput *, bool all, CliOutputs *);
/* Losses of one batch, gradients of all weights, and the buffers after it. `weights` is the file that the network was
 * loaded from, or NULL: it also counts the batches that its norms have seen, which no network needs. */
int cli_forward_losses(CliSession *, const CliInput *, const DfCheckpoint *weights, CliOutputs *);
/* So many iterations as the config trains, number i on input i modulo n: losses, rates, norms and the weights after. */
int cli_forward_steps(CliSession *, const CliInput *, int n, long steps, CliOutputs *);

#endif
