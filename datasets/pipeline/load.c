/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/load.c -- LoadImageFromFile and LoadAnnotations: the loader has read the picture before the
 * pipeline starts, so all that is left is to refuse options that would change the pixels.
 */
#include <string.h>

#include "datasets/pipeline/transform.h"

typedef struct {
    bool to_float32;
    const char *color_type;
    int imdecode_backend;
} Load;

static const DfOpt load_opts[] = {
    DF_OPT_BOOL(Load, to_float32, False, "convert to floats before any transform; only False is supported"),
    DF_OPT_TEXT(Load, color_type, "'color'", "channels of the picture; only 'color' (B G R) is supported"),
    DF_OPT_ENUM(Load, imdecode_backend, cv2, "cv2", "the library whose pixels are reproduced bit for bit"),
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),
    DF_OPT_END
};

static int load_init(void *self, const DfNode *dict, DfArena *arena)
{
    const Load *load = self;
    (void)arena;
    if (load->to_float32)
        return df_node_fail(dict, DF_EVALUE, "to_float32 = True: want False");
    if (!load->color_type || strcmp(load->color_type, "color") != 0)
        return df_node_fail(dict, DF_EVALUE, "color_type = '%s': want 'color'",
                            load->color_type ? load->color_type : "None");
    return DF_OK;
}

const DfTransform df_transform_LoadImageFromFile = {
    .name = "LoadImageFromFile",
    .help = "reads the picture as OpenCV does",
    .opts = load_opts,
    .size = sizeof(Load),
    .init = load_init,
};

typedef struct {
    bool with_bbox, with_label, with_mask, with_seg, poly2mask;
} Annotations;

static const DfOpt annotations_opts[] = {
    DF_OPT_BOOL(Annotations, with_bbox, True, "read boxes"),
    DF_OPT_BOOL(Annotations, with_label, True, "read classes"),
    DF_OPT_BOOL(Annotations, with_mask, False, "read instance masks"),
    DF_OPT_BOOL(Annotations, with_seg, False, "read the segmentation map"),
    DF_OPT_BOOL(Annotations, poly2mask, True, "convert polygons to masks"),
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),
    DF_OPT_END
};

const DfTransform df_transform_LoadAnnotations = {
    .name = "LoadAnnotations", .help = "boxes and masks for training; no effect in a test pipeline",
    .opts = annotations_opts, .size = sizeof(Annotations),
};
