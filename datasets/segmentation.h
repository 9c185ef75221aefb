/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/segmentation.h -- pictures and label PNGs of semantic segmentation, as mmseg's datasets see them.
 *
 *     DfSegmentation *set;  DfImage label;
 *     df_segmentation_from_config(&set, df_node_at(root, "data.test"), NULL);
 *     df_segmentation_label(set, 7, height, width, &label);        raw values of set->label[7]
 */
#ifndef DF_DATASETS_SEGMENTATION_H
#define DF_DATASETS_SEGMENTATION_H

#include "config/config.h"
#include "datasets/classes.h"
#include "datasets/image/image.h"
#include "datasets/parts.h"

DF_BEGIN_DECLS

enum { DF_ADE_CLASSES = 150 };
DF_API extern const char *const df_ade_classes[DF_ADE_CLASSES];
DF_API extern const uint8_t df_ade_palette[DF_ADE_CLASSES][3]; /* R G B */

/* Everything lives until df_segmentation_free(). */
typedef struct {
    DfArena *arena;
    const char *type;          /* "ADE20KDataset"                                                                   */
    const char *folder;        /* of the pictures                                                                   */
    const char *listed_in;     /* the file that names the pictures, or the folder                                   */
    int n;
    const char **name;         /* [n]: path of the picture below the folder, without suffix: "ADE_val_00000001"      */
    const char **picture;      /* [n]: whole paths                                                                  */
    const char **label;        /* [n], or NULL for a dataset without annotations                                    */
    DfClasses classes;         /* n = 0 if the config names none                                                    */
    bool reduce_zero_label;    /* a stored 0 is not scored, and a stored k is class k - 1                           */
    int ignore_index;          /* pixels of this class (after the line above) are not scored                        */
    /* [256]: what stored values become, if they are no classes or not all are chosen; or NULL */
    const uint8_t *renumbered;
    int n_parts;               /* at least 1: the datasets of which this one is made                                */
    const DfDatasetPart *part; /* [n_parts]                                                                         */
} DfSegmentation;

/* Opens what a config's dataset dict names: the pictures below img_dir that end in img_suffix, by name, or those that
 * the file `split` lists, in its order. `data_dir` (or NULL) is the root of the data in place of the config's: of
 * "data/ade/ADEChallengeData2016/images/validation" the longest tail that exists under it is taken. That every label
 * file is there is checked; it is read when it is asked for. Lists of folders, lists of datasets and ConcatDataset
 * follow one another as one set, if they have the same classes and rules; names then begin with the number of the part,
 * "1/ADE_val_00000001". Where Cityscapes and COCO-Stuff have their publishers' ids instead of classes
 * (_gtFine_labelIds.png), the ids are translated. */
DF_API int df_segmentation_from_config(DfSegmentation **out, const DfNode *dataset, const char *data_dir);
DF_API void df_segmentation_free(DfSegmentation *); /* NULL is fine */

/* The names and colours that a dataset dict gives, without looking for files; n = 0 if it names none. An unknown type
 * is no error. They live in `arena`, or for ever. */
DF_API int df_segmentation_classes(DfClasses *out, const DfNode *dataset, DfArena *arena);

/* The label map of picture i, as stored (but renumbered). One that is not height x width is DF_EVALUE; errors name
 * the file. */
DF_API int df_segmentation_label(const DfSegmentation *, int i, int height, int width, DfImage *out);

DF_END_DECLS

#endif
