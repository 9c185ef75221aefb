/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/roi_align.c -- RoIAlign: a small grid of features for every region of interest. He et al., Mask R-CNN, ICCV
 * 2017.
 *
 * A region is cut into height x width bins; a bin is the mean of bilinear samples on a regular grid. A sample's four
 * weights are products of a weight along y and one along x. The grid is regular, so the mean is such a product too:
 *     bin = sum over cells (iy, ix) of  share_y[iy] share_x[ix] map[iy][ix]
 * where the shares sum up the weights of all samples along one axis. A bin reads each cell of the map once, however
 * dense the samples are.
 */
#include <math.h>
#include <string.h>

#include "tensor/op.h"

enum {
    TAPS = 32,            /* that are blended at a time                    */
    MAX_SAMPLES = 1 << 20 /* of a bin along an axis, however large it is   */
};

typedef struct {
    DfRoiAlign how;
    int n_maps, n;
    float scale[DF_ROI_MAPS];
    float *rois; /* [n][5] */
    int *level;  /* [n]    */
} Saved;

typedef struct {
    const DfPointwiseKernels *k;
    const Saved *s;
    DfTensor *const *map;
    float *y, *gx;       /* results; the gradient of one map */
    const float *gy;
    size_t C, scratch;   /* scratch: bytes of a task         */
    int gradient_level;  /* which map gx is of               */
} Job;

/* The bins of a region along one axis: what share each cell of the map has in each bin. */
typedef struct {
    int size;            /* of the map            */
    float *share;        /* [bins][size]          */
    int *first, *end;    /* [bins]; cells that count lie in first .. end - 1 */
} Axis;

/* ---- shares of cells -------------------------------------------------------------------------------------------- */

/* A sample at `at`, in cells: it belongs to the cells on either side of it, by their distance. Up to one cell beyond
 * the map it counts as on the border, farther away not at all. */
static void add_sample(const Axis *a, int bin, float at, float weight)
{
    const float last = (float)(a->size - 1);
    if (!(at >= -1 && at <= (float)a->size))
        return;
    at = fmaxf(at, 0);
    const int low = at >= last ? a->size - 1 : (int)at;
    const int high = low + (low < a->size - 1);
    const float beyond = low == a->size - 1 ? 0 : at - (float)low;
    float *share = a->share + (size_t)bin * (size_t)a->size;
    share[low] += weight * (1 - beyond);
    share[high] += weight * beyond;
    a->first[bin] = low < a->first[bin] ? low : a->first[bin];
    a->end[bin] = high + 1 > a->end[bin] ? high + 1 : a->end[bin];
}

static int samples_of(const DfRoiAlign *how, float length, int bins)
{
    if (how->sampling_ratio > 0)
        return how->sampling_ratio;
    const float n = ceilf(length / (float)bins);
    if (!(n >= 1)) /* and not a number */
        return 0;
    return n < MAX_SAMPLES ? (int)n : MAX_SAMPLES;
}

/* A region that is empty, or not a number, has no samples: its features are 0. */
static void share_out(const DfRoiAlign *how, const Axis *a, float from, float to, int bins)
{
    float length = to - from;
    if (!how->aligned)
        length = fmaxf(length, 1); /* the older form's smallest region */
    const float bin = length / (float)bins;
    const int samples = isfinite(from) && isfinite(length) ? samples_of(how, length, bins) : 0;
    memset(a->share, 0, (size_t)bins * (size_t)a->size * sizeof *a->share);
    for (int i = 0; i < bins; i++) {
        a->first[i] = a->size;
        a->end[i] = 0;
        for (int s = 0; s < samples; s++)
            add_sample(a, i, from + (float)i * bin + ((float)s + 0.5f) * bin / (float)samples, 1.0f / (float)samples);
    }
}

typedef struct {
    const DfTensor *map;
    size_t image;    /* elements before the region's image in the map */
    Axis y, x;
} Region;

static size_t axis_floats(int size, int bins)
{
    return (size_t)bins * ((size_t)size + 2);
}

static float *lay_out(Axis *a, int size, int bins, float *room)
{
    a->size = size;
    a->share = room;
    a->first = (int *)(void *)(room + (size_t)bins * (size_t)size);
    a->end = a->first + bins;
    return room + axis_floats(size, bins);
}

/* Where region i lies in its map, and what its bins have of the cells there. */
static Region region_of(const Job *j, int i, void *scratch)
{
    const DfRoiAlign *how = &j->s->how;
    const int level = j->s->level[i];
    const float *roi = j->s->rois + 5 * (size_t)i;
    const float scale = j->s->scale[level];
    const float shift = how->aligned ? 0.5f : 0;
    Region r = { .map = j->map[level] };
    const int H = df_dim(r.map, 1);
    const int W = df_dim(r.map, 2);
    r.image = (size_t)roi[0] * (size_t)H * (size_t)W * j->C;
    lay_out(&r.x, W, how->width, lay_out(&r.y, H, how->height, scratch));
    share_out(how, &r.y, roi[2] * scale - shift, roi[4] * scale - shift, how->height);
    share_out(how, &r.x, roi[1] * scale - shift, roi[3] * scale - shift, how->width);
    return r;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* Taps are blended a few at a time; what there is already is one of them. */
typedef struct {
    const float *tap[TAPS];
    float weight[TAPS];
    int n;
} Taps;

static void flush(const DfPointwiseKernels *k, Taps *t, float *y, size_t C)
{
    k->blend(y, t->tap, t->weight, t->n, C);
    t->tap[0] = y;
    t->weight[0] = 1;
    t->n = 1;
}

static void bin_features(const Job *j, const Region *r, int py, int px, float *y)
{
    const float *const share_y = r->y.share + (size_t)py * (size_t)r->y.size;
    const float *const share_x = r->x.share + (size_t)px * (size_t)r->x.size;
    const float *const map = r->map->data + r->image;
    Taps t = { .n = 0 };
    for (int iy = r->y.first[py]; iy < r->y.end[py]; iy++)
        for (int ix = r->x.first[px]; ix < r->x.end[px]; ix++) {
            const float weight = share_y[iy] * share_x[ix];
            if (weight == 0)
                continue;
            if (t.n == TAPS)
                flush(j->k, &t, y, j->C);
            t.tap[t.n] = map + ((size_t)iy * (size_t)r->x.size + (size_t)ix) * j->C;
            t.weight[t.n++] = weight;
        }
    flush(j->k, &t, y, j->C);
}

static void region(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    const int h = j->s->how.height, w = j->s->how.width;
    const Region r = region_of(j, (int)task, scratch);
    float *y = j->y + task * (size_t)h * (size_t)w * j->C;
    for (int py = 0; py < h; py++)
        for (int px = 0; px < w; px++, y += j->C)
            bin_features(j, &r, py, px, y);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static void bin_gradient(const Job *j, const Region *r, int py, int px, const float *g, DfChannels of)
{
    const float *const share_y = r->y.share + (size_t)py * (size_t)r->y.size;
    const float *const share_x = r->x.share + (size_t)px * (size_t)r->x.size;
    float *const map = j->gx + r->image + of.first;
    for (int iy = r->y.first[py]; iy < r->y.end[py]; iy++)
        for (int ix = r->x.first[px]; ix < r->x.end[px]; ix++) {
            const float weight = share_y[iy] * share_x[ix];
            if (weight != 0)
                j->k->accumulate(map + ((size_t)iy * (size_t)r->x.size + (size_t)ix) * j->C, g, weight, of.n);
        }
}

/* Some channels of one image of one map, all its regions in order. */
static void map_gradient(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    const int h = j->s->how.height, w = j->s->how.width;
    const DfChannels of = df_channels(task, j->C); /* a plane is an image */
    for (int i = 0; i < j->s->n; i++) {
        if (j->s->level[i] != j->gradient_level || (size_t)j->s->rois[5 * (size_t)i] != of.plane)
            continue;
        const Region r = region_of(j, i, scratch);
        const float *g = j->gy + (size_t)i * (size_t)h * (size_t)w * j->C + of.first;
        for (int py = 0; py < h; py++)
            for (int px = 0; px < w; px++, g += j->C)
                bin_gradient(j, &r, py, px, g, of);
    }
}

static Job make_job(DfCtx *c, const Saved *s, DfTensor *const *maps)
{
    Job job = { .k = &c->k->pointwise, .s = s, .map = maps, .C = (size_t)df_dim(maps[0], 3) };
    for (int i = 0; i < s->n_maps; i++) {
        const size_t along_y = axis_floats(df_dim(maps[i], 1), s->how.height);
        const size_t along_x = axis_floats(df_dim(maps[i], 2), s->how.width);
        const size_t bytes = (along_y + along_x) * sizeof(float);
        job.scratch = bytes > job.scratch ? bytes : job.scratch;
    }
    return job;
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Saved *s = y->saved;
    Job job = make_job(c, s, y->src);
    job.gy = y->grad;
    for (int i = 0; i < s->n_maps; i++) {
        job.gradient_level = i;
        if ((job.gx = df_grad(c, y->src[i])))
            df_run(c, (size_t)df_dim(y->src[i], 0) * df_blocks(job.C, DF_CHANNELS), job.scratch, map_gradient, &job);
    }
}

/* ---- the op ----------------------------------------------------------------------------------------------------- */

static const DfOp op = { "roi_align", backward };

static bool alike(const DfTensor *a, const DfTensor *b)
{
    return b->shape.n == 4 && df_dim(a, 0) == df_dim(b, 0) && df_dim(a, 3) == df_dim(b, 3) && df_dim(b, 1) > 0 &&
           df_dim(b, 2) > 0;
}

static bool fits(DfCtx *c, DfTensor *const *maps, int n_maps, int n, DfRoiAlign how)
{
    bool good = n_maps >= 1 && n_maps <= DF_ROI_MAPS && n >= 0 && how.height >= 1 && how.width >= 1;
    for (int i = 0; good && i < n_maps; i++)
        good = maps[0]->shape.n == 4 && alike(maps[0], maps[i]);
    if (!good)
        df_refuse(c, "roi_align: %d maps, the first (%s), and %d regions: want 1 to %d maps N H W C with the same N "
                     "and C", n_maps, n_maps > 0 ? DF_TEXT(maps[0]) : "", n, DF_ROI_MAPS);
    return good;
}

static bool regions_fit(DfCtx *c, const DfTensor *map, int n_maps, const float *rois, const int *level, int n)
{
    for (int i = 0; i < n; i++) {
        const float image = rois[5 * (size_t)i];
        const int of = level ? level[i] : 0;
        if (image >= 0 && image < (float)df_dim(map, 0) && of >= 0 && of < n_maps)
            continue;
        df_refuse(c, "roi_align: region %d is of image %g and map %d: there are %d images and %d maps", i,
                  (double)image, of, df_dim(map, 0), n_maps);
        return false;
    }
    return true;
}

/* A copy of the regions that lives as long as the step. */
static bool keep_regions(DfCtx *c, Saved *s, const float *rois, const int *level, float *room)
{
    if (!room)
        return false;
    const size_t n = (size_t)s->n;
    s->rois = room;
    s->level = (int *)(void *)(room + 5 * n);
    memcpy(s->rois, rois, 5 * n * sizeof *rois);
    for (size_t i = 0; i < n; i++)
        s->level[i] = level ? level[i] : 0;
    return c->err == DF_OK;
}

DfTensor *df_roi_align(DfCtx *c, DfTensor *const *maps, const float *scales, int n_maps, const float *rois,
                       const int *level, int n, DfRoiAlign how)
{
    if (c->err || !fits(c, maps, n_maps, n, how) || !regions_fit(c, maps[0], n_maps, rois, level, n))
        return &c->nil;
    DfTensor *y = df_output(c, &op, DF_SHAPE(n, how.height, how.width, df_dim(maps[0], 3)), n_maps, maps);
    if (df_skip(c, y))
        return y;
    Saved own = { .how = how, .n_maps = n_maps, .n = n };
    memcpy(own.scale, scales, (size_t)n_maps * sizeof *scales);
    const size_t floats = 6 * (size_t)n;
    char *note = df_taped(y) ? df_save(c, y, sizeof own + floats * sizeof(float)) : NULL;
    float *room = note ? (float *)(void *)(note + sizeof own) : df_workspace(c, floats);
    if (!keep_regions(c, &own, rois, level, room))
        return &c->nil;
    if (note)
        memcpy(note, &own, sizeof own);
    Job job = make_job(c, &own, maps);
    job.y = y->data;
    df_run(c, (size_t)n, job.scratch, region, &job);
    return y;
}
