/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/observe.c -- calls the listeners of a context while a network runs (tensor/listen.h). Without listeners it
 * does nothing.
 */
#include <stdio.h>

#include "tensor/parts.h"

void df_listen(DfCtx *c, DfListener *listener, bool scopes, void *user)
{
    c->parts->listener = listener;
    c->parts->listens_to_scopes = listener && scopes;
    c->parts->listener_user = user;
}

void df_listen_points(DfCtx *c, DfPointListener *listener, void *user)
{
    c->parts->point_listener = listener;
    c->parts->point_listener_user = user;
}

void df_listen_weights(DfCtx *c, DfWeightListener *listener, void *user)
{
    c->parts->weight_listener = listener;
    c->parts->weight_listener_user = user;
}

bool df_listens_weights(const DfCtx *c)
{
    return c->parts->weight_listener != NULL;
}

void df_observe_weight(DfCtx *c, const DfTensor *weight, const DfTensor *input)
{
    const struct DfCtxParts *p = c->parts;
    if (p->weight_listener && !c->err && !c->dry)
        p->weight_listener(p->weight_listener_user, weight, input);
}

bool df_listens(const DfCtx *c)
{
    return c->parts->listener && !c->parts->muted;
}

bool df_listens_points(const DfCtx *c)
{
    return c->parts->point_listener && !c->parts->muted;
}

void df_mute(DfCtx *c, bool mute)
{
    c->parts->muted = mute;
}

void df_observe(DfCtx *c, const DfTensor *x, const char *name, int index)
{
    const struct DfCtxParts *p = c->parts;
    if (!df_listens(c) || c->err || !x)
        return;
    char numbered[128];
    if (index >= 0)
        snprintf(numbered, sizeof numbered, "%s%d", name, index);
    p->listener(p->listener_user, index >= 0 ? numbered : name, x);
}

void df_observe_points(DfCtx *c, const DfPointAttention *attention)
{
    const struct DfCtxParts *p = c->parts;
    if (!df_listens_points(c) || c->err)
        return;
    char path[256];
    df_path_of_scope(p, path, sizeof path);
    p->point_listener(p->point_listener_user, path, attention);
}
