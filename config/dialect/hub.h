/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub.h -- private to config/: folders of models as transformers and timm write them. config.json
 * describes the network, preprocessor_config.json how a picture is prepared.
 *
 * A translator reads both and writes our config as a text in Python's syntax, model and data; this text is read like a
 * file. Class names are set separately, because they may contain anything.
 */
#ifndef DF_CONFIG_DIALECT_HUB_H
#define DF_CONFIG_DIALECT_HUB_H

#include "config/readers.h"

typedef struct {
    DfConfig *tree;
    const char *folder, *file;     /* the folder; FOLDER/config.json, for messages                       */
    const DfNode *config;          /* config.json, without its id2label and label2id                     */
    const DfNode *processor;       /* preprocessor_config.json; NULL if there is none                    */
    DfNode *labels;                /* id2label as a list of texts, from 0 on; NULL if it is not there    */
    const DfTensorShapes *shapes;  /* of the weights beside it; NULL: nobody asked for them              */
    DfTextbuf out;                 /* our config                                                         */
} DfHub;

/* Sets hub->config to what timm's config.json would say, from the arguments of its training program (args.json). */
int df_hub_timm_args(DfHub *, DfNode *args);

/* Reads the folder; *root becomes our config. */
int df_hub_read(DfConfig *, DfNode **root, const char *folder, const DfTensorShapes *);
/* Whether a config.json was written by transformers or timm. */
bool df_hub_wrote(const DfNode *root);

/* ---- the table of translators ------------------------------------------------------------------------------------ */

/* Writes the config of `hub` into hub->out. DF_OK, or a sentence. */
typedef int DfHubTranslator(DfHub *hub);
typedef struct {
    const char *model_type;        /* of config.json; of timm NULL                                       */
    const char *architecture;      /* architectures[0]; of timm the beginning of `architecture`          */
    DfHubTranslator *translate;
} DfHubRow;
extern const DfHubRow df_hub_rows[]; /* hub_table.c; ends with a row without an architecture */

DfHubTranslator df_hub_detr, df_hub_detr_segmentation, df_hub_deformable_detr;
DfHubTranslator df_hub_swin, df_hub_swin_v2, df_hub_pvt, df_hub_pvt_v2, df_hub_resnet, df_hub_upernet;
DfHubTranslator df_hub_timm_swin, df_hub_timm_pvt_v2, df_hub_timm_resnet;

/* Adds to our config `root` what training needs: the folder as load_from, data.train, and a recipe where it has
 * none. */
int df_hub_add_training(DfHub *, DfNode *root); /* hub_train.c */

/* ---- for translators --------------------------------------------------------------------------------------------- */

/* Fills a struct by an option table as df_bind() does, but passes over keys that the table does not know: a
 * config.json has dozens that say nothing about the network. Null says nothing either. `dict` may be NULL: defaults. */
int df_hub_bind(DfHub *, const DfNode *dict, const DfOpt *opts, void *out, const char *what);

/* How many classes id2label has; transformers takes 2 where there is none. */
int df_hub_classes(const DfHub *);

/* The size of a dimension of a tensor beside the config, or `fallback` if no tensor of that name is there. */
int df_hub_size(const DfHub *, int dim, int fallback, const char *name, ...) DF_PRINTF(4, 5);
bool df_hub_has(const DfHub *, const char *name, ...) DF_PRINTF(2, 3); /* a tensor of that name */

/* Writes "[1, 2, 3]" of n numbers. */
void df_hub_write_ints(DfHub *, const int *v, int n);

/* ---- hub_resnet.c ------------------------------------------------------------------------------------------------ */

enum { DF_HUB_STAGES = 8 };

/* Which stages give maps to a head. */
typedef struct {
    int n;
    int stage[DF_HUB_STAGES];    /* from 0 on, rising                 */
    int channels[DF_HUB_STAGES]; /* of their maps                     */
    int index[DF_HUB_STAGES];    /* which of the backbone's maps it is */
} DfHubMaps;

/* Writes `resnet = dict(..)`, the backbone of a DETR, and says which maps it gives: those that its config names, else
 * the last `usual` ones. */
int df_hub_write_detr_backbone(DfHub *, bool dilation, int usual, DfHubMaps *);

/* ---- processors.c ------------------------------------------------------------------------------------------------ */

/* Writes the test pipeline, a list, that the processor of the folder stands for; `usual` is the processor of the model
 * where no file names one: "DetrImageProcessor". */
int df_hub_write_pipeline(DfHub *, const char *usual);

#endif
