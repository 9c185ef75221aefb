/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/crop.c -- RandomCrop. mmdet's chooses a size in one of four ways and drops the objects outside;
 * mmseg's has a fixed size and tries again while one class fills too much of the crop.
 */
#include <math.h>

#include "datasets/pipeline/transform.h"

enum { ABSOLUTE, ABSOLUTE_RANGE, RELATIVE, RELATIVE_RANGE };

typedef struct {
    const DfNode *crop_size;
    int crop_type, ignore_index;
    bool allow_negative_crop, recompute_bbox, bbox_clip_border;
    double cat_max_ratio;
    double size[2];      /* height, width; pixels or shares. ABSOLUTE_RANGE: least, most */
    bool segmentation;
    DfRelease release;
} Crop;

static const DfOpt opts[] = {
    DF_OPT_NODE(Crop, crop_size, NULL,
                "size in pixels, or shares if relative: (h, w) in mmdet 2.x and mmseg, (w, h) in mmdet 3.x; one number "
                "is both; absolute_range: least and most of both"),
    DF_OPT_ENUM(Crop, crop_type, absolute, "absolute|absolute_range|relative|relative_range",
                "how crop_size is read: an absolute size, a relative one, or a range"),
    DF_OPT_BOOL(Crop, allow_negative_crop, False, "keep a crop without objects; False: try another sample"),
    DF_OPT_BOOL(Crop, recompute_bbox, False, "recompute boxes from the cropped masks"),
    DF_OPT_BOOL(Crop, bbox_clip_border, True, "clip boxes at the border of the crop"),
    DF_OPT_FLOAT(Crop, cat_max_ratio, 1, 0, 1, "mmseg: try up to 10 crops until no class has this share or more"),
    DF_OPT_INT(Crop, ignore_index, 255, 0, 65535, "mmseg: class of label maps that does not count"),
    DF_OPT_END
};

/* ---- reading --------------------------------------------------------------------------------------------------- */

static bool is_relative(const Crop *c)
{
    return c->crop_type == RELATIVE || c->crop_type == RELATIVE_RANGE;
}

static int read_size(Crop *c)
{
    const DfNode *node = c->crop_size;
    const bool pair = node && node->kind == DF_NODE_LIST && node->n == 2;
    const double least = is_relative(c) ? 1e-6 : 1;
    const double most = is_relative(c) ? 1 : DF_IMAGE_MAX_SIDE;
    const DfNode *v = pair ? node->first : node;
    for (int i = 0; i < 2; i++, v = pair ? v->next : v) {
        if (!df_node_is_number(v) || !(v->number >= least && v->number <= most))
            return df_node_fail(node, DF_EVALUE, "want a size of %g to %g, or a pair of them", least, most);
        c->size[i] = v->number;
    }
    if (c->crop_type == ABSOLUTE_RANGE && c->size[0] > c->size[1])
        return df_node_fail(node, DF_EVALUE, "a range from %g to %g: want the smaller first", c->size[0], c->size[1]);
    return DF_OK;
}

/* mmdet 3.x writes width first, but in relative_range. */
static bool width_first(const Crop *c)
{
    return !c->segmentation && c->release == DF_RELEASE_NEW && (c->crop_type == ABSOLUTE || c->crop_type == RELATIVE);
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Crop *c = self;
    (void)dict;
    c->segmentation = reading->codebase == DF_CODEBASE_SEGMENTATION;
    c->release = reading->release;
    const int error = read_size(c);
    if (width_first(c)) {
        const double width = c->size[0];
        c->size[0] = c->size[1];
        c->size[1] = width;
    }
    return error;
}

/* ---- where ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int x, y, height, width;
} Part;

static int smaller(int a, double b)
{
    return a < b ? a : (int)b;
}

static int share_of(int side, double share)
{
    return df_clamp_int((int)(side * share + 0.5), 1, side);
}

/* size: height and width of the crop, sides those of the picture. */
static void choose_size(const Crop *c, DfDraws *draws, const int sides[2], int size[2])
{
    double share[2] = { c->size[0], c->size[1] };
    for (int i = 0; i < 2; i++) {
        const int least = smaller(sides[i], c->size[0]);
        const int most = smaller(sides[i], c->size[1]);
        if (c->crop_type == ABSOLUTE_RANGE)
            size[i] = df_draw_integer(draws, least, most + 1);
        else if (c->crop_type == ABSOLUTE)
            size[i] = smaller(sides[i], c->size[i]);
        else if (c->crop_type == RELATIVE_RANGE) /* the official shares are float32, what is drawn is double */
            share[i] = (double)(float)share[i] + df_draw_share(draws) * (double)(1 - (float)share[i]);
        if (is_relative(c))
            size[i] = share_of(sides[i], share[i]);
    }
}

static void choose_place(DfDraws *draws, const int sides[2], Part *part)
{
    part->y = df_draw_integer(draws, 0, sides[0] - part->height + 1);
    part->x = df_draw_integer(draws, 0, sides[1] - part->width + 1);
}

/* ---- mmseg ----------------------------------------------------------------------------------------------------- */

/* How often each class occurs in a part of the map: count[65536]. */
static void count_classes(const DfGrid *map, const Part *part, int *count)
{
    for (int y = part->y; y < part->y + part->height; y++) {
        const size_t at = (size_t)y * (size_t)map->width + (size_t)part->x;
        const uint8_t *narrow = map->at + at;
        const uint16_t *wide = (const uint16_t *)(const void *)map->at + at;
        for (int x = 0; x < part->width; x++)
            count[map->cell == 1 ? narrow[x] : wide[x]]++;
    }
}

/* More than one class, and the largest has less than its share of those that count. */
static bool is_mixed(const Crop *c, const int *count, int n)
{
    double all = 0;
    int most = 0;
    int classes = 0;
    for (int i = 0; i < n; i++) {
        if (!count[i] || i == c->ignore_index)
            continue;
        classes++;
        all += count[i];
        most = count[i] > most ? count[i] : most;
    }
    return classes > 1 && most / all < c->cat_max_ratio;
}

static int choose_mixed(const Crop *c, DfWork *work, const int sides[2], Part *part)
{
    const int n = work->map.cell == 1 ? 256 : 65536;
    int *count = df_malloc((size_t)n * sizeof *count);
    if (!count)
        return df_fail_memory("a count of classes");
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < n; k++)
            count[k] = 0;
        count_classes(&work->map, part, count);
        if (is_mixed(c, count, n))
            break;
        choose_place(work->draws, sides, part);
    }
    df_free(count);
    return DF_OK;
}

/* ---- mmdet ----------------------------------------------------------------------------------------------------- */

/* 2.x keeps boxes that have an area, 3.x boxes that touch the crop. */
static bool remains(const Crop *c, const float *box, const Part *part)
{
    if (c->release == DF_RELEASE_OLD)
        return box[2] > box[0] && box[3] > box[1];
    return box[0] < (float)part->width && box[1] < (float)part->height && box[2] > 0 && box[3] > 0;
}

/* In 2.x boxes to be ignored are apart, and do not make a crop worth keeping. */
static int choose_objects(const Crop *c, DfWork *work, const Part *part)
{
    const size_t n = df_work_objects(work);
    bool *keep = df_calloc(n + 1, sizeof *keep);
    bool any = false;
    if (!keep)
        return df_fail_memory("the objects of a crop");
    df_work_shift_boxes(work, (float)-part->x, (float)-part->y);
    if (c->bbox_clip_border)
        df_work_clip_boxes(work, part->height, part->width);
    for (size_t i = 0; i < n; i++) {
        keep[i] = remains(c, work->known->boxes + 4 * i, part);
        any |= keep[i] && (c->release == DF_RELEASE_NEW || df_work_learns(work, i));
    }
    work->left_out = !any && !c->allow_negative_crop;
    df_work_keep(work, keep);
    df_free(keep);
    return DF_OK;
}

static void boxes_of_masks(DfWork *work)
{
    for (size_t i = 0; work->known->masks && i < work->known->n; i++)
        df_object_mask_box(&work->known->masks[i], work->known->boxes + 4 * i);
}

static int crop_objects(const Crop *c, DfWork *work, const Part *part)
{
    int error = choose_objects(c, work, part);
    if (error < 0 || work->left_out)
        return error;
    error = df_work_cut(work, part->x, part->y, part->height, part->width);
    if (error == DF_OK && c->recompute_bbox)
        boxes_of_masks(work);
    return error;
}

static int apply(const void *self, DfWork *work)
{
    const Crop *c = self;
    const int sides[2] = { df_work_height(work), df_work_width(work) };
    int size[2] = { 1, 1 };
    choose_size(c, work->draws, sides, size);
    Part part = { .height = size[0], .width = size[1] };
    choose_place(work->draws, sides, &part);
    if (!c->segmentation)
        return crop_objects(c, work, &part);
    int error = df_work_check_map(work);
    if (error == DF_OK && c->cat_max_ratio < 1 && work->map.at)
        error = choose_mixed(c, work, sides, &part);
    return error < 0 ? error : df_work_cut(work, part.x, part.y, part.height, part.width);
}

const DfTransform df_transform_RandomCrop = {
    .name = "RandomCrop",
    .help = "crops a random part",
    .opts = opts,
    .size = sizeof(Crop),
    .training = true,
    .init = init,
    .apply = apply,
};
