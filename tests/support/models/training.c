/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/models/training.c -- a training step of a whole network against the official one.
 */
#include "tests/support/models/training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metadata ----------------------------------------------------------------------------------------------------------- */

/* A JSON value of a file's metadata; NULL if there is none. */
static DfConfig *metadata(const DfCheckpoint *file, const char *key, const DfNode **root)
{
    const char *value = df_checkpoint_metadata(file, key);
    *root = NULL;
    if (!value)
        return NULL;
    const size_t size = strlen(value) + 16;
    char *text = df_malloc(size);
    snprintf(text, size, "{\"it\": %s}", value);
    DfConfig *config = NULL;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), key, false), DF_OK, "%s", df_error());
    df_free(text);
    *root = df_node_get(df_config_root(config), "it");
    return config;
}

static double number_at(const DfNode *list, int i)
{
    const DfNode *item = list->first;
    while (item && i--)
        item = item->next;
    return df_node_number(item, NAN);
}

/* ---- what is given ------------------------------------------------------------------------------------------------------ */

static DfImageMeta meta_of(const DfNode *node)
{
    const DfNode *img = df_node_get(node, "img_shape"), *pad = df_node_get(node, "pad_shape");
    const DfNode *ori = df_node_get(node, "ori_shape"), *scale = df_node_get(node, "scale_factor");
    DfImageMeta meta = {
        .ori_h = (int)number_at(ori, 0), .ori_w = (int)number_at(ori, 1),
        .img_h = (int)number_at(img, 0), .img_w = (int)number_at(img, 1),
        .pad_h = (int)number_at(pad, 0), .pad_w = (int)number_at(pad, 1),
    };
    for (int i = 0; i < 4; i++)
        meta.scale_factor[i] = (float)number_at(scale, i % scale->n);
    return meta;
}

static void read_metas(Training *t)
{
    const DfNode *list;
    DfConfig *config = metadata(t->input, "img_metas", &list);
    cr_assert_not_null(list);
    DfImageMeta *metas = df_arena_alloc(t->arena, (size_t)list->n, sizeof *metas);
    t->batch.n = 0;
    t->batch.metas = metas;
    for (const DfNode *node = list->first; node; node = node->next)
        metas[t->batch.n++] = meta_of(node);
    df_config_free(config);
}

static const DfArray *array_of(const DfCheckpoint *file, const char *name, int i)
{
    char full[64];
    snprintf(full, sizeof full, "%s_%d", name, i);
    return df_checkpoint_find(file, full);
}

/* Objects, then the boxes in which nothing counts. */
static void read_boxes(Training *t, int i, DfAnnotations *a)
{
    const DfArray *boxes = array_of(t->input, "gt_bboxes", i), *ignored = array_of(t->input, "gt_bboxes_ignore", i);
    const size_t n = boxes ? (size_t)boxes->shape[0] : 0, m = ignored ? (size_t)ignored->shape[0] : 0;
    *a = (DfAnnotations){ .n = n + m };
    a->boxes = df_arena_alloc(t->arena, a->n + 1, 4 * sizeof *a->boxes);
    a->labels = df_arena_alloc(t->arena, a->n + 1, sizeof *a->labels);
    a->ignore = df_arena_alloc(t->arena, a->n + 1, sizeof *a->ignore);
    if (n) {
        int64_t *labels = golden_i64(t->input, array_of(t->input, "gt_labels", i)->name);
        df_array_f32(boxes, a->boxes);
        for (size_t k = 0; k < n; k++)
            a->labels[k] = (int)labels[k];
        df_free(labels);
    }
    if (m)
        df_array_f32(ignored, a->boxes + 4 * n);
    for (size_t k = n; k < n + m; k++)
        a->ignore[k] = true;
}

static void read_bitmaps(Training *t, const DfArray *array, DfAnnotations *a)
{
    const uint32_t h = (uint32_t)array->shape[1], w = (uint32_t)array->shape[2];
    a->masks = df_arena_alloc(t->arena, a->n + 1, sizeof *a->masks);
    for (size_t k = 0; k < (size_t)array->shape[0]; k++) {
        DfObjectMask mask = { .form = DF_MASK_RUNS };
        cr_assert_eq(df_mask_encode(&mask.runs, (const uint8_t *)array->data + k * h * w, h, w), DF_OK);
        cr_assert_eq(df_object_mask_copy(&a->masks[k], &mask, t->arena), DF_OK);
        df_mask_done(&mask.runs);
    }
}

static void read_polygon(Training *t, const DfNode *list, DfPolygon *p)
{
    p->n = (size_t)list->n / 2;
    p->xy = df_arena_alloc(t->arena, 2 * p->n, sizeof *p->xy);
    const DfNode *number = list->first;
    for (size_t k = 0; k < 2 * p->n; k++, number = number->next)
        p->xy[k] = df_node_number(number, NAN);
}

static void read_polygons(Training *t, const DfNode *objects, DfAnnotations *a)
{
    a->masks = df_arena_alloc(t->arena, a->n + 1, sizeof *a->masks);
    DfObjectMask *mask = a->masks;
    for (const DfNode *object = objects->first; object; object = object->next, mask++) {
        *mask = (DfObjectMask){ .form = DF_MASK_POLYGONS };
        mask->polygons = df_arena_alloc(t->arena, (size_t)object->n, sizeof *mask->polygons);
        for (const DfNode *list = object->first; list; list = list->next)
            read_polygon(t, list, &mask->polygons[mask->n_polygons++]);
    }
}

/* A class for every pixel: gt_semantic_seg, N H W or N 1 H W. */
static void read_label_map(Training *t, int i, DfAnnotations *a)
{
    const DfArray *array = df_checkpoint_find(t->input, "gt_semantic_seg");
    if (!array)
        return;
    const int h = (int)array->shape[array->ndim - 2], w = (int)array->shape[array->ndim - 1];
    const size_t n = (size_t)h * (size_t)w;
    int64_t *labels = golden_i64(t->input, "gt_semantic_seg");
    a->map = (DfLabelMap){ .height = h, .width = w, .narrow = df_arena_alloc(t->arena, n, 1) };
    for (size_t k = 0; k < n; k++)
        a->map.narrow[k] = (uint8_t)labels[(size_t)i * n + k];
    df_free(labels);
}

static void read_objects(Training *t)
{
    const DfNode *polygons;
    DfConfig *config = metadata(t->input, "gt_polygons", &polygons);
    const DfNode *of_image = polygons ? polygons->first : NULL;
    DfAnnotations *objects = df_arena_alloc(t->arena, (size_t)t->batch.n, sizeof *objects);
    t->batch.objects = objects;
    for (int i = 0; i < t->batch.n; i++, of_image = of_image ? of_image->next : NULL) {
        const DfArray *bitmaps = array_of(t->input, "gt_masks", i);
        read_boxes(t, i, &objects[i]);
        if (of_image)
            read_polygons(t, of_image, &objects[i]);
        else if (bitmaps)
            read_bitmaps(t, bitmaps, &objects[i]);
        read_label_map(t, i, &objects[i]);
    }
    df_config_free(config);
}

/* As tests/data/training/README.md says, a picture of bytes becomes (x - 128) / 64. */
static void read_image(Training *t)
{
    const bool bytes = golden_has(t->input, "image_u8");
    const DfArray *array = golden_get(t->input, bytes ? "image_u8" : "image");
    float *x = golden_f32(t->input, array->name);
    const int N = (int)array->shape[0], C = (int)array->shape[1], H = (int)array->shape[2], W = (int)array->shape[3];
    for (size_t i = 0; bytes && i < (size_t)df_array_count(array); i++)
        x[i] = (x[i] - 128) / 64;
    DfTensor *channels_first = df_from(t->c, DF_SHAPE(N, C, H, W), x);
    t->image = df_permute(t->c, channels_first, DF_SHAPE(0, 2, 3, 1));
    df_free(x);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static bool find_case(Training *t, const char *name)
{
    const char *folder = getenv("DEFORMER_TRAINING_CASES");
    char config[512];
    snprintf(t->path, sizeof t->path, "%s/training/%s", DF_TEST_DATA, name);
    if (folder)
        snprintf(t->path, sizeof t->path, "%s/%s", folder, name);
    snprintf(config, sizeof config, "%s/config.json", t->path);
    return df_file_exists(config);
}

static void hear(void *user, const char *name, const DfTensor *x)
{
    Training *t = user;
    if (t->n_heard == TRAINING_HEARD)
        return;
    Heard *h = &t->heard[t->n_heard++];
    snprintf(h->name, sizeof h->name, "%s", name);
    h->n = df_size(x);
    h->data = df_malloc((h->n + 1) * sizeof *h->data);
    memcpy(h->data, x->data, h->n * sizeof *h->data);
}

bool training_open(Training *t, const char *name, int threads)
{
    char file[512];
    memset(t, 0, sizeof *t);
    if (!find_case(t, name))
        return false;
    snprintf(file, sizeof file, "%s/config.json", t->path);
    cr_assert_eq(df_config_read(&t->config, file, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&t->model, df_config_root(t->config)), DF_OK, "%s", df_error());
    snprintf(file, sizeof file, "%s/weights.safetensors", t->path);
    if (!df_file_exists(file))
        snprintf(file, sizeof file, "%s/weights.pth", t->path);
    cr_assert_eq(df_model_load(t->model, file, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_train(df_model_weights(t->model)), DF_OK);
    t->input = golden_open("%s/input.safetensors", t->path);
    t->expected = golden_open("%s/expected.safetensors", t->path);
    t->arena = df_arena_new();
    cr_assert_eq(df_pool_new(&t->pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&t->c, t->pool), DF_OK);
    t->c->recording = t->c->training = true;
    df_listen(t->c, hear, false, t);
    read_metas(t);
    read_objects(t);
    read_image(t);
    return true;
}

void training_close(Training *t)
{
    for (int i = 0; i < t->n_heard; i++)
        df_free(t->heard[i].data);
    df_ctx_free(t->c);
    df_pool_free(t->pool);
    df_arena_free(t->arena);
    golden_close(t->input);
    golden_close(t->expected);
    df_model_free(t->model);
    df_config_free(t->config);
}

/* ---- the step ----------------------------------------------------------------------------------------------------------- */

static const int *given_list(Training *t, int k, const char *what, int *n)
{
    char name[64];
    snprintf(name, sizeof name, "sample%d_%s_inds", k, what);
    const DfArray *array = df_checkpoint_find(t->expected, name);
    if (!array)
        return NULL;
    int64_t *wide = golden_i64(t->expected, name);
    *n = (int)df_array_count(array);
    int *list = df_arena_alloc(t->arena, (size_t)*n + 1, sizeof *list);
    for (int i = 0; i < *n; i++)
        list[i] = (int)wide[i];
    df_free(wide);
    return list;
}

void training_give_samples(Training *t, int from, int to)
{
    DfGivenSample *given = df_arena_alloc(t->arena, TRAINING_SAMPLES, sizeof *given);
    for (int k = from; k < to; k++) {
        given[k].positive = given_list(t, k, "pos", &given[k].n_positive);
        given[k].negative = given_list(t, k, "neg", &given[k].n_negative);
        given[k].given = given[k].positive != NULL;
    }
    t->batch.n_given = to;
    t->batch.given = given;
}

void training_step(Training *t)
{
    cr_assert_eq(df_model_losses(t->model, t->c, t->image, &t->batch, &t->losses), DF_OK, "%s: %s", t->path, df_error());
    df_backward(t->c, t->losses.total, NULL);
    cr_assert_eq(df_ctx_error(t->c), DF_OK, "%s: %s", t->path, df_error());
}

void training_adam(NnModel *weights, float *m, float *v, int at, float rate)
{
    const NnTrained t = nn_model_trained(weights);
    const float bias1 = 1 - powf(0.9f, (float)at);
    const float bias2 = 1 - powf(0.999f, (float)at);
    for (size_t i = 0; i < t.n; i++) {
        const float g = t.gradients[i];
        m[i] = 0.9f * m[i] + 0.1f * g;
        v[i] = 0.999f * v[i] + 0.001f * g * g;
        t.weights[i] -= rate * (m[i] / bias1) / (sqrtf(v[i] / bias2) + 1e-8f);
    }
    nn_model_changed(weights);
}

/* ---- what is expected --------------------------------------------------------------------------------------------------- */

static double value_of(const DfLoss *l)
{
    return (double)(l->loss ? l->loss->data[0] : l->figure);
}

/* A loss of the list, or the sum of all; NAN if there is none. */
static double loss_called(const Training *t, const char *name)
{
    if (strcmp(name, "total") == 0)
        return (double)t->losses.total->data[0];
    for (int i = 0; i < t->losses.n; i++)
        if (strcmp(t->losses.v[i].name, name) == 0)
            return value_of(&t->losses.v[i]);
    return NAN;
}

void training_expect_losses(const Training *t, double limit)
{
    for (int i = 0; i < df_checkpoint_count(t->expected); i++) {
        const DfArray *array = df_checkpoint_at(t->expected, i);
        if (strncmp(array->name, "loss:", 5) != 0)
            continue;
        float *want = golden_f32(t->expected, array->name);
        const double got = loss_called(t, array->name + 5);
        const double most = limit * fabs((double)want[0]) + 1e-9;
        cr_expect(fabs(got - (double)want[0]) <= most, "%s: %s is %.9g for %.9g", t->path, array->name, got,
                  (double)want[0]);
        df_free(want);
    }
    for (int i = 0; i < t->losses.n; i++) {
        char name[64];
        snprintf(name, sizeof name, "loss:%s", t->losses.v[i].name);
        cr_expect(golden_has(t->expected, name), "%s: nobody expects %s", t->path, name);
    }
}

/* PyTorch's own error in float32 of a parameter's gradient, and the largest element. */
static bool tolerance_of(const DfNode *tolerances, const char *name, double *error, double *largest)
{
    const DfNode *pair = df_node_get(tolerances, name);
    if (!pair)
        return false;
    *error = df_node_number(pair->first, NAN);
    *largest = df_node_number(pair->first->next, NAN);
    return true;
}

/* Norm, largest and sum of all elements, of which a file may have the first ones only. */
static void expect_summary(const Training *t, const NnParam *param, const float *got, double limit)
{
    char name[256];
    double want[3], norm = 0, largest = 0, sum = 0;
    const size_t n = df_count(param->shape);
    snprintf(name, sizeof name, "gradstat:%.240s", param->name);
    if (!golden_has(t->expected, name))
        return;
    df_array_f64(golden_get(t->expected, name), want);
    for (size_t i = 0; i < n; i++) {
        norm += (double)got[i] * (double)got[i];
        largest = fmax(largest, fabs((double)got[i]));
        sum += (double)got[i];
    }
    cr_expect(fabs(sqrt(norm) - want[0]) <= limit * sqrt((double)n), "%s: %s: %g for %g", t->path, name, sqrt(norm), want[0]);
    cr_expect(fabs(largest - want[1]) <= limit, "%s: %s: largest %g for %g", t->path, name, largest, want[1]);
    cr_expect(fabs(sum - want[2]) <= limit * (double)n, "%s: %s: sum %g for %g", t->path, name, sum, want[2]);
}

static void expect_gradient(const Training *t, const NnParam *param, const DfNode *tolerances, double limit)
{
    char name[256];
    double error, largest;
    snprintf(name, sizeof name, "grad:%.240s", param->name);
    if (!golden_has(t->expected, name) || !tolerance_of(tolerances, param->name, &error, &largest))
        return;
    const size_t n = (size_t)df_array_count(golden_get(t->expected, name));
    float *want = golden_f32(t->expected, name);
    float *got = df_malloc(df_count(param->shape) * sizeof *got);
    nn_param_to_official(param, param->tensor->grad, got);
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
    cr_expect(param->tensor->reached, "%s: nothing flows back to %s", t->path, param->name);
    const double most = fmax(20 * error, limit * largest);
    cr_expect(worst <= most, "%s: %s is %.3g off, of %.3g", t->path, name, worst, largest);
    expect_summary(t, param, got, most);
    df_free(want);
    df_free(got);
}

void training_expect_gradients(const Training *t, double limit)
{
    const NnModel *weights = df_model_weights(t->model);
    const DfNode *tolerances;
    DfConfig *config = metadata(t->expected, "grad_tolerance", &tolerances);
    for (int i = 0; i < nn_model_count(weights); i++)
        expect_gradient(t, nn_model_at(weights, i), tolerances, limit);
    df_config_free(config);
}

void training_expect_statistics(Training *t, double limit)
{
    NnModel *weights = df_model_weights(t->model);
    nn_model_take_statistics(weights, t->c);
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        char name[256];
        snprintf(name, sizeof name, "buffer_after:%.240s", param->name);
        if (param->buffer && golden_has(t->expected, name))
            cr_expect(max_abs_over_max(param->tensor->data, golden_get(t->expected, name)) <= limit, "%s: %s", t->path, name);
    }
}

const Heard *training_heard(const Training *t, const char *format, ...)
{
    char name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    for (int i = 0; i < t->n_heard; i++)
        if (strcmp(t->heard[i].name, name) == 0)
            return &t->heard[i];
    return NULL;
}

void training_expect_heard(const Training *t, const char *name, const char *expected, double limit)
{
    const Heard *h = training_heard(t, "%s", name);
    const DfArray *want = golden_get(t->expected, expected);
    cr_assert_not_null(h, "%s: nothing is called %s", t->path, name);
    cr_assert_eq(h->n, (size_t)df_array_count(want), "%s: %s has %zu elements for %zu", t->path, name, h->n,
                 (size_t)df_array_count(want));
    const double off = h->n ? max_abs_over_max(h->data, want) : 0;
    cr_expect(off <= limit, "%s: %s is %.3g off", t->path, name, off);
}
