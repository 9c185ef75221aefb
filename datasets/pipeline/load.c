/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/load.c -- LoadImageFromFile and LoadAnnotations. Picture and annotations are read before the
 * pipeline starts; these transforms select what is passed on, and in which form.
 */
#include <string.h>

#include "datasets/pipeline/transform.h"

/* ---- the picture ----------------------------------------------------------------------------------------------- */

typedef struct {
    bool to_float32;
    const char *color_type;
    int imdecode_backend;
    bool floats;
} Load;
enum { CV2, PILLOW };

static const DfOpt load_opts[] = {
    DF_OPT_BOOL(Load, to_float32, False, "convert to floats before any transform; only False in a test pipeline"),
    DF_OPT_TEXT(Load, color_type, "'color'",
                "'color': three channels, upright; 'color_ignore_orientation': as they are stored, which is for "
                "testing with imdecode_backend = 'pillow'"),
    DF_OPT_ENUM(Load, imdecode_backend, cv2, "cv2|pillow",
                "the library whose pixels are reproduced bit for bit, in testing: they differ for CMYK and for grey of "
                "16 bits"),
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),
    DF_OPT_UNUSED(backend_args, "file_client_args, as later releases call it"),
    DF_OPT_UNUSED(ignore_empty, "ignore unreadable pictures; here they are an error"),
    DF_OPT_END
};

static int load_init(void *self, const DfNode *dict, DfReading *reading)
{
    Load *load = self;
    if (load->to_float32 && !reading->training)
        return df_node_fail(dict, DF_EVALUE, "to_float32 = True: want False");
    const char *colour = load->color_type ? load->color_type : "None";
    const bool pillow = load->imdecode_backend == PILLOW;
    const bool stored = strcmp(colour, "color_ignore_orientation") == 0;
    if (strcmp(colour, "color") != 0 && !(stored && pillow))
        return df_node_fail(dict, DF_EVALUE, "color_type = '%s': want 'color'", colour);
    if (pillow)
        reading->pictures = stored ? DF_READ_PILLOW_AS_STORED : DF_READ_PILLOW;
    load->floats = load->to_float32;
    return DF_OK;
}

static int load_apply(const void *self, DfWork *work)
{
    const Load *load = self;
    return load->floats ? df_work_own_floats(work) : DF_OK;
}

const DfTransform df_transform_LoadImageFromFile = {
    .name = "LoadImageFromFile",
    .help = "decodes the picture with OpenCV's pixels",
    .opts = load_opts,
    .size = sizeof(Load),
    .init = load_init,
    .apply = load_apply,
};

/* ---- what is known of it --------------------------------------------------------------------------------------- */

typedef struct {
    bool with_bbox, with_label, with_mask, poly2mask;
    int with_seg, reduce_zero_label;
    bool map;
} Annotations;

enum { ZERO_BY_DATASET, ZERO_STAYS, ZERO_GOES };
enum { SEG_BY_LIBRARY, SEG_NO, SEG_YES };

static const DfOpt annotations_opts[] = {
    DF_OPT_BOOL(Annotations, with_bbox, True, "pass the boxes on"),
    DF_OPT_BOOL(Annotations, with_label, True, "pass the classes on; they always come with the boxes"),
    DF_OPT_BOOL(Annotations, with_mask, False, "pass the objects' masks on"),
    DF_OPT_ENUM(Annotations, with_seg, None, "None|False|True",
                "pass the label map on; None: yes for mmseg, no for mmdet"),
    DF_OPT_BOOL(Annotations, poly2mask, True, "convert polygons to run lengths first, as bitmaps are in mmdet"),
    DF_OPT_ENUM(Annotations, reduce_zero_label, None, "None|False|True",
                "class 0 of label maps is ignored, the others move down by one; None: as the data set says"),
    DF_OPT_UNUSED(box_type, "boxes are always x1 y1 x2 y2"),
    DF_OPT_UNUSED(imdecode_backend, "the library that reads label maps; they are read without loss"),
    DF_OPT_UNUSED(file_client_args, "storage service; files are always read from disk"),
    DF_OPT_UNUSED(backend_args, "file_client_args, as later releases call it"),
    DF_OPT_END
};

static int annotations_init(void *self, const DfNode *dict, DfReading *reading)
{
    Annotations *a = self;
    (void)dict;
    const bool segmentation = reading->codebase == DF_CODEBASE_SEGMENTATION;
    a->map = a->with_seg == SEG_YES || (a->with_seg == SEG_BY_LIBRARY && segmentation);
    reading->needs.boxes = a->with_bbox && !segmentation;
    reading->needs.masks = a->with_mask;
    reading->needs.map = a->map;
    reading->needs.reduces_zero = a->map && a->reduce_zero_label == ZERO_GOES;
    return DF_OK;
}

/* mmseg: 0 becomes 255, then all go down by one, and 254 (it was 0 or 255) is 255 again. */
static int reduced(int label)
{
    return label == 0 || label == 255 ? 255 : label - 1;
}

static int reduce_zero(DfGrid *map)
{
    const int error = df_grid_own(map);
    const size_t n = error == DF_OK ? (size_t)map->height * (size_t)map->width : 0;
    uint16_t *wide = (uint16_t *)(void *)map->at;
    for (size_t i = 0; i < n && map->cell == 1; i++)
        map->at[i] = (uint8_t)reduced(map->at[i]);
    for (size_t i = 0; i < n && map->cell == 2; i++)
        wide[i] = (uint16_t)reduced(wide[i]);
    return error;
}

static int draw_polygons(DfWork *work, DfObjectMask *mask)
{
    DfMask runs;
    int error = df_object_mask_runs(&runs, mask, (uint32_t)work->source->height, (uint32_t)work->source->width);
    if (error < 0)
        return error;
    const DfObjectMask drawn = { .form = DF_MASK_RUNS, .runs = runs };
    error = df_object_mask_copy(mask, &drawn, work->known->arena);
    df_mask_done(&runs);
    return error;
}

static int choose_masks(const Annotations *a, DfWork *work)
{
    DfAnnotations *known = work->known;
    int error = DF_OK;
    if (!a->with_mask)
        known->masks = NULL;
    for (size_t i = 0; known->masks && a->poly2mask && i < known->n && error == DF_OK; i++)
        if (known->masks[i].form == DF_MASK_POLYGONS)
            error = draw_polygons(work, &known->masks[i]);
    return error;
}

static int annotations_apply(const void *self, DfWork *work)
{
    const Annotations *a = self;
    if (!work->known)
        return DF_OK;
    if (!a->with_bbox)
        work->known->n = 0;
    if (!a->map)
        df_grid_free(&work->map);
    int error = choose_masks(a, work);
    if (error == DF_OK && work->map.at && a->reduce_zero_label == ZERO_GOES)
        error = reduce_zero(&work->map);
    return error;
}

const DfTransform df_transform_LoadAnnotations = {
    .name = "LoadAnnotations",
    .help = "passes the annotations on, for training; no effect in a test pipeline",
    .opts = annotations_opts,
    .size = sizeof(Annotations),
    .init = annotations_init,
    .apply = annotations_apply,
};
