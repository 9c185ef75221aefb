/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/noise.c -- a training batch of random pictures and objects.
 */
#include "cli/common/noise.h"

/* ---- objects ----------------------------------------------------------------------------------------------------- */

/* Sides of 5 % to 50 % of the picture, anywhere in it. */
static void random_box(DfRandom *random, int H, int W, float box[4])
{
    const double w = W * (0.05 + 0.45 * df_uniform(random));
    const double h = H * (0.05 + 0.45 * df_uniform(random));
    const double x = df_uniform(random) * (W - w);
    const double y = df_uniform(random) * (H - h);
    box[0] = (float)x;
    box[1] = (float)y;
    box[2] = (float)(x + w);
    box[3] = (float)(y + h);
}

/* The box without its corners. */
static int octagon(DfAnnotations *a, size_t i)
{
    const float *box = a->boxes + 4 * i;
    const double x[4] = { (double)box[0], 0.7 * (double)box[0] + 0.3 * (double)box[2],
                          0.3 * (double)box[0] + 0.7 * (double)box[2], (double)box[2] };
    const double y[4] = { (double)box[1], 0.7 * (double)box[1] + 0.3 * (double)box[3],
                          0.3 * (double)box[1] + 0.7 * (double)box[3], (double)box[3] };
    static const int corner[8][2] = { { 1, 0 }, { 2, 0 }, { 3, 1 }, { 3, 2 }, { 2, 3 }, { 1, 3 }, { 0, 2 }, { 0, 1 } };
    DfPolygon *polygon = df_arena_alloc(a->arena, 1, sizeof *polygon);
    double *xy = df_arena_alloc(a->arena, 16, sizeof *xy);
    if (!polygon || !xy)
        return df_fail_memory("an outline");
    for (int k = 0; k < 8; k++) {
        xy[2 * k] = x[corner[k][0]];
        xy[2 * k + 1] = y[corner[k][1]];
    }
    *polygon = (DfPolygon){ .n = 8, .xy = xy };
    a->masks[i] = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = polygon };
    return DF_OK;
}

static int detection_objects(DfAnnotations *a, DfRandom *random, int classes, bool masks, int H, int W)
{
    int error = df_annotations_init(a, CLI_NOISE_OBJECTS, masks);
    for (size_t i = 0; error == DF_OK && i < a->n; i++) {
        random_box(random, H, W, a->boxes + 4 * i);
        a->labels[i] = (int)(df_uniform(random) * classes);
        if (masks)
            error = octagon(a, i);
    }
    return error;
}

/* Stripes of 16 rows. */
static int label_map(DfAnnotations *a, DfRandom *random, int classes, int H, int W)
{
    const int error = df_annotations_init(a, 0, false);
    if (error < 0)
        return error;
    uint16_t *labels = df_arena_alloc(a->arena, (size_t)H * (size_t)W, sizeof *labels);
    if (!labels)
        return df_fail_memory("a label map");
    uint16_t label = 0;
    for (int y = 0; y < H; y++) {
        if (y % 16 == 0)
            label = (uint16_t)(df_uniform(random) * classes);
        for (int x = 0; x < W; x++)
            labels[(size_t)y * (size_t)W + (size_t)x] = label;
    }
    a->map = (DfLabelMap){ .height = H, .width = W, .wide = labels };
    return DF_OK;
}

static int picture_objects(DfAnnotations *a, const DfModel *model, DfRandom *random, int H, int W)
{
    const int classes = df_model_classes(model) > 0 ? df_model_classes(model) : 1000;
    if (df_model_is_segmentor(model))
        return label_map(a, random, classes, H, W);
    if (df_model_is_detector(model))
        return detection_objects(a, random, classes, df_model_has_masks(model), H, W);
    *a = (DfAnnotations){ .has_class = true, .image_class = (int)(df_uniform(random) * classes) };
    return DF_OK;
}

/* ---- the batch --------------------------------------------------------------------------------------------------- */

int cli_noise_new(CliNoise *out, const CliSession *s, int n, int H, int W)
{
    DfRandom random = df_random(3, 4);
    *out = (CliNoise){ .metas = df_calloc((size_t)n, sizeof *out->metas),
                       .objects = df_calloc((size_t)n, sizeof *out->objects) };
    if (!out->metas || !out->objects)
        return df_fail_memory("a batch of noise");
    out->batch = (DfLossBatch){ .n = n, .metas = out->metas, .objects = out->objects };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++) {
        out->metas[i] = (DfImageMeta){ H, W, H, W, H, W, { 1, 1, 1, 1 }, false, false };
        error = picture_objects(&out->objects[i], s->model, &random, H, W);
    }
    return error;
}

void cli_noise_done(CliNoise *noise)
{
    for (int i = 0; noise->objects && i < noise->batch.n; i++)
        df_annotations_done(&noise->objects[i]);
    df_free(noise->objects);
    df_free(noise->metas);
    *noise = (CliNoise){ 0 };
}

DfTensor *cli_noise_pictures(CliSession *s, int n, int H, int W)
{
    DfTensor *image = df_zeros(s->c, DF_SHAPE(n, H, W, df_model_channels(s->model)));
    DfRandom random = df_random(1, 2);
    for (size_t i = 0; s->c->err == DF_OK && i < df_size(image); i++)
        image->data[i] = (float)(2 * df_uniform(&random) - 1);
    return image;
}
