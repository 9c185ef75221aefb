/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/mix.c -- Mosaic: four pictures around a random centre (Bochkovskiy et al., arXiv 2004.10934).
 * MixUp: the mean of two pictures (Zhang et al., ICLR 2018, as YOLOX has it, arXiv 2107.08430). Boxes of all pictures
 * stay; masks and label maps do not.
 */
#include <string.h>

#include "datasets/image/resize.h"
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *img_scale, *pad_val;
    DfFloats center_ratio_range, ratio_range;
    bool bbox_clip_border, skip_filter;
    double prob, flip_ratio;
    int max_iters;
    int width, height;
    uint8_t fill[3];
} Mix;

#define WHOLE_SIZE \
    DF_OPT_NODE(Mix, img_scale, "(640, 640)", \
                "size of one picture: (h, w) in mmdet 2.x, (w, h) in 3.x; Mosaic makes twice that")
#define CLIPPED_BOXES \
    DF_OPT_NODE(Mix, pad_val, "114.0",                                               \
                "value of all channels where there is no picture"),                  \
    DF_OPT_BOOL(Mix, bbox_clip_border, True, "clip boxes at the border"),            \
    DF_OPT_BOOL(Mix, skip_filter, True, "keep small boxes; only True is supported"), \
    DF_OPT_UNUSED(min_bbox_size, "setting of the filter that skip_filter turns off"),      \
    DF_OPT_UNUSED(min_area_ratio, "setting of the filter that skip_filter turns off"),     \
    DF_OPT_UNUSED(max_aspect_ratio, "setting of the filter that skip_filter turns off")

static const DfOpt mosaic_opts[] = {
    WHOLE_SIZE,
    DF_OPT_FLOATS(Mix, center_ratio_range, "[0.5, 1.5]", 0, 2, "range of the centre, as shares of img_scale"),
    CLIPPED_BOXES,
    DF_OPT_FLOAT(Mix, prob, 1, 0, 1, "probability that four pictures are joined"),
    DF_OPT_END
};

static const DfOpt mixup_opts[] = {
    WHOLE_SIZE,
    DF_OPT_FLOATS(Mix, ratio_range, "[0.5, 1.5]", 0.01, 100, "smallest and largest scale factor of the other picture"),
    DF_OPT_FLOAT(Mix, flip_ratio, 0.5, 0, 1, "probability that the other picture is not mirrored"),
    CLIPPED_BOXES,
    DF_OPT_INT(Mix, max_iters, 15, 1, 1000, "most attempts to draw another picture that has boxes"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Mix *m = self;
    DfScales size;
    const int error = df_read_sizes(&size, m->img_scale, reading->arena);
    if (error < 0)
        return error;
    const bool ranges = (m->center_ratio_range.n == 2) != (m->ratio_range.n == 2);
    if (size.n != 1 || !ranges || !df_node_is_number(m->pad_val) || !m->skip_filter)
        return df_node_fail(dict, DF_EVALUE, "want one img_scale, a range of two numbers, a pad_val, no filter");
    const bool width_first = reading->release == DF_RELEASE_NEW;
    m->width = size.v->size[width_first ? 0 : 1];
    m->height = size.v->size[width_first ? 1 : 0];
    memset(m->fill, (int)df_clamp_double(m->pad_val->number, 0, 255), sizeof m->fill);
    reading->needs.others = true;
    return DF_OK;
}

/* ---- what both do ---------------------------------------------------------------------------------------------- */

static int check_bytes(DfWork *work, const char *who)
{
    const int error = df_work_settle(work);
    if (error == DF_OK && df_work_is_float(work))
        return df_fail(DF_EVALUE, "%s of a picture of floats: want it before what makes floats", who);
    return error;
}

/* Cut to a whole number of pixels, at least one. */
static int whole(double side)
{
    return side > 1 ? (int)side : 1;
}

/* To the largest size within width x height, rounded down. *ratio: the factor. */
static int fit(DfImage *out, const DfImage *in, int width, int height, double *ratio)
{
    const double across = (double)width / in->width;
    const double down = (double)height / in->height;
    *ratio = down < across ? down : across;
    return df_resize_cv2(out, in, whole(in->height * *ratio), whole(in->width * *ratio));
}

static void scale_boxes(float *boxes, size_t n, float by)
{
    for (size_t i = 0; i < 4 * n; i++)
        boxes[i] *= by;
}

static void shift_boxes(float *boxes, size_t n, float x, float y)
{
    for (size_t i = 0; i < 4 * n; i++)
        boxes[i] += i % 2 ? y : x;
}

static void clip_boxes(float *boxes, size_t n, int width, int height)
{
    for (size_t i = 0; i < 4 * n; i++)
        boxes[i] = df_clamp_float(boxes[i], 0.0f, (float)(i % 2 ? height : width));
}

/* Boxes that do not touch the picture are dropped; so are those of classes that are not learnt. */
static int drop_outside(DfWork *work, int width, int height)
{
    const DfAnnotations *a = work->known;
    bool *keep = df_calloc(a->n + 1, sizeof *keep);
    if (!keep)
        return df_fail_memory("the objects of several pictures");
    for (size_t i = 0; i < a->n; i++) {
        const float *box = a->boxes + 4 * i;
        keep[i] = a->labels[i] >= 0 && box[0] < (float)width && box[1] < (float)height && box[2] > 0 && box[3] > 0;
    }
    df_work_keep(work, keep);
    df_free(keep);
    return DF_OK;
}

static int another(DfWork *work, DfImage *image, DfAnnotations *known)
{
    *image = (DfImage){ 0 };
    *known = (DfAnnotations){ 0 };
    const int error = work->others->another(work->others->set, work->draws, image, known);
    if (error == DF_OK && (image->channels != 3 || known->unit != DF_BOXES_PIXELS))
        return df_fail(DF_EVALUE, "another picture to mix: want 3 channels and boxes in pixels");
    return error;
}

static void use_picture(DfWork *work, DfGrid picture)
{
    df_grid_free(&work->picture);
    df_grid_free(&work->map);
    work->picture = picture;
    work->known->masks = NULL;
}

/* ---- Mosaic ---------------------------------------------------------------------------------------------------- */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* One picture goes to one side of the centre on each axis: before it, its end is at the centre; behind it, its start
 * is. What does not fit on the canvas is cut. */
typedef struct {
    int to, from, n; /* on the canvas, in the picture, how many pixels */
} Span;

static Span span(int center, int side, int canvas, bool before)
{
    if (!before)
        return (Span){ center, 0, smaller(side, canvas - center) };
    const int n = smaller(side, center);
    return (Span){ center - n, side - n, n };
}

static void paste(DfGrid *canvas, const DfImage *image, Span x, Span y)
{
    for (int i = 0; i < y.n && x.n > 0; i++) {
        const size_t to = (size_t)(y.to + i) * (size_t)canvas->width + (size_t)x.to;
        const size_t from = (size_t)(y.from + i) * (size_t)image->width + (size_t)x.from;
        memcpy(canvas->at + to * 3, image->pixels + from * 3, (size_t)x.n * 3);
    }
}

/* Picture number i of four, with its boxes: upper left, upper right, lower left, lower right. */
static int add_tile(const Mix *m, DfGrid *canvas, const int center[2], int i, const DfImage *image, float *boxes,
                    size_t n)
{
    DfImage fitted;
    double ratio;
    const int error = fit(&fitted, image, m->width, m->height, &ratio);
    if (error < 0)
        return error;
    const Span x = span(center[0], fitted.width, canvas->width, i % 2 == 0);
    const Span y = span(center[1], fitted.height, canvas->height, i < 2);
    paste(canvas, &fitted, x, y);
    scale_boxes(boxes, n, (float)ratio);
    shift_boxes(boxes, n, (float)(x.to - x.from), (float)(y.to - y.from));
    df_image_free(&fitted);
    return DF_OK;
}

static int add_other_tile(const Mix *m, DfWork *work, DfGrid *canvas, const int center[2], int i)
{
    DfImage image;
    DfAnnotations known;
    const size_t before = work->known->n;
    int error = another(work, &image, &known);
    if (error == DF_OK)
        error = df_annotations_append(work->known, &known);
    if (error == DF_OK)
        error = add_tile(m, canvas, center, i, &image, work->known->boxes + 4 * before, work->known->n - before);
    df_image_free(&image);
    df_annotations_done(&known);
    return error;
}

static int fill_canvas(const Mix *m, DfWork *work, DfGrid *canvas)
{
    const DfFloats range = m->center_ratio_range;
    int center[2];
    center[0] = (int)(df_draw_uniform(work->draws, range.v[0], range.v[1]) * m->width);
    center[1] = (int)(df_draw_uniform(work->draws, range.v[0], range.v[1]) * m->height);
    const DfImage first = { work->picture.height, work->picture.width, 3, work->picture.at };
    df_grid_fill(canvas, 0, 0, canvas->width, canvas->height, m->fill);
    int error = add_tile(m, canvas, center, 0, &first, work->known->boxes, work->known->n);
    for (int i = 1; i < 4 && error == DF_OK; i++)
        error = add_other_tile(m, work, canvas, center, i);
    return error;
}

static int mosaic_apply(const void *self, DfWork *work)
{
    const Mix *m = self;
    DfGrid canvas;
    if (df_draw_uniform(work->draws, 0, 1) > m->prob)
        return DF_OK;
    int error = check_bytes(work, "Mosaic");
    if (error == DF_OK)
        error = df_grid_new(&canvas, 2 * m->height, 2 * m->width, 3);
    if (error < 0)
        return error;
    error = fill_canvas(m, work, &canvas);
    if (error < 0) {
        df_grid_free(&canvas);
        return error;
    }
    use_picture(work, canvas);
    if (m->bbox_clip_border)
        df_work_clip_boxes(work, canvas.height, canvas.width);
    return drop_outside(work, canvas.width, canvas.height);
}

const DfTransform df_transform_Mosaic = {
    .name = "Mosaic",
    .help = "joins four pictures around a random centre",
    .opts = mosaic_opts,
    .size = sizeof(Mix),
    .training = true,
    .init = init,
    .apply = mosaic_apply,
};

/* ---- MixUp ----------------------------------------------------------------------------------------------------- */

/* The official canvas is of doubles, because its pad_val 114.0 is a float, and is resized as such; then fractions are
 * cut off. */
static int resize_doubles(DfGrid *out, const DfGrid *in, int height, int width)
{
    DfGrid doubles;
    DfGrid resized = { 0 };
    int error = df_grid_new(&doubles, in->height, in->width, 3 * sizeof(double));
    const size_t n = (size_t)in->height * (size_t)in->width * 3;
    for (size_t i = 0; error == DF_OK && i < n; i++)
        ((double *)(void *)doubles.at)[i] = in->at[i];
    if (error == DF_OK)
        error = df_resize_cv2_floats(&resized, &doubles, height, width);
    if (error == DF_OK)
        error = df_grid_new(out, height, width, 3);
    for (size_t i = 0; error == DF_OK && i < (size_t)height * (size_t)width * 3; i++)
        out->at[i] = (uint8_t)df_clamp_double(((double *)(void *)resized.at)[i], 0, 255);
    df_grid_free(&doubles);
    df_grid_free(&resized);
    return error;
}

/* The other picture in the upper left of height x width, then made larger or smaller. *ratio: the factor in all. */
static int jittered(const Mix *m, DfGrid *out, const DfImage *image, double jitter, double *ratio)
{
    DfImage fitted;
    DfGrid canvas = { 0 };
    int error = fit(&fitted, image, m->width, m->height, ratio);
    if (error < 0)
        return error;
    const DfGrid part = df_grid_of_image(&fitted);
    error = df_grid_place(&canvas, &part, 0, 0, m->height, m->width, m->fill);
    if (error == DF_OK)
        error = resize_doubles(out, &canvas, whole(m->height * jitter), whole(m->width * jitter));
    *ratio *= jitter;
    df_image_free(&fitted);
    df_grid_free(&canvas);
    return error;
}

/* A window of the size of our picture; where the other is smaller, the rest is filled. */
static int window(const Mix *m, DfWork *work, DfGrid *other, int at[2])
{
    DfGrid seen;
    const int height = work->picture.height;
    const int width = work->picture.width;
    at[1] = other->height > height ? df_draw_integer(work->draws, 0, other->height - height) : 0;
    at[0] = other->width > width ? df_draw_integer(work->draws, 0, other->width - width) : 0;
    const int error = df_grid_place(&seen, other, -at[0], -at[1], height, width, m->fill);
    df_grid_free(other);
    *other = seen;
    return error;
}

/* Boxes of the other picture: to its size, mirrored with it, into the window. */
static void move_boxes(const Mix *m, DfAnnotations *a, double ratio, const DfGrid *other, bool flip)
{
    scale_boxes(a->boxes, a->n, (float)ratio);
    if (m->bbox_clip_border)
        clip_boxes(a->boxes, a->n, other->width, other->height);
    for (size_t i = 0; flip && i < a->n; i++) {
        float *box = a->boxes + 4 * i;
        const float left = box[0];
        box[0] = (float)other->width - box[2];
        box[2] = (float)other->width - left;
    }
}

static int mix_with(const Mix *m, DfWork *work, const DfImage *image, DfAnnotations *known)
{
    DfGrid other = { 0 };
    double ratio;
    int at[2];
    const double jitter = df_draw_uniform(work->draws, m->ratio_range.v[0], m->ratio_range.v[1]);
    const bool flip = df_draw_uniform(work->draws, 0, 1) > m->flip_ratio;
    int error = jittered(m, &other, image, jitter, &ratio);
    if (error < 0)
        return error;
    df_grid_flip(&other, flip, false);
    move_boxes(m, known, ratio, &other, flip);
    error = window(m, work, &other, at);
    const size_t n = error == DF_OK ? (size_t)other.height * (size_t)other.width * 3 : 0;
    for (size_t i = 0; i < n; i++) /* half of each, cut to a whole number */
        other.at[i] = (uint8_t)((other.at[i] + work->picture.at[i]) / 2);
    shift_boxes(known->boxes, known->n, (float)-at[0], (float)-at[1]);
    if (m->bbox_clip_border)
        clip_boxes(known->boxes, known->n, work->picture.width, work->picture.height);
    if (error == DF_OK)
        error = df_annotations_append(work->known, known);
    if (error < 0) {
        df_grid_free(&other);
        return error;
    }
    use_picture(work, other);
    return drop_outside(work, work->picture.width, work->picture.height);
}

/* Up to max_iters pictures are drawn until one has boxes; the last one is left out if it has none either. */
static int mixup_apply(const void *self, DfWork *work)
{
    const Mix *m = self;
    DfImage image = { 0 };
    DfAnnotations known = { 0 };
    int error = check_bytes(work, "MixUp");
    for (int i = 0; i < m->max_iters && error == DF_OK && known.n == 0; i++) {
        df_image_free(&image);
        df_annotations_done(&known);
        error = another(work, &image, &known);
    }
    if (error == DF_OK && known.n > 0) {
        DfAnnotations copy;
        error = df_annotations_copy(&copy, &known);
        if (error == DF_OK)
            error = mix_with(m, work, &image, &copy);
        df_annotations_done(&copy);
    }
    df_image_free(&image);
    df_annotations_done(&known);
    return error;
}

const DfTransform df_transform_MixUp = {
    .name = "MixUp",
    .help = "averages the picture and another one",
    .opts = mixup_opts,
    .size = sizeof(Mix),
    .training = true,
    .init = init,
    .apply = mixup_apply,
};
