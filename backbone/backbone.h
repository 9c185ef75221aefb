/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/backbone.h -- the door to backbone/: networks that turn an image into feature maps. One file and one line in
 * list.def make a backbone known to configs, to `deformer list` and to the tests.
 */
#ifndef DF_BACKBONE_BACKBONE_H
#define DF_BACKBONE_BACKBONE_H

#include "nn/nn.h"

typedef struct {
    const char *name;               /* the `type` of the config                                                       */
    const char *help;               /* one line: what it is, and the paper                                            */
    const DfOpt *opts;
    size_t size;                    /* of the struct that opts fill and init completes                                */
    void (*init)(NnScope, void *self);                                            /* builds modules under the scope   */
    void (*forward)(DfCtx *, const void *self, DfTensor *image, DfMaps *out);     /* N H W 3, normalised -> maps or logits */
    const char *const *ignorable;   /* keys of official checkpoints that are recomputable or of no use, NULL-terminated */
} DfBackbone;

/* A record of a file that has several, which differ in their options; T is their struct, its functions init and forward. */
#define DF_BACKBONE(id, type, text, T, table) \
    const DfBackbone df_backbone_##id = { .name = type, .help = text, .size = sizeof(T), .opts = table, .init = init, \
                                          .forward = forward, .ignorable = ignorable }

extern const DfBackbone *const df_backbones[]; /* NULL-terminated */
const DfBackbone *df_backbone_find(const char *type); /* NULL if there is none; df_fail() names the nearest */

#endif
