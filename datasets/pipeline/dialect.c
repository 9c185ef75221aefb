/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/dialect.c -- finds out for which library and release a list of transforms is written, because
 * transforms of the same name differ. The other transforms in the list tell it.
 */
#include <string.h>

#include "datasets/pipeline/list.h"

/* A transform, or a key in it (NULL: the transform itself), that only one library or release has. */
typedef struct {
    const char *type, *key;
    DfCodebase codebase;
    DfRelease release;
} Sign;

static const Sign signs[] = {
    { "PackDetInputs",       NULL,                  DF_CODEBASE_DETECTION,    DF_RELEASE_NEW  },
    { "PackSegInputs",       NULL,                  DF_CODEBASE_SEGMENTATION, DF_RELEASE_NEW  },
    { "DetDataPreprocessor", NULL,                  DF_CODEBASE_DETECTION,    DF_RELEASE_NEW  },
    { "SegDataPreProcessor", NULL,                  DF_CODEBASE_SEGMENTATION, DF_RELEASE_NEW  },
    { "DefaultFormatBundle", NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_OLD  },
    { "Collect",             NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_OLD  },
    { "MultiScaleFlipAug",   "flips",               DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "MultiScaleFlipAug",   NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_OLD  },
    { "RandomResize",        NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "RandomChoiceResize",  NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "RandomChoice",        NULL,                  DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "Resize",              "scale",               DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "Resize",              "clip_object_border",  DF_CODEBASE_AUTO,         DF_RELEASE_NEW  },
    { "Resize",              "img_scale",           DF_CODEBASE_AUTO,         DF_RELEASE_OLD  },
    { "Resize",              "bbox_clip_border",    DF_CODEBASE_DETECTION,    DF_RELEASE_OLD  },
    { "RandomFlip",          "flip_ratio",          DF_CODEBASE_AUTO,         DF_RELEASE_OLD  },
    { "RandomCrop",          "cat_max_ratio",       DF_CODEBASE_SEGMENTATION, DF_RELEASE_AUTO },
    { "RandomCrop",          "crop_type",           DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "RandomCrop",          "allow_negative_crop", DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "RandomCrop",          "recompute_bbox",      DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "RandomCrop",          "bbox_clip_border",    DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "LoadAnnotations",     "with_bbox",           DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "LoadAnnotations",     "with_mask",           DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "LoadAnnotations",     "with_seg",            DF_CODEBASE_DETECTION,    DF_RELEASE_AUTO },
    { "LoadAnnotations",     "reduce_zero_label",   DF_CODEBASE_SEGMENTATION, DF_RELEASE_AUTO },
    { "RandomRotate",        NULL,                  DF_CODEBASE_SEGMENTATION, DF_RELEASE_AUTO },
    { "RandomCutOut",        NULL,                  DF_CODEBASE_SEGMENTATION, DF_RELEASE_NEW  },
};

static void take(DfPipelineKind *kind, DfCodebase codebase, DfRelease release)
{
    if (kind->codebase == DF_CODEBASE_AUTO)
        kind->codebase = codebase;
    if (kind->release == DF_RELEASE_AUTO)
        kind->release = release;
}

static bool has_text(const DfNode *list, const char *text)
{
    for (const DfNode *v = list ? list->first : NULL; v; v = v->next)
        if (strcmp(df_node_text(v, ""), text) == 0)
            return true;
    return false;
}

/* mmseg passes on a label map and no boxes. */
static DfCodebase codebase_of_keys(const DfNode *keys)
{
    if (has_text(keys, "gt_bboxes"))
        return DF_CODEBASE_DETECTION;
    return has_text(keys, "gt_semantic_seg") ? DF_CODEBASE_SEGMENTATION : DF_CODEBASE_AUTO;
}

static void read_signs(const DfNode *dict, DfPipelineKind *kind)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcmp(type, signs[i].type) == 0 && (!signs[i].key || df_node_get(dict, signs[i].key)))
            take(kind, signs[i].codebase, signs[i].release);
    if (strcmp(type, "Collect") == 0)
        take(kind, codebase_of_keys(df_node_get(dict, "keys")), DF_RELEASE_OLD);
}

/* Transforms may stand in lists of lists in transforms; a config's depth is limited where it is read. */
static void look_at(const DfNode *node, DfPipelineKind *kind)
{
    if (node->kind == DF_NODE_DICT)
        read_signs(node, kind);
    for (const DfNode *v = node->first; v; v = v->next)
        look_at(v, kind);
}

void df_tell_dialect(const DfNode *list, DfPipelineKind *kind)
{
    if (list)
        look_at(list, kind);
    take(kind, DF_CODEBASE_DETECTION, DF_RELEASE_OLD);
}
