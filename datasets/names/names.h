/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/names/names.h -- private to datasets/: classes and colours of public datasets, so that a network can run
 * without the data. The type of a config's dataset selects them.
 */
#ifndef DF_DATASETS_NAMES_NAMES_H
#define DF_DATASETS_NAMES_NAMES_H

#include <stddef.h>

#include "datasets/classes.h"

/* of objects; without colours */
extern const DfClasses df_names_voc, df_names_cityscapes_things, df_names_deepfashion, df_names_wider_face;
extern const DfClasses df_names_objects365_v1, df_names_objects365_v2, df_names_lvis_v05, df_names_lvis_v1;

/* of pixels */
extern const DfClasses df_names_cityscapes, df_names_voc_segments, df_names_pascal_context, df_names_pascal_context_59;
extern const DfClasses df_names_coco_stuff, df_names_loveda, df_names_isprs, df_names_isaid, df_names_vessels;
extern const DfClasses df_names_occluded_face;

#endif
