/* SPDX-License-Identifier: Apache-2.0
 *
 * train/recipe.h -- the training settings of a config except data and network: optimizer, learning rates, clipping,
 * averages, length. The keys are those of mmdet 2.x and mmseg 0.x (optimizer, optimizer_config, lr_config, runner), of
 * mmengine (optim_wrapper, param_scheduler, train_cfg), or of the official DETR programs (args). Included by
 * train/train.h.
 */
#ifndef DF_TRAIN_RECIPE_H
#define DF_TRAIN_RECIPE_H

#include "nn/nn.h"
#include "train/ema.h"
#include "train/optimizer.h"
#include "train/schedule.h"

DF_BEGIN_DECLS

/* Nodes are the config's, which must outlive it. */
typedef struct {
    DfOptimizerRule rule;
    const DfNode *paramwise;   /* paramwise_cfg, or NULL                                                   */
    const char *constructor;   /* the class that reads it, or NULL                                         */
    enum {
        DF_RECIPE_NONE,        /* no optimizer is named                                                    */
        DF_RECIPE_MMCV,
        DF_RECIPE_MMENGINE,
        DF_RECIPE_DETR
    } dialect;
    DfClip clip;
    int accumulation;          /* batches of a step                                                        */
    DfEmaRule ema;
    const DfNode *schedule;    /* of df_schedule_new(), or NULL                                            */
    const DfNode *args;        /* of a DETR program, or NULL                                               */
    bool deformable;           /* of Deformable DETR's                                                     */
    int drop_epoch;            /* of a DETR program: rates fall to a tenth every so many epochs; 0: never  */
    int64_t epochs;            /* 0: the run is counted in iterations                                      */
    int64_t iterations;        /* 0: in epochs; both 0: the config does not say                            */
    bool half;                 /* the config asks for float16: everything is float32 here                  */
} DfRecipe;
/* Reads the `root` of a config, also if it has no optimizer. DF_EVALUE: the sentence names file,
 * line and key; DF_ENOMEM. */
DF_API int df_recipe_read(DfRecipe *out, const DfNode *root);

/* Settings that are not built in (beyond.c). df_recipe_check(): DF_EVALUE for one that would change the weights.
 * df_recipe_warn() logs a line for every hook in custom_hooks that is not built in. */
DF_API int df_recipe_check(const DfNode *root);
DF_API void df_recipe_warn(const DfNode *root);

/* Applies auto_scale_lr of a config, if it is enabled: multiplies the learning rate by batch / base_batch_size.
 * `batch`: pictures of a batch, over all processes. DF_EVALUE without base_batch_size. */
DF_API int df_recipe_scale(DfRecipe *, const DfNode *root, int batch);

/* df_schedule_new() for a recipe in any dialect. */
DF_API int df_recipe_schedule(DfSchedule **out, const DfRecipe *, const DfRunLength *, const double *base, int n);

/* ---- groups: groups.c, layers.c ---------------------------------------------------------------------------------- */

/* All trained parameters of a model with their learning rates and weight decays; equal pairs of these form a group. */
typedef struct {
    int n;
    DfSlot *slots;             /* [n], as nn_model_trained() lays them out                                 */
    const NnParam **params;    /* [n]                                                                      */
    int n_groups;
    double *rates, *decays;    /* [n_groups], before any schedule                                          */
    int first;                 /* the group that is the first in PyTorch                                   */
} DfGroups;
/* Call after nn_model_train(). DF_EVALUE: a rule is wrong or does not fit the network; DF_ENOMEM. */
DF_API int df_groups_new(DfGroups *out, const NnModel *, const DfRecipe *);
DF_API void df_groups_done(DfGroups *); /* {0} is fine */

DF_END_DECLS

#endif
