/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/plugin.h -- private: plugins of mmcv, modules that a config inserts into the bottlenecks of a
 * ResNet; each maps a feature map to one of the same shape.
 */
#ifndef DF_BACKBONE_RESNET_PLUGIN_H
#define DF_BACKBONE_RESNET_PLUGIN_H

#include "backbone/backbone.h"

/* A kind of plugin: one file each, and one line in plugin.c. */
typedef struct {
    const char *type;       /* in configs                                             */
    const char *name;       /* of the module, in keys; a `postfix` may follow         */
    const DfOpt *opts;      /* besides type and postfix                               */
    size_t size;            /* of its struct                                          */
    void (*init)(NnScope, void *self, int channels);
    DfTensor *(*forward)(DfCtx *, const void *self, DfTensor *x); /* N H W C -> N H W C */
} PluginKind;

extern const PluginKind df_context_block, df_generalized_attention, df_non_local;

/* Options that every kind has. */
#define PLUGIN_OPTIONS DF_OPT_UNUSED(postfix, "ends the name of the module")

typedef struct Plugin {
    const PluginKind *kind;
    void *self;
    struct Plugin *next;    /* behind the same convolution */
} Plugin;

/* plugin.c: checks `plugins`, a list of {cfg, position, stages}; false if the model is poisoned. */
bool df_plugins_fit(NnScope, const DfNode *plugins, int stages);
/* Those of stage i behind convolution k (0, 1 or 2) of a block, in order; NULL if there are none. */
Plugin *df_plugins_init(NnScope, const DfNode *plugins, int i, int k, int channels);
DfTensor *df_plugins(DfCtx *, const Plugin *, DfTensor *x);

#endif
