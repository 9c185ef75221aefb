/* SPDX-License-Identifier: Apache-2.0
 *
 * models/points.c -- listens to the points that the attentions of a network read, stores those of the chosen layers,
 * and converts them to pixels of the original picture. For shared points (DAT) it stores queries and keys, and
 * computes the weights of one query on request: the matrix of all weights would be larger than everything else in the
 * network.
 */
#include <math.h>
#include <string.h>

#include "models/points.h"

typedef struct {
    DfPointLayer about;
    bool wanted, heard;
    DfDeformProblem problem;                             /* shared points: what decides their weights    */
    const float *pos;                                    /* B groups points 2 (y, x), in [-1, 1]         */
    int cell;
    const float *reference, *location, *weight, *valid_ratios; /* own points, as in DfPointAttention     */
    int parts;                                           /* numbers of a reference                       */
    const float *offset, *mask;                          /* of a deformable convolution, with            */
    DfConv conv;
    int kernel[2], map_w, out_w;
} Layer;

struct DfPoints {
    Layer *layers;
    size_t n, capacity;
    DfArena *names, *pass;
    int error;
};

/* ---- hearing ----------------------------------------------------------------------------------------------------- */

/* The last layer of Deformable DETR's decoder gives the boxes, and those before it hand on the same queries. */
static bool gives_answers(const char *path)
{
    return strstr(path, "decoder.layers") != NULL;
}

static DfPointLayer describe(const char *path, const DfPointAttention *a)
{
    if (a->shared) /* q: B H W C, k: B Ns C */
        return (DfPointLayer){
            .path = path,
            .shared = true,
            .queries = df_dim(a->q, 1) * df_dim(a->q, 2),
            .heads = a->how.heads,
            .groups = a->how.groups,
            .levels = 1,
            .points = df_dim(a->k, 1),
        };
    if (a->offset) /* N H' W' 2GP */
        return (DfPointLayer){
            .path = path,
            .queries = df_dim(a->offset, 1) * df_dim(a->offset, 2),
            .heads = a->offset_groups,
            .groups = a->offset_groups,
            .levels = 1,
            .points = a->kernel[0] * a->kernel[1],
        };
    const DfTensor *l = a->location; /* B Q heads levels points 2 */
    return (DfPointLayer){
        .path = path,
        .answers = gives_answers(path),
        .queries = df_dim(l, 1),
        .heads = df_dim(l, 2),
        .groups = df_dim(l, 2),
        .levels = df_dim(l, 3),
        .points = df_dim(l, 4),
    };
}

static const float *kept_floats(DfPoints *p, const float *x, size_t n)
{
    float *copy = x ? df_arena_alloc(p->pass, n + 1, sizeof *copy) : NULL;
    if (copy)
        memcpy(copy, x, n * sizeof *copy);
    else if (x)
        p->error = DF_ENOMEM;
    return copy;
}

static const float *kept(DfPoints *p, const DfTensor *x)
{
    return x ? kept_floats(p, x->data, df_size(x)) : NULL;
}

static void keep_shared(DfPoints *p, Layer *l, const DfPointAttention *a)
{
    l->problem = df_deform_problem(a->q, a->k, NULL, a->pos, a->bias, a->how);
    l->problem.q = kept(p, a->q);
    l->problem.k = kept(p, a->k);
    l->problem.pos = l->pos = kept(p, a->pos);
    l->problem.table = l->problem.table ? kept(p, a->bias) : NULL;
    l->problem.dense = l->problem.dense ? kept(p, a->bias) : NULL;
    l->cell = a->cell;
}

static void keep_kernel(DfPoints *p, Layer *l, const DfPointAttention *a)
{
    l->offset = kept(p, a->offset);
    l->mask = kept(p, a->mask);
    l->conv = a->conv;
    l->kernel[0] = a->kernel[0];
    l->kernel[1] = a->kernel[1];
    l->map_w = df_dim(a->map, 2);
    l->out_w = df_dim(a->offset, 2);
}

static void keep_own(DfPoints *p, Layer *l, const DfPointAttention *a)
{
    l->reference = kept(p, a->reference);
    l->parts = df_dim(a->reference, -1);
    l->location = kept(p, a->location);
    l->weight = kept(p, a->weight);
    l->valid_ratios = kept_floats(p, a->valid_ratios, (size_t)df_dim(a->location, 0) * (size_t)l->about.levels * 2);
}

static void keep(DfPoints *p, Layer *l, const DfPointAttention *a)
{
    l->about = describe(l->about.path, a);
    l->heard = true;
    l->offset = NULL;
    if (a->shared)
        keep_shared(p, l, a);
    else if (a->offset)
        keep_kernel(p, l, a);
    else
        keep_own(p, l, a);
}

static void hear(void *user, const char *path, const DfPointAttention *a)
{
    DfPoints *p = user;
    for (size_t i = 0; i < p->n; i++) {
        Layer *l = &p->layers[i];
        if (l->wanted && !l->heard && strcmp(l->about.path, path) == 0)
            keep(p, l, a);
    }
}

static void hear_of_layer(void *user, const char *path, const DfPointAttention *a)
{
    DfPoints *p = user;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->layers[i].about.path, path) == 0)
            return;
    char *name = df_arena_copy(p->names, path, strlen(path));
    if (!name || !df_grow((void **)&p->layers, &p->capacity, p->n, sizeof *p->layers))
        p->error = DF_ENOMEM;
    else
        p->layers[p->n++] = (Layer){ .about = describe(name, a) };
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int find_layers(DfPoints *p, const DfModel *model, int H, int W)
{
    DfCtx *c;
    int error = df_ctx_new(&c, NULL);
    if (error < 0)
        return error;
    c->dry = true;
    df_listen_points(c, hear_of_layer, p);
    df_model_forward(model, c, df_new(c, DF_SHAPE(1, H, W, df_model_channels(model))));
    error = df_ctx_error(c);
    df_ctx_free(c);
    return error == DF_OK && p->error < 0 ? df_fail_memory("the attention layers") : error;
}

int df_points_new(DfPoints **out, const DfModel *model, int H, int W)
{
    DfPoints *p = df_calloc(1, sizeof *p);
    *out = p;
    if (!p)
        return df_fail_memory("the attention layers");
    p->names = df_arena_new();
    const int error = p->names ? find_layers(p, model, H, W) : df_fail_memory("the attention layers");
    if (error < 0) {
        df_points_free(p);
        *out = NULL;
    }
    return error;
}

void df_points_free(DfPoints *p)
{
    if (!p)
        return;
    df_arena_free(p->pass);
    df_arena_free(p->names);
    df_free(p->layers);
    df_free(p);
}

int df_points_layers(const DfPoints *p)
{
    return (int)p->n;
}

const DfPointLayer *df_points_layer(const DfPoints *p, int layer)
{
    return &p->layers[layer].about;
}

void df_points_want(DfPoints *p, int layer)
{
    p->layers[layer].wanted = true;
}

void df_points_listen(DfPoints *p, DfCtx *c)
{
    df_arena_free(p->pass);
    p->pass = df_arena_new();
    p->error = p->pass ? DF_OK : DF_ENOMEM;
    for (size_t i = 0; i < p->n; i++)
        p->layers[i].heard = false;
    if (p->pass)
        df_listen_points(c, hear, p);
}

int df_points_done(DfPoints *p, DfCtx *c)
{
    df_listen_points(c, NULL, NULL);
    if (p->error < 0)
        return df_fail_memory("the points that attention reads");
    for (size_t i = 0; i < p->n; i++)
        if (p->layers[i].wanted && !p->layers[i].heard)
            return df_fail(DF_EVALUE, "%s did not run", p->layers[i].about.path);
    return DF_OK;
}

/* ---- from the network's coordinates to the picture's ------------------------------------------------------------- */

/* From pixels of the network's input, counted from the upper left corner of the upper left pixel. */
static void to_original(const DfImageMeta *meta, double x, double y, float at[2])
{
    at[0] = (float)((meta->flip_x ? meta->img_w - x : x) / (double)meta->scale_factor[0]);
    at[1] = (float)((meta->flip_y ? meta->img_h - y : y) / (double)meta->scale_factor[1]);
}

/* In cells of the map, whose centres have whole numbers. */
static void from_cells(int cell, const DfImageMeta *meta, double x, double y, float at[2])
{
    to_original(meta, (x + 0.5) * cell, (y + 0.5) * cell, at);
}

/* Pixels of the network's input in a cell of the map that a deformable convolution reads: a backbone halves its maps,
 * and rounds up. */
static int cell_of_map(const Layer *l, const DfImageMeta *meta)
{
    int cell = 1;
    while ((meta->pad_w + cell - 1) / cell > l->map_w)
        cell *= 2;
    return cell;
}

/* Where the kernel's point `point`, not yet moved, stands on the map that is read; -1: its middle. */
static void place_kernel(const Layer *l, int query, int point, double *x, double *y)
{
    const double row = point < 0 ? 0.5 * (l->kernel[0] - 1) : point / l->kernel[1];
    const double column = point < 0 ? 0.5 * (l->kernel[1] - 1) : point % l->kernel[1];
    *y = query / l->out_w * l->conv.stride[0] - l->conv.padding[0] + row * l->conv.dilation[0];
    *x = query % l->out_w * l->conv.stride[1] - l->conv.padding[1] + column * l->conv.dilation[1];
}

void df_points_query(const DfPoints *p, int layer, int n, const DfImageMeta *meta, int query, float at[2])
{
    const Layer *l = &p->layers[layer];
    if (l->about.shared) {
        from_cells(l->cell, meta, query % l->problem.W, query / l->problem.W, at);
        return;
    }
    if (l->offset) {
        double x, y;
        place_kernel(l, query, -1, &x, &y);
        from_cells(cell_of_map(l, meta), meta, x, y, at);
        return;
    }
    const float *reference = l->reference + ((size_t)n * (size_t)l->about.queries + (size_t)query) * (size_t)l->parts;
    to_original(meta, (double)reference[0] * meta->img_w, (double)reference[1] * meta->img_h, at);
}

int df_points_nearest(const DfPoints *p, int layer, int n, const DfImageMeta *meta, const float at[2])
{
    const int queries = p->layers[layer].about.queries;
    double least = INFINITY;
    int nearest = 0;
    for (int i = 0; i < queries; i++) {
        float q[2];
        df_points_query(p, layer, n, meta, i, q);
        const double away = hypot((double)q[0] - (double)at[0], (double)q[1] - (double)at[1]);
        if (away < least) {
            least = away;
            nearest = i;
        }
    }
    return nearest;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* DAT (Xia et al., CVPR 2022), section 3.2: positions run from the centre of the first cell, -1, to that of the last,
 * 1. */
static void place_shared(const Layer *l, int n, const DfImageMeta *meta, int head, int key, float at[2])
{
    const int groups = l->about.groups, keys = l->about.points;
    const int group = head / (l->about.heads / groups);
    const float *pos = l->pos + (((size_t)n * (size_t)groups + (size_t)group) * (size_t)keys + (size_t)key) * 2;
    const double x = ((double)pos[1] + 1) / 2 * (l->problem.W - 1);
    const double y = ((double)pos[0] + 1) / 2 * (l->problem.H - 1);
    from_cells(l->cell, meta, x, y, at);
}

static int read_shared(const Layer *l, int n, const DfImageMeta *meta, int query, DfPoint *out)
{
    const int heads = l->about.heads, keys = l->about.points;
    float *weight = df_malloc(((size_t)keys + 1) * sizeof *weight);
    if (!weight)
        return df_fail_memory("attention weights");
    for (int head = 0; head < heads; head++) {
        df_deform_attention_weights(&l->problem, n, head, query, weight);
        for (int key = 0; key < keys; key++, out++) {
            float at[2];
            place_shared(l, n, meta, head, key, at);
            *out = (DfPoint){ at[0], at[1], weight[key] };
        }
    }
    df_free(weight);
    return DF_OK;
}

/* Offsets are dy, dx of each group and point (df_deform_conv2d()), in cells of the map. */
static void read_kernel(const Layer *l, int n, const DfImageMeta *meta, int query, DfPoint *out)
{
    const size_t all = (size_t)l->about.heads * (size_t)l->about.points;
    const size_t first = ((size_t)n * (size_t)l->about.queries + (size_t)query) * all;
    const int cell = cell_of_map(l, meta);
    for (size_t i = 0; i < all; i++) {
        const float *offset = l->offset + (first + i) * 2;
        const float mask = l->mask ? l->mask[first + i] : 1;
        double x, y;
        float at[2];
        place_kernel(l, query, (int)(i % (size_t)l->about.points), &x, &y);
        from_cells(cell, meta, x + (double)offset[1], y + (double)offset[0], at);
        out[i] = (DfPoint){ at[0], at[1], mask / (float)l->about.points };
    }
}

/* Deformable DETR's locations are in [0, 1] of the whole level, padding included, and the valid ratio is the part of it
 * that is picture: so their quotient is in [0, 1] of the picture. */
static void read_own(const Layer *l, int n, const DfImageMeta *meta, int query, DfPoint *out)
{
    const size_t levels = (size_t)l->about.levels, points = (size_t)l->about.points;
    const size_t all = (size_t)l->about.heads * levels * points; /* of a query */
    const size_t first = ((size_t)n * (size_t)l->about.queries + (size_t)query) * all;
    for (size_t i = 0; i < all; i++) {
        const size_t level = i / points % levels; /* heads, then levels, then points */
        const float *location = l->location + (first + i) * 2;
        const float *ratio = l->valid_ratios + ((size_t)n * levels + level) * 2;
        const double x = (double)location[0] / (double)ratio[0] * meta->img_w;
        const double y = (double)location[1] / (double)ratio[1] * meta->img_h;
        float at[2];
        to_original(meta, x, y, at);
        out[i] = (DfPoint){ at[0], at[1], l->weight[first + i] };
    }
}

int df_points_read(const DfPoints *p, int layer, int n, const DfImageMeta *meta, int query, DfPoint *out)
{
    const Layer *l = &p->layers[layer];
    if (l->about.shared)
        return read_shared(l, n, meta, query, out);
    if (l->offset)
        read_kernel(l, n, meta, query, out);
    else
        read_own(l, n, meta, query, out);
    return DF_OK;
}
