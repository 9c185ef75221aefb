/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_goldens.c -- whole detectors and segmentors against the official code: the maps
 * on the way, by their official names, and the boxes, labels and scores at the end. On each rung,
 * with 1 and 2 threads, which must agree to the bit.
 *
 * A case is a folder with config.json, weights.pth, input and expected .safetensors; those of models that are not built
 * are skipped. Bare backbones: tests/backbone/test_backbone_golden.c.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/golden_model.h"

#define CASES DF_TEST_DATA "/networks"

static const double value_limit = 1e-5, box_limit = 0.01, score_limit = 2e-4; /* of the largest value; pixels; absolute */

/* Whether it is of this kind, and of a model that is built. */
static bool is_case(const char *name)
{
    return name[0] != '.' && !df_ends_with(name, "_train") && !df_ends_with(name, "_flip");
}

/* ---- one pass ------------------------------------------------------------------------------------------------------------ */

enum { HEARD = 64 };

/* Everything that a pass gave, to be compared with the file and with another pass. */
typedef struct {
    int n;
    char name[HEARD][64];
    DfShape shape[HEARD];
    float *data[HEARD];      /* maps as N C H W */
    DfDetections found, noscale;
} Pass;

static void hear(void *user, const char *name, const DfTensor *x)
{
    Pass *p = user;
    if (p->n == HEARD || (x->shape.n != 4 && x->shape.n != 2))
        return;
    const bool map = x->shape.n == 4;
    const size_t N = (size_t)df_dim(x, 0), P = map ? (size_t)df_dim(x, 1) * (size_t)df_dim(x, 2) : 1, C = (size_t)df_dim(x, -1);
    float *data = df_malloc(df_size(x) * sizeof *data);
    cr_assert_not_null(data);
    for (size_t b = 0; b < N; b++)
        for (size_t i = 0; i < P; i++)
            for (size_t ch = 0; ch < C; ch++)
                data[(b * C + ch) * P + i] = x->data[(b * P + i) * C + ch];
    snprintf(p->name[p->n], sizeof *p->name, "%s", name);
    p->shape[p->n] = map ? DF_SHAPE(df_dim(x, 0), df_dim(x, 3), df_dim(x, 1), df_dim(x, 2)) : x->shape;
    p->data[p->n++] = data;
}

static DfImageMeta meta_of(const GoldenModel *k, const DfTensor *image)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"metas\": %s}", df_checkpoint_metadata(k->input, "img_metas"));
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "img_metas", false), DF_OK, "%s", df_error());
    const DfNode *meta = df_node_at(df_config_root(config), "metas.0");
    DfImageMeta m = { .pad_h = df_dim(image, 1), .pad_w = df_dim(image, 2) };
    m.img_h = (int)df_node_int(df_node_at(meta, "img_shape.0"), 0);
    m.img_w = (int)df_node_int(df_node_at(meta, "img_shape.1"), 0);
    m.ori_h = (int)df_node_int(df_node_at(meta, "ori_shape.0"), 0);
    m.ori_w = (int)df_node_int(df_node_at(meta, "ori_shape.1"), 0);
    for (int i = 0; i < 4; i++) {
        char path[32];
        snprintf(path, sizeof path, "scale_factor.%d", i);
        m.scale_factor[i] = (float)df_node_number(df_node_at(meta, path), 1);
    }
    df_config_free(config);
    return m;
}

static void pass(Pass *p, const GoldenModel *k, const char *rung, int threads)
{
    *p = (Pass){ 0 };
    DfPool *pool;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    df_listen(c, hear, false, p);
    DfTensor *image = golden_model_image(c, k, "image");
    if (df_model_is_detector(k->model)) {
        const DfImageMeta meta = meta_of(k, image);
        cr_assert_eq(df_model_detect(k->model, c, image, &meta, 1, true, &p->found), DF_OK, "%s: %s", k->name, df_error());
        df_listen(c, NULL, false, NULL);
        cr_assert_eq(df_model_detect(k->model, c, image, &meta, 1, false, &p->noscale), DF_OK, "%s: %s", k->name, df_error());
    } else {
        df_model_forward(k->model, c, image);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    }
    df_ctx_free(c);
    df_pool_free(pool);
}

static void pass_done(Pass *p)
{
    for (int i = 0; i < p->n; i++)
        df_free(p->data[i]);
    df_detections_free(&p->found);
    df_detections_free(&p->noscale);
}

/* ---- comparison ------------------------------------------------------------------------------------------------------------ */

static void close_boxes(const GoldenModel *k, const char *rung, const DfDetections *found, const char *boxes_name, const char *labels_name)
{
    if (!golden_has(k->expected, boxes_name) || !df_model_is_detector(k->model))
        return;
    const size_t n = (size_t)golden_get(k->expected, boxes_name)->shape[0];
    cr_assert_eq(found->n, n, "%s, %s: %zu detections, want %zu", k->name, rung, found->n, n);
    float *boxes = golden_f32(k->expected, boxes_name);
    int64_t *labels = golden_i64(k->expected, labels_name);
    for (size_t i = 0; i < n; i++) {
        double off = 0;
        for (size_t j = 0; j < 4; j++)
            off = fmax(off, fabs((double)found->v[i].box[j] - (double)boxes[5 * i + j]));
        cr_expect_leq(off, box_limit, "%s, %s: %s %zu is %g pixels off", k->name, rung, boxes_name, i, off);
        cr_expect_leq(fabs((double)found->v[i].score - (double)boxes[5 * i + 4]), score_limit, "%s, %s: score %zu", k->name, rung, i);
        cr_expect_eq(found->v[i].label, labels[i], "%s, %s: %s %zu", k->name, rung, labels_name, i);
    }
    df_free(boxes);
    df_free(labels);
}

/* Of what there is once for each region the files may hold some: those numbered in NAME_inds, or the first. */
static void take_regions(const GoldenModel *k, Pass *p, int i, const DfArray *expected)
{
    char name[80];
    snprintf(name, sizeof name, "%s_inds", p->name[i]);
    const int rows = (int)expected->shape[0], there = p->shape[i].d[0];
    if (!strstr(p->name[i], "roi_feats") && !strstr(p->name[i], "mask_logits"))
        return;
    int64_t *at = golden_has(k->expected, name) ? golden_i64(k->expected, name) : NULL;
    const size_t row = there ? df_count(p->shape[i]) / (size_t)there : 0;
    for (int r = 0; r < rows; r++) {
        const int64_t from = at ? at[r] : r;
        cr_assert(from >= r && from < there, "%s: %s of region %d", k->name, p->name[i], (int)from);
        memmove(p->data[i] + (size_t)r * row, p->data[i] + (size_t)from * row, row * sizeof(float));
    }
    p->shape[i].d[0] = rows;
    df_free(at);
}

/* Pixels of masks: the reference itself differs in one of some ten thousand between float32 and float64. */
static void close_masks(const GoldenModel *k, const char *rung, const DfDetections *found)
{
    if (!golden_has(k->expected, "masks") || !df_model_is_detector(k->model))
        return;
    const DfArray *a = golden_get(k->expected, "masks");
    const size_t H = (size_t)a->shape[1], W = (size_t)a->shape[2];
    cr_assert_eq(found->n, (size_t)a->shape[0]);
    cr_assert_not_null(found->masks, "%s, %s: no masks", k->name, rung);
    size_t other = 0;
    for (size_t i = 0; i < found->n; i++) {
        size_t at = 0;
        cr_assert(found->masks[i].height == H && found->masks[i].width == W);
        for (size_t run = 0; run < found->masks[i].n; run++)
            for (const size_t end = at + found->masks[i].runs[run]; at < end; at++)
                other += ((const uint8_t *)a->data)[i * H * W + at % H * W + at / H] != run % 2;
        cr_assert_eq(at, H * W, "%s, %s: mask %zu has %zu pixels, want %zu", k->name, rung, i, at, H * W);
    }
    cr_expect_leq(other, found->n / 10, "%s, %s: %zu pixels of masks differ", k->name, rung, other);
}

static int close_maps(const GoldenModel *k, const char *rung, Pass *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (!golden_has(k->expected, p->name[i]) || golden_get(k->expected, p->name[i])->ndim != p->shape[i].n)
            continue;
        const DfArray *expected = golden_get(k->expected, p->name[i]);
        take_regions(k, p, i, expected);
        bool same = true;
        for (int d = 0; d < p->shape[i].n; d++)
            same = same && expected->shape[d] == p->shape[i].d[d];
        cr_assert(same, "%s, %s: %s has another shape", k->name, rung, p->name[i]);
        const double e = max_abs_over_max(p->data[i], expected);
        cr_expect_leq(e, value_limit, "%s, %s: %s is %.2g off", k->name, rung, p->name[i], e);
        n++;
    }
    return n;
}

static bool same_detections(const DfDetections *a, const DfDetections *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = memcmp(a->v[i].box, b->v[i].box, sizeof a->v[i].box) == 0 && memcmp(&a->v[i].score, &b->v[i].score, sizeof a->v[i].score) == 0 &&
               a->v[i].label == b->v[i].label;
    for (size_t i = 0; same && a->masks && i < a->n; i++)
        same = a->masks[i].n == b->masks[i].n && memcmp(a->masks[i].runs, b->masks[i].runs, a->masks[i].n * sizeof *a->masks[i].runs) == 0;
    return same;
}

static void same_bits(const GoldenModel *k, const Pass *a, const Pass *b)
{
    cr_assert_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++)
        cr_expect(memcmp(a->data[i], b->data[i], df_count(a->shape[i]) * sizeof(float)) == 0, "%s: %s depends on the number of threads", k->name, a->name[i]);
    cr_expect(same_detections(&a->found, &b->found) && same_detections(&a->noscale, &b->noscale), "%s: detections depend on the number of threads", k->name);
}

static void check(const GoldenModel *k, const char *rung)
{
    Pass one, two;
    pass(&one, k, rung, 1);
    pass(&two, k, rung, 2);
    same_bits(k, &one, &two);
    cr_expect_gt(close_maps(k, rung, &one), 0, "%s: no output has the name of an expected one", k->name);
    close_boxes(k, rung, &one.found, "boxes", "labels");
    close_masks(k, rung, &one.found);
    close_boxes(k, rung, &one.noscale, "boxes_noscale", "labels_noscale");
    pass_done(&one);
    pass_done(&two);
}

Test(goldens, detectors_and_segmentors)
{
    DIR *folder = opendir(CASES);
    cr_assert_not_null(folder);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        GoldenModel k;
        if (!is_case(entry->d_name))
            continue;
        golden_model_open(&k, CASES "/%s", entry->d_name);
        for (int r = 0; df_kernels_rung(r); r++)
            check(&k, df_kernels_rung(r));
        golden_model_close(&k);
        n++;
    }
    closedir(folder);
    cr_expect_eq(n, 7, "%d cases", n);
}
