/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_random_heads.c -- small networks with options drawn at random for each head, on every rung, against mmdetection 3.3
 * and mmsegmentation 1.2: outputs in float64, and detections or classes. tests/scripts/make_random_heads.py drew them; weights and
 * pictures are computed from names and places, here as there.
 *
 * The environment variable DEFORMER_RANDOM_HEADS names a file of other cases, which the script made with its arguments.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "tests/support/golden.h"

enum { MOST_IMAGES = 4, PIXELS = 256 };

/* The reference in float32 is `near` from what is wanted; other orders of the same sums are as far away, a few times at most. */
enum { TIMES = 4 };
static const double raw_floor = 1e-6;    /* over the largest value */
static const double box_floor = 1e-3;    /* pixels                 */
static const double score_floor = 5e-6;

typedef struct {
    int number;
    const char *family;
    int seed;
    const DfNode *dict;
    const DfCheckpoint *file;
    DfConfig *config;
    DfModel *model;
    int n, height, width;       /* images of the batch, and their padded size */
    DfImageMeta metas[MOST_IMAGES];
    const char *rung;
    int heard;
} Case;

static const DfArray *wanted(const Case *k, const char *what, int image)
{
    char name[96];
    if (image < 0)
        snprintf(name, sizeof name, "c%d.%s", k->number, what);
    else
        snprintf(name, sizeof name, "c%d.%s_%d", k->number, what, image);
    return df_checkpoint_find(k->file, name);
}

static double limit_of(const Case *k, const char *what, double least)
{
    return TIMES * df_node_number(df_node_get(df_node_get(k->dict, "near"), what), 0) + least;
}

/* ---- numbers that both sides compute ----------------------------------------------------------------------------- */

/* A hash of a place, -1 to 1. */
static double noise(uint32_t at)
{
    uint32_t x = at * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    x ^= x >> 13;
    return (x >> 16) / 32768.0 - 1;
}

static uint32_t name_hash(const char *name) /* FNV-1a */
{
    uint32_t x = 2166136261u;
    for (; *name; name++)
        x = (x ^ (unsigned char)*name) * 16777619u;
    return x;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static double gain_of(const char *name)
{
    static const struct {
        const char *part;
        double gain;
    } gains[] = { { "retina_cls", 0.4 }, { "rpn_cls", 0.4 }, { "fc_cls", 1.5 }, { "sampling_offsets", 1.0 }, { "attention_weights", 2.0 }, { "reg", 0.5 } };
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++)
        if (strstr(name, gains[i].part))
            return gains[i].gain;
    return 1.4;
}

/* A weight is middle + spread * noise. */
static void spread_of(const NnParam *param, double *middle, double *spread)
{
    const char *name = param->name;
    *middle = 0;
    if (ends_with(name, "running_mean")) {
        *spread = 0.3;
    } else if (ends_with(name, "running_var")) {
        *middle = 1.25;
        *spread = 0.75;
    } else if (param->shape.n > 1) {
        *spread = gain_of(name) * sqrt(3.0 / (double)(df_count(param->shape) / (size_t)param->shape.d[0]));
    } else if (ends_with(name, "bias")) {
        *spread = strstr(name, "sampling_offsets") ? 2.0 : 0.2;
    } else {
        *middle = 1;
        *spread = 0.5;
    }
}

static void fill(NnModel *model)
{
    for (int i = 0; i < nn_model_count(model); i++) {
        const NnParam *param = nn_model_at(model, i);
        const uint32_t start = name_hash(param->name);
        const size_t n = df_count(param->shape);
        double middle, spread;
        float *official = df_malloc(n * sizeof *official);
        cr_assert_not_null(official);
        spread_of(param, &middle, &spread);
        for (size_t at = 0; at < n; at++)
            official[at] = (float)(middle + spread * noise(start + (uint32_t)at));
        nn_param_from_official(param, official, param->tensor->data);
        df_free(official);
    }
}

/* N H W 3, each image black outside its own part. */
static DfTensor *pictures(DfCtx *c, const Case *k)
{
    const int H = k->height, W = k->width;
    DfTensor *x = df_zeros(c, DF_SHAPE(k->n, H, W, 3));
    cr_assert_eq(df_ctx_error(c), DF_OK);
    for (int n = 0; n < k->n; n++)
        for (int i = 0; i < 3 * H * W; i++) {
            const int channel = i / (H * W), row = i / W % H, column = i % W;
            const size_t at = (((size_t)n * (size_t)H + (size_t)row) * (size_t)W + (size_t)column) * 3 + (size_t)channel;
            if (row < k->metas[n].img_h && column < k->metas[n].img_w)
                x->data[at] = (float)noise((uint32_t)(i + 7919 * n));
        }
    return x;
}

/* ---- a case ------------------------------------------------------------------------------------------------------ */

static int number_at(const DfNode *dict, const char *path)
{
    return (int)df_node_int(df_node_at(dict, path), 0);
}

static DfImageMeta meta_of(const Case *k, const DfNode *dict)
{
    DfImageMeta m = { .ori_h = number_at(dict, "ori_shape.0"), .ori_w = number_at(dict, "ori_shape.1"), .img_h = number_at(dict, "img_shape.0"),
                      .img_w = number_at(dict, "img_shape.1"), .pad_h = k->height, .pad_w = k->width };
    for (int i = 0; i < 4; i++)
        m.scale_factor[i] = (float)df_node_number(df_node_at(dict, i % 2 ? "scale_factor.1" : "scale_factor.0"), 1);
    return m;
}

static void open_case(Case *k, const DfCheckpoint *file, const DfNode *dict, int number)
{
    char name[32];
    *k = (Case){ .number = number, .file = file, .dict = dict, .family = df_node_text(df_node_get(dict, "family"), ""),
                 .seed = number_at(dict, "seed"), .height = number_at(dict, "padded.0"), .width = number_at(dict, "padded.1") };
    for (const DfNode *image = df_node_get(dict, "images")->first; image && k->n < MOST_IMAGES; image = image->next)
        k->metas[k->n++] = meta_of(k, image);
    snprintf(name, sizeof name, "config_%d", number);
    const char *text = df_checkpoint_metadata(file, name);
    cr_assert_not_null(text, "%s", name);
    cr_assert_eq(df_config_parse(&k->config, text, strlen(text), name, false), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&k->model, df_config_root(k->config)), DF_OK, "%s %d: %s", k->family, k->seed, df_error());
    cr_assert_eq(df_model_init(k->model, 0), DF_OK, "%s", df_error());
    fill(df_model_weights(k->model));
}

static void close_case(Case *k)
{
    df_model_free(k->model);
    df_config_free(k->config);
}

static int outputs_wanted(const Case *k)
{
    char start[32];
    int n = 0;
    snprintf(start, sizeof start, "c%d.raw.", k->number);
    for (int i = 0; i < df_checkpoint_count(k->file); i++)
        n += strncmp(df_checkpoint_at(k->file, i)->name, start, strlen(start)) == 0;
    return n;
}

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

static void hear(void *user, const char *name, const DfTensor *x)
{
    Case *k = user;
    char what[64];
    snprintf(what, sizeof what, "raw.%s", name);
    const DfArray *array = wanted(k, what, -1);
    if (!array)
        return;
    const size_t step = golden_step(array, df_size(x)), n = (size_t)df_array_count(array);
    float *expected = golden_f32(k->file, array->name);
    double off = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = fabs((double)expected[i] - (double)x->data[i * step]);
        off = difference <= off ? off : difference; /* keeps a NaN */
    }
    for (size_t i = 0; i < df_size(x); i++)
        largest = fmax(largest, fabs((double)x->data[i]));
    df_free(expected);
    const double error = largest > 0 ? off / largest : off;
    const double limit = limit_of(k, name, raw_floor);
    cr_expect(error <= limit, "%s %d, %s: %s is off by %.2g, want %.2g", k->family, k->seed, k->rung, name, error, limit);
    k->heard++;
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

/* In units of what is allowed. */
static double distance(const Case *k, const float *expected, const DfDetection *d)
{
    double box = 0;
    for (int i = 0; i < 4; i++)
        box = fmax(box, fabs((double)expected[i] - (double)d->box[i]));
    const double score = fabs((double)expected[4] - (double)d->score);
    return fmax(box / limit_of(k, "boxes", box_floor), score / limit_of(k, "scores", score_floor));
}

/* Pixels of a mask that are not those of `bits`, row by row, the first bit in the highest place. */
static int other_pixels(const uint8_t *bits, const DfMask *mask)
{
    size_t at = 0;
    int other = 0;
    for (size_t run = 0; run < mask->n; run++)
        for (const size_t end = at + mask->runs[run]; at < end; at++) {
            const size_t pixel = at % mask->height * mask->width + at / mask->height;
            other += (bits[pixel / 8] >> (7 - pixel % 8) & 1) != run % 2;
        }
    cr_assert_eq(at, (size_t)mask->height * mask->width);
    return other;
}

static void compare_mask(const Case *k, const DfArray *masks, size_t i, int image, const DfDetection *d, const DfMask *mask)
{
    const size_t bytes = (size_t)masks->shape[1];
    const int other = other_pixels((const uint8_t *)masks->data + i * bytes, mask);
    const double limit = limit_of(k, "pixels", 2);
    cr_expect(other <= limit, "%s %d, %s: image %d, mask of label %d, score %g has %d other pixels", k->family, k->seed, k->rung, image, d->label,
              (double)d->score, other);
}

/* As sets: equal scores have no order that both sides know. */
static void compare(const Case *k, int image, const DfDetections *found)
{
    const DfArray *boxes = wanted(k, "boxes", image), *masks = wanted(k, "masks", image);
    const size_t n = (size_t)boxes->shape[0];
    cr_expect_eq(found->n, n, "%s %d, %s: image %d has %zu detections, want %zu", k->family, k->seed, k->rung, image, found->n, n);
    float *rows = golden_f32(k->file, boxes->name);
    int64_t *labels = golden_i64(k->file, wanted(k, "labels", image)->name);
    bool *taken = df_calloc(found->n + 1, sizeof *taken);
    cr_assert_not_null(taken);
    for (size_t i = 0; i < n; i++) {
        const float *row = rows + 5 * i;
        size_t j = 0;
        while (j < found->n && (taken[j] || found->v[j].label != labels[i] || distance(k, row, &found->v[j]) > 1))
            j++;
        cr_expect(j < found->n, "%s %d, %s: image %d has no box %g %g %g %g, score %g, label %d", k->family, k->seed, k->rung, image, (double)row[0],
                  (double)row[1], (double)row[2], (double)row[3], (double)row[4], (int)labels[i]);
        if (j == found->n)
            continue;
        taken[j] = true;
        if (masks)
            compare_mask(k, masks, i, image, &found->v[j], &found->masks[j]);
    }
    df_free(taken);
    df_free(labels);
    df_free(rows);
}

static void detect(Case *k, DfCtx *c)
{
    DfDetections found[MOST_IMAGES] = { { 0 } };
    const int error = df_model_detect(k->model, c, pictures(c, k), k->metas, k->n, true, found);
    cr_assert_eq(error, DF_OK, "%s %d: %s", k->family, k->seed, df_error());
    for (int i = 0; i < k->n; i++) {
        compare(k, i, &found[i]);
        df_detections_free(&found[i]);
    }
}

/* ---- classes of pixels ------------------------------------------------------------------------------------------- */

static void segment(const Case *k, DfCtx *c)
{
    const DfImageMeta *meta = &k->metas[0];
    const size_t pixels = (size_t)meta->ori_h * (size_t)meta->ori_w, step = (pixels + PIXELS - 1) / PIXELS;
    const DfArray *array = wanted(k, "classes", -1);
    int64_t *classes = golden_i64(k->file, array->name);
    uint16_t *labels = df_malloc(pixels * sizeof *labels);
    DfTensor *view = pictures(c, k);
    size_t other = 0;
    cr_assert_not_null(labels);
    cr_assert_eq((size_t)df_array_count(array), (pixels + step - 1) / step);
    cr_assert_eq(df_model_segment(k->model, c, &view, meta, 1, labels), DF_OK, "%s %d: %s", k->family, k->seed, df_error());
    for (size_t i = 0; i * step < pixels; i++)
        other += classes[i] != 255 && classes[i] != labels[i * step];
    cr_expect_eq(other, 0, "%s %d, %s: %zu pixels have another class", k->family, k->seed, k->rung, other);
    df_free(labels);
    df_free(classes);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static void check(Case *k, DfPool *pool)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(k->rung);
    k->heard = 0;
    df_listen(c, hear, false, k);
    if (df_model_is_detector(k->model)) {
        detect(k, c);
    } else {
        df_model_forward(k->model, c, pictures(c, k));
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s %d: %s", k->family, k->seed, df_error());
    }
    cr_expect_eq(k->heard, outputs_wanted(k), "%s %d: %d outputs were compared, want %d", k->family, k->seed, k->heard, outputs_wanted(k));
    df_listen(c, NULL, false, NULL);
    df_reset(c);
    if (df_model_is_segmentor(k->model))
        segment(k, c);
    df_ctx_free(c);
}

Test(random_heads, as_mmdet_and_mmseg_on_every_rung)
{
    const char *other = getenv("DEFORMER_RANDOM_HEADS");
    DfCheckpoint *file = golden_open("%s", other ? other : DF_TEST_DATA "/heads/random.safetensors");
    cr_assert_not_null(file);
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, 2), DF_OK);
    const char *text = df_checkpoint_metadata(file, "cases");
    DfConfig *cases;
    const size_t size = strlen(text) + 16;
    char *list = df_malloc(size);
    cr_assert_not_null(list);
    snprintf(list, size, "{\"cases\": %s}", text);
    cr_assert_eq(df_config_parse(&cases, list, strlen(list), "cases", false), DF_OK, "%s", df_error());
    int number = 0;
    for (const DfNode *dict = df_node_get(df_config_root(cases), "cases")->first; dict; dict = dict->next) {
        Case k;
        open_case(&k, file, dict, number++);
        for (int r = 0; df_kernels_rung(r); r++) {
            k.rung = df_kernels_rung(r);
            check(&k, pool);
        }
        close_case(&k);
    }
    cr_expect_gt(number, 0);
    df_config_free(cases);
    df_free(list);
    df_pool_free(pool);
    golden_close(file);
}
