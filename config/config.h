/* SPDX-License-Identifier: Apache-2.0
 *
 * config/config.h -- the public header of config/: reads config files of many dialects into one tree, in the keys of
 * mmdet 2.x / mmseg 0.x.
 *
 * Reads `.json`, `.yaml` and the official `.py` files (a restricted syntax; nothing is executed), follows `_base_`,
 * merges like mmcv.Config (`_delete_`), applies overrides, and fills option structs from dicts.
 */
#ifndef DF_CONFIG_CONFIG_H
#define DF_CONFIG_CONFIG_H

#include "config/node.h"

DF_BEGIN_DECLS

typedef struct DfConfig DfConfig;

/* Shapes of the tensors that stand beside a config, for widths that it does not say itself. */
enum { DF_SHAPE_DIMS = 8 };
typedef struct {
    /* The dimensions of a tensor, of which it returns the number; -1 if there is none of that name. */
    int (*shape)(void *user, const char *name, int64_t shape[DF_SHAPE_DIMS]);
    void *user;
} DfTensorShapes;

/* Reads a file and its bases; `overrides` are n texts "a.b.c=value" (value in Python syntax, else a plain string;
 * list items by number: data.test.pipeline.1.flip=True), which messages call --set; or with another option in front,
 * "--data a.b.c=value". Another dialect (mmdet 3.x, mmseg 1.x) is translated, after
 * the overrides in its own words and before those of `data`. Free with df_config_free().
 *
 * `path` may also be the folder of a model as transformers and timm write it, or the config.json in it: config.json and
 * preprocessor_config.json become a config in our form, and overrides change that. */
DF_API int df_config_read(DfConfig **out, const char *path, const char *const *overrides, int n);
/* Folders of ready configs, at most 4; what is no folder is left out. From then on a path that leads
 * to no file may be the name of a file below them, with or without ".py":
 * retinanet_dat_tiny_fpn_1x_coco, or nano/retinanet_dat_nano where several folders have one of that
 * name. None are set at first. To be called before other threads read configs. */
DF_API void df_config_ready_folders(const char *const *folders, int n);
DF_API int df_config_list_ready(void (*take)(void *user, const char *name), void *user); /* their names, sorted */

/* The same, with the weights at hand; NULL: widths are those that the config's names stand for. */
DF_API int df_config_read_beside(DfConfig **out, const char *path, const DfTensorShapes *weights,
                                 const char *const *overrides, int n);
/* The same from bytes in memory, for tests and fuzzing: python or JSON; `_base_` is refused. */
DF_API int df_config_parse(DfConfig **out, const char *text, size_t size, const char *name, bool python);
DF_API void df_config_free(DfConfig *);
DF_API const DfNode *df_config_root(const DfConfig *); /* a dict */
/* The release of mmdetection that a config is of: 18 for 2.18, 28 for 3.x; of those that only their keys tell 12 or 22.
 * 0: nothing tells it. */
DF_API int df_config_mmdet_release(const DfNode *root);

/* Fills `out` from a dict by an option table (core/options.h): defaults first, then the dict's keys, except
 * `type`. Unknown keys, wrong types and values out of range are errors that name the key, its file and the nearest
 * known key. Lists and texts are put into `arena`. `what` names the thing in messages: "SwinTransformer". A NULL
 * dict gives the defaults. */
DF_API int df_bind(const DfNode *dict, const DfOpt *opts, void *out, DfArena *arena, const char *what);

/* How many keys of a dict a table does not have, or has as something else: a list for a number, a number where the
 * default lists several. It tells apart two tables for one `type`. */
DF_API int df_bind_misfits(const DfNode *dict, const DfOpt *opts);

/* Writes the tree as JSON (config.json of a run) or as Python (what mmcv's pretty_text does). */
DF_API int df_config_write(const DfNode *node, const char *path, bool python);

DF_END_DECLS

#endif
