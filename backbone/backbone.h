/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/backbone.h -- the public header of backbone/: networks that turn an image into feature maps. One file and
 * one line in list.def make a backbone known to configs, to `deformer list` and to the tests.
 */
#ifndef DF_BACKBONE_BACKBONE_H
#define DF_BACKBONE_BACKBONE_H

#include "nn/nn.h"

DF_BEGIN_DECLS

typedef struct {
    const char *name;               /* the `type` of the config                                                       */
    const char *help;               /* one line: what it is, and the paper                                            */
    const DfOpt *opts;
    size_t size;                    /* of the struct that opts fill and init completes                                */
    void (*init)(NnScope, void *self); /* builds the modules in the scope; wrong options poison the model             */
    /* N H W 3, normalised -> maps or logits. Needs no checks and frees: after a failure ops do nothing. */
    void (*forward)(DfCtx *, const void *self, DfTensor *image, DfMaps *out);
    const char *const *ignorable;   /* NULL-terminated patterns of official keys that are not needed, or computed     */
} DfBackbone;

/* One of the records of a file that differ in their options alone: T is their struct, `table` the options. */
#define DF_BACKBONE(id, type, text, T, table) \
    const DfBackbone df_backbone_##id = { .name = type, .help = text, .size = sizeof(T), .opts = table, .init = init, \
                                          .forward = forward, .ignorable = ignorable }

DF_API extern const DfBackbone *const df_backbones[]; /* NULL-terminated */
DF_API const DfBackbone *df_backbone_find(const char *type); /* NULL if there is none; df_fail() names the nearest */
/* The record for the dict of a backbone: by its `type`; if two have the same name (the authors' and mmdet's), the one
 * that has more of the keys. */
DF_API const DfBackbone *df_backbone_for(const DfNode *dict);

DF_END_DECLS

#endif
