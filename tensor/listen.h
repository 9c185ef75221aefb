/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/listen.h -- what a network tells whoever listens while it runs. Part of the door tensor/tensor.h: include that.
 *
 * Listeners look at tensors during the call and copy what they want to keep. What is heard changes no result.
 */
#ifndef DF_TENSOR_LISTEN_H
#define DF_TENSOR_LISTEN_H

#include "tensor/tensor.h"

/* A listener hears what df_observe() is given by name and, with `scopes`, the result of every scope under its path. For
 * `deformer forward`, reports and debugging. */
typedef void DfListener(void *user, const char *name, const DfTensor *x);
void df_listen(DfCtx *, DfListener *listener, bool scopes, void *user);
bool df_listens(const DfCtx *);
void df_mute(DfCtx *, bool mute); /* this listener, and that of points, hear nothing for a while */
void df_observe(DfCtx *, const DfTensor *x, const char *name, int index); /* "NAME" or, index >= 0, "NAMEindex" */

/* A listener of points hears of every attention that chooses what it reads (DfPointAttention in tensor/ops.h), under the path of its
 * module, also in a dry pass, where data are NULL. */
typedef struct DfPointAttention DfPointAttention;
typedef void DfPointListener(void *user, const char *path, const DfPointAttention *);
void df_listen_points(DfCtx *, DfPointListener *listener, void *user);
bool df_listens_points(const DfCtx *);
void df_observe_points(DfCtx *, const DfPointAttention *);

#endif
