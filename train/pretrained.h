/* SPDX-License-Identifier: Apache-2.0
 *
 * train/pretrained.h -- loads the pretrained weights that a config names for its network or for a part of it. Included
 * by train/train.h.
 */
#ifndef DF_TRAIN_PRETRAINED_H
#define DF_TRAIN_PRETRAINED_H

#include "config/config.h"

DF_BEGIN_DECLS

/* `init_cfg=dict(type='Pretrained', ..)` of a module, or `pretrained` of a network or its backbone. */
typedef struct {
    const char *file;          /* a path or an address                                                     */
    const char *prefix;        /* only the keys below it are meant, "backbone."; NULL: all of the file     */
    const char *module;        /* only its parameters are meant, "roi_head.bbox_head"; "": the whole model */
} DfPretrained;
typedef struct {
    DfPretrained *at;
    size_t n, capacity;
} DfPretrainedList;

/* In the order in which mmengine loads them: a module comes behind those in it, so that its weights stay. Texts are the
 * config's or the arena's; the list is empty before. DF_OK, DF_EVALUE: the sentence names file, line and key;
 * DF_ENOMEM. Free with df_pretrained_done() in every case. */
DF_API int df_pretrained_read(DfPretrainedList *out, const DfNode *root, DfArena *arena);
DF_API void df_pretrained_done(DfPretrainedList *); /* {0} is fine */

DF_END_DECLS

#endif
