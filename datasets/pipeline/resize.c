/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/resize.c -- Resize, RandomResize and RandomChoiceResize: to a size, or with keep_ratio to the
 * largest size that fits (long side, short side), rounded half up like mmcv. In training the size may be random.
 * AlignResize, of PVT's segmentation code, then resizes again to multiples of size_divisor.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

/* How the size is found. */
typedef enum {
    SIZE_ASKED, /* of MultiScaleFlipAug                                      */
    SIZE_FIXED,
    SIZE_FACTOR, /* a factor of the picture, for width and height              */
    SIZE_RATIO,  /* one size times a drawn ratio                               */
    SIZE_RANGE,  /* two sizes: long side and short side between theirs         */
    SIZE_RANGES, /* two sizes: width and height between theirs (3.x)           */
    SIZE_CHOICE  /* one of several                                             */
} Choosing;

enum { MODE_RANGE, MODE_VALUE };
enum { KEEP_BY_FORM, KEEP_NO, KEEP_YES };

typedef struct {
    const DfNode *img_scale, *scale, *scales, *scale_factor, *ratio_range;
    int multiscale_mode, backend, keep_ratio, interpolation, resize_type;
    int size_divisor; /* AlignResize; 0: as it is */
    bool bbox_clip_border, clip_object_border, override;
    bool clip;
    Choosing choosing;
    DfScales sizes;
    double factor[2]; /* of width and height */
    double ratio[2];  /* from, to            */
    bool keep;
} Resize;

#define HOW_TO_RESIZE \
    DF_OPT_BOOL(Resize, clip_object_border, True, "another name of bbox_clip_border, in later releases"), \
    DF_OPT_ENUM(Resize, backend, cv2, DF_BACKENDS, "the library whose resize is reproduced bit for bit"), \
    DF_OPT_ENUM(Resize, interpolation, bilinear, DF_PIL_FILTERS, \
                "interpolation of pictures; label maps take the nearest pixel")

static const DfOpt resize_opts[] = {
    DF_OPT_NODE(Resize, img_scale, "None",
                "size (w, h) in pixels, if MultiScaleFlipAug gives none; in training also a list to draw from"),
    DF_OPT_NODE(Resize, scale, "None", "one size or one number: img_scale in later releases"),
    DF_OPT_NODE(Resize, scale_factor, "None", "instead of a size: scale factor, or a pair for (w, h)"),
    DF_OPT_ENUM(Resize, multiscale_mode, range, "range|value",
                "how training draws from several img_scale: between two of them, or one of them"),
    DF_OPT_NODE(Resize, ratio_range, "None", "training: img_scale times a factor drawn from this pair"),
    DF_OPT_ENUM(Resize, keep_ratio, None, "None|False|True",
                "keep the aspect ratio: the largest size that fits, in either orientation; None: if it is called "
                "img_scale"),
    DF_OPT_BOOL(Resize, bbox_clip_border, True, "in training: clip boxes at the border of the picture"),
    HOW_TO_RESIZE,
    DF_OPT_BOOL(Resize, override, False, "use img_scale even where MultiScaleFlipAug gives another"),
    DF_OPT_END
};

static const DfOpt align_opts[] = {
    DF_OPT_NODE(Resize, img_scale, "None",
                "size (w, h) in pixels, if MultiScaleFlipAug gives none; in training also a list to draw from"),
    DF_OPT_ENUM(Resize, multiscale_mode, range, "range|value",
                "how training draws from several img_scale: between two of them, or one of them"),
    DF_OPT_NODE(Resize, ratio_range, "None", "training: img_scale times a factor drawn from this pair"),
    DF_OPT_ENUM(Resize, keep_ratio, True, "None|False|True",
                "keep the aspect ratio: the largest size that fits, in either orientation"),
    DF_OPT_INT(Resize, size_divisor, 32, 1, 4096, "height and width become multiples of it, by a second resize"),
    DF_OPT_END
};

static const DfOpt random_opts[] = {
    DF_OPT_NODE(Resize, scale, NULL, "size (w, h) for ratio_range, or two sizes to draw width and height between"),
    DF_OPT_NODE(Resize, ratio_range, "None", "range of the scale factor that is drawn"),
    DF_OPT_ENUM(Resize, resize_type, Resize, "Resize", "name of the transform that resizes"),
    DF_OPT_ENUM(Resize, keep_ratio, False, "None|False|True", "keep the aspect ratio"),
    HOW_TO_RESIZE,
    DF_OPT_END
};

static const DfOpt choice_opts[] = {
    DF_OPT_NODE(Resize, scales, NULL, "list of sizes (w, h), of which one is drawn"),
    DF_OPT_ENUM(Resize, resize_type, Resize, "Resize", "name of the transform that resizes"),
    DF_OPT_ENUM(Resize, keep_ratio, False, "None|False|True", "keep the aspect ratio"),
    HOW_TO_RESIZE,
    DF_OPT_END
};

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* A pair of numbers in 0 .. most. */
static int read_pair(double out[2], const DfNode *node, double most)
{
    const bool pair = node->kind == DF_NODE_LIST && node->n == 2;
    const DfNode *v = pair ? node->first : node;
    for (int i = 0; i < 2; i++, v = pair ? v->next : v) {
        if (!df_node_is_number(v) || !(v->number > 0) || v->number > most)
            return df_node_fail(node, DF_EVALUE, "want a positive number of at most %g, or a pair of them", most);
        out[i] = v->number;
    }
    return DF_OK;
}

/* In 3.x one number is both sides. */
static int read_scale(Resize *r, DfArena *arena)
{
    const DfNode *node = r->scale;
    if (!node || node->kind != DF_NODE_INT)
        return df_read_sizes(&r->sizes, node ? node : r->img_scale, arena);
    if (node->integer < 1 || node->integer > DF_IMAGE_MAX_SIDE)
        return df_node_fail(node, DF_EVALUE, "want a size in 1..%d, or a pair", DF_IMAGE_MAX_SIDE);
    r->sizes.v = df_arena_alloc(arena, 1, sizeof *r->sizes.v);
    if (!r->sizes.v)
        return df_fail_memory("sizes");
    r->sizes.n = 1;
    *r->sizes.v = (DfScale){ .kind = DF_SCALE_SIZE, .size = { (int)node->integer, (int)node->integer } };
    return DF_OK;
}

static int read_ratio(Resize *r)
{
    if (r->sizes.n != 1)
        return df_node_fail(r->ratio_range, DF_EVALUE, "ratio_range with %d sizes: want one", r->sizes.n);
    r->choosing = SIZE_RATIO;
    return read_pair(r->ratio, r->ratio_range, 1e4);
}

static int several(Resize *r, const DfNode *dict)
{
    if (r->multiscale_mode == MODE_RANGE && r->sizes.n != 2)
        return df_node_fail(dict, DF_EVALUE, "a range of %d sizes: want two, or multiscale_mode = 'value'", r->sizes.n);
    r->choosing = r->multiscale_mode == MODE_RANGE ? SIZE_RANGE : SIZE_CHOICE;
    return DF_OK;
}

static int init_training(Resize *r, const DfNode *dict)
{
    if (r->ratio_range)
        return read_ratio(r);
    if (r->sizes.n > 1)
        return several(r, dict);
    if (r->sizes.n == 0 && !r->scale_factor)
        return df_node_fail(dict, DF_EVALUE, "Resize without a size: want img_scale, scale or scale_factor");
    r->choosing = r->sizes.n ? SIZE_FIXED : SIZE_FACTOR;
    return DF_OK;
}

static int init_testing(Resize *r, const DfNode *dict)
{
    if (r->ratio_range)
        return df_node_fail(r->ratio_range, DF_EVALUE, "a random scale is for training: want None in a test pipeline");
    if (r->sizes.n > 1)
        return df_node_fail(dict, DF_EVALUE,
                            "a choice of %d scales is for training: want one scale in a test pipeline", r->sizes.n);
    if (r->override && r->sizes.n == 0)
        return df_node_fail(dict, DF_EVALUE, "override = True without img_scale: want (w, h)");
    r->choosing = SIZE_ASKED;
    if (r->scale || r->override)
        r->choosing = SIZE_FIXED;
    else if (r->scale_factor)
        r->choosing = SIZE_FACTOR;
    return DF_OK;
}

static int check_how(const Resize *r, const DfNode *dict)
{
    return df_check_resampling(df_resampling(r->backend, r->interpolation), dict);
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Resize *r = self;
    int error = check_how(r, dict);
    if (error == DF_OK)
        error = read_scale(r, reading->arena);
    if (error == DF_OK && r->scale_factor)
        error = read_pair(r->factor, r->scale_factor, 1e4);
    if (error < 0)
        return error;
    r->clip = r->bbox_clip_border && r->clip_object_border;
    r->keep = r->keep_ratio == KEEP_YES;
    if (r->keep_ratio == KEEP_BY_FORM)
        r->keep = !r->scale && !r->scale_factor;
    return reading->training ? init_training(r, dict) : init_testing(r, dict);
}

static int init_align(void *self, const DfNode *dict, DfReading *reading)
{
    Resize *r = self;
    r->bbox_clip_border = r->clip_object_border = true;
    return init(r, dict, reading);
}

static int init_random(void *self, const DfNode *dict, DfReading *reading)
{
    Resize *r = self;
    r->clip = r->clip_object_border;
    r->keep = r->keep_ratio == KEEP_YES;
    int error = check_how(r, dict);
    if (error == DF_OK)
        error = df_read_sizes(&r->sizes, r->scale, reading->arena);
    if (error < 0)
        return error;
    if (r->ratio_range)
        return read_ratio(r);
    r->choosing = SIZE_RANGES;
    if (r->sizes.n != 2)
        return df_node_fail(dict, DF_EVALUE, "want ratio_range, or two sizes in scale");
    return DF_OK;
}

static int init_choice(void *self, const DfNode *dict, DfReading *reading)
{
    Resize *r = self;
    r->clip = r->clip_object_border;
    r->keep = r->keep_ratio == KEEP_YES;
    r->choosing = SIZE_CHOICE;
    int error = check_how(r, dict);
    if (error == DF_OK)
        error = df_read_sizes(&r->sizes, r->scales, reading->arena);
    if (error == DF_OK && r->sizes.n < 1)
        return df_node_fail(dict, DF_EVALUE, "no scales: want one or more");
    return error;
}

/* ---- the size -------------------------------------------------------------------------------------------------- */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* A side is never rounded down to nothing; mmcv fails there. What is far too large is refused where it is made. */
static int whole(double side)
{
    return (int)fmin(fmax(side, 1), 1e9);
}

/* numpy's randint(), both ends included, of two sides in either order. */
static int draw_between(DfDraws *draws, int a, int b)
{
    return df_draw_integer(draws, smaller(a, b), larger(a, b) + 1);
}

static void draw_range(const DfScale *v, DfDraws *draws, int size[2])
{
    const int *a = v[0].size;
    const int *b = v[1].size;
    size[0] = draw_between(draws, larger(a[0], a[1]), larger(b[0], b[1]));
    size[1] = draw_between(draws, smaller(a[0], a[1]), smaller(b[0], b[1]));
}

static void take(int size[2], const DfScale *scale)
{
    size[0] = scale->size[0];
    size[1] = scale->size[1];
}

/* (w, h) in training, before the aspect ratio is looked at. */
static void draw_size(const Resize *r, DfDraws *draws, int size[2])
{
    const DfScale *v = r->sizes.v;
    if (r->choosing == SIZE_RATIO) {
        const double ratio = df_draw_share(draws) * (r->ratio[1] - r->ratio[0]) + r->ratio[0];
        for (int i = 0; i < 2; i++)
            size[i] = whole(v->size[i] * ratio);
    } else if (r->choosing == SIZE_RANGE) {
        draw_range(v, draws, size);
    } else if (r->choosing == SIZE_RANGES) {
        for (int i = 0; i < 2; i++)
            size[i] = draw_between(draws, v[0].size[i], v[1].size[i]);
    } else {
        take(size, &v[df_draw_integer(draws, 0, r->sizes.n)]);
    }
}

/* What MultiScaleFlipAug asks for: a factor makes int(side * factor), of later releases int(side * factor + 0.5). */
static int asked_size(const Resize *r, const DfWork *work, const int picture[2], int size[2])
{
    const DfScale *scale = work->scale.kind != DF_SCALE_NONE ? &work->scale : r->sizes.v;
    if (!scale)
        return df_fail(DF_EVALUE, "Resize has no img_scale: want one here or in MultiScaleFlipAug");
    if (scale->kind == DF_SCALE_SIZE) {
        take(size, scale);
        return DF_OK;
    }
    for (int i = 0; i < 2; i++)
        size[i] = whole(picture[i] * scale->factor + (scale->kind == DF_SCALE_FACTOR_ROUNDED ? 0.5 : 0));
    if (size[0] > DF_IMAGE_MAX_SIDE || size[1] > DF_IMAGE_MAX_SIDE)
        return df_fail(DF_EVALUE, "a picture of %d x %d enlarged %g times: want sides of at most %d pixels",
                       picture[1], picture[0], scale->factor, DF_IMAGE_MAX_SIDE);
    return DF_OK;
}

/* mmcv's rescale_size(): the factor is the smaller of long side over long side and short side over short side. */
static void fit(const int picture[2], int size[2])
{
    const double by_long = (double)larger(size[0], size[1]) / larger(picture[0], picture[1]);
    const double by_short = (double)smaller(size[0], size[1]) / smaller(picture[0], picture[1]);
    const double factor = by_long < by_short ? by_long : by_short;
    size[0] = whole(picture[0] * factor + 0.5);
    size[1] = whole(picture[1] * factor + 0.5);
}

static int size_for(const Resize *r, DfWork *work, int size[2])
{
    const int picture[2] = { df_work_width(work), df_work_height(work) };
    int error = DF_OK;
    if (r->choosing == SIZE_ASKED)
        error = asked_size(r, work, picture, size);
    else if (r->choosing == SIZE_FIXED)
        take(size, r->sizes.v);
    else if (r->choosing == SIZE_FACTOR)
        for (int i = 0; i < 2; i++)
            size[i] = whole(picture[i] * r->factor[i] + 0.5);
    else
        draw_size(r, work->draws, size);
    if (r->keep && error == DF_OK)
        fit(picture, size);
    return error;
}

static int multiple(int side, int divisor)
{
    return (side + divisor - 1) / divisor * divisor;
}

/* To multiples of size_divisor. What a resize says of itself, the factor from the picture, is that of both together. */
static int align(const Resize *r, DfWork *work, const int picture[2])
{
    const int width = multiple(df_work_width(work), r->size_divisor);
    const int height = multiple(df_work_height(work), r->size_divisor);
    const bool fits = width == df_work_width(work) && height == df_work_height(work);
    if (fits)
        return DF_OK;
    if (!r->keep)
        return df_fail(DF_EVALUE, "AlignResize to %d x %d with keep_ratio = False: want multiples of size_divisor = %d",
                       df_work_height(work), df_work_width(work), r->size_divisor);
    const int error = df_work_resize(work, height, width, df_resampling(r->backend, r->interpolation), r->clip);
    for (int i = 0; i < 4; i++)
        work->scale_factor[i] = (float)((double)(i % 2 ? height : width) / picture[i % 2]);
    return error;
}

static int apply(const void *self, DfWork *work)
{
    const Resize *r = self;
    int size[2] = { 1, 1 };
    if (work->padded && !work->draws)
        return df_fail(DF_EVALUE, "Resize after Pad: want it before");
    const int picture[2] = { df_work_width(work), df_work_height(work) };
    int error = size_for(r, work, size);
    if (error == DF_OK)
        error = df_work_resize(work, size[1], size[0], df_resampling(r->backend, r->interpolation), r->clip);
    if (error == DF_OK && r->size_divisor)
        error = align(r, work, picture);
    return error;
}

const DfTransform df_transform_Resize = {
    .name = "Resize",
    .help = "resizes the picture",
    .opts = resize_opts,
    .size = sizeof(Resize),
    .init = init,
    .apply = apply,
};
const DfTransform df_transform_AlignResize = {
    .name = "AlignResize",
    .help = "resizes the picture bilinearly, then up to multiples of a length, as the code of PVT does",
    .opts = align_opts,
    .size = sizeof(Resize),
    .init = init_align,
    .apply = apply,
};
const DfTransform df_transform_RandomResize = {
    .name = "RandomResize",
    .help = "resizes to a size that is drawn from a range",
    .opts = random_opts,
    .size = sizeof(Resize),
    .training = true,
    .init = init_random,
    .apply = apply,
};
const DfTransform df_transform_RandomChoiceResize = {
    .name = "RandomChoiceResize",
    .help = "resizes to one of several sizes",
    .opts = choice_opts,
    .size = sizeof(Resize),
    .training = true,
    .init = init_choice,
    .apply = apply,
};
