/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_training_pipeline.c -- training pipelines against mmdet 3.3 and mmseg 1.2: the random numbers that the official
 * code drew are played back, and pixels, boxes, masks and label maps must be the official ones (tests/data/training_pipelines/).
 *
 * DEFORMER_TRAINING_CASES names a folder of more cases; pipeline/pipelines.safetensors in it is read in place of ours.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "checkpoint/checkpoint.h"
#include "datasets/datasets.h"

/* ---- the file -------------------------------------------------------------------------------------------------- */

typedef struct {
    char *bytes;
    DfCheckpoint *file;
    DfConfig *cases, *polygons, *preprocessors;
    DfArena *arena;
} Golden;

static size_t read_packed(char **bytes, const char *path)
{
    gzFile file = gzopen(path, "rb");
    cr_assert(file, "%s", path);
    const size_t room = 1 << 24;
    *bytes = df_malloc(room);
    cr_assert(*bytes);
    const int n = gzread(file, *bytes, (unsigned)room);
    cr_assert(n > 0 && (size_t)n < room, "%s", path);
    gzclose(file);
    return (size_t)n;
}

static DfConfig *metadata(const DfCheckpoint *file, const char *key)
{
    const char *listed = df_checkpoint_metadata(file, key);
    cr_assert(listed, "%s", key);
    const size_t size = strlen(listed) + 16;
    char *text = df_malloc(size);
    DfConfig *config;
    snprintf(text, size, "{\"it\": %s}", listed);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), key, false), DF_OK, "%s", df_error());
    df_free(text);
    return config;
}

static Golden open_golden(const char *path)
{
    Golden g = { .arena = df_arena_new() };
    const size_t size = read_packed(&g.bytes, path);
    cr_assert_eq(df_checkpoint_parse(&g.file, g.bytes, size, "pipelines.safetensors", NULL), DF_OK, "%s", df_error());
    g.cases = metadata(g.file, "cases");
    g.polygons = metadata(g.file, "polygons");
    g.preprocessors = metadata(g.file, "preprocessors");
    return g;
}

static Golden golden(void)
{
    const char *folder = getenv("DEFORMER_TRAINING_CASES");
    char path[1024] = DF_TEST_DATA "/training_pipelines/pipelines.safetensors.gz";
    if (folder)
        snprintf(path, sizeof path, "%s/pipeline/pipelines.safetensors", folder);
    return open_golden(path);
}

static void golden_done(Golden *g)
{
    df_config_free(g->cases);
    df_config_free(g->polygons);
    df_config_free(g->preprocessors);
    df_checkpoint_close(g->file);
    df_arena_free(g->arena);
    df_free(g->bytes);
}

static const DfArray *array(const Golden *g, const char *format, int i, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, format, i, name);
    return df_checkpoint_find(g->file, full);
}

/* Aligned, unlike the file's own. */
static const void *data(const Golden *g, const DfArray *a)
{
    const size_t size = a->dtype == DF_U8 ? 1 : 4;
    const size_t n = (size_t)df_array_count(a);
    void *at = df_arena_alloc(g->arena, n + 1, size);
    cr_assert(at);
    return memcpy(at, a->data, n * size);
}

/* ---- inputs ---------------------------------------------------------------------------------------------------- */

static DfImage picture(const Golden *g, int i)
{
    const DfArray *a = array(g, "in%d.%s", i, "img");
    cr_assert(a);
    return (DfImage){ (int)a->shape[0], (int)a->shape[1], 3, (uint8_t *)(uintptr_t)data(g, a) };
}

static void read_polygons(DfObjectMask *mask, const DfNode *list, DfArena *arena)
{
    mask->form = DF_MASK_POLYGONS;
    mask->polygons = df_arena_alloc(arena, (size_t)list->n, sizeof *mask->polygons);
    for (const DfNode *polygon = list->first; polygon; polygon = polygon->next) {
        DfPolygon *p = &mask->polygons[mask->n_polygons++];
        p->xy = df_arena_alloc(arena, (size_t)polygon->n, sizeof *p->xy);
        p->n = (size_t)polygon->n / 2;
        int k = 0;
        for (const DfNode *v = polygon->first; v; v = v->next)
            p->xy[k++] = v->number;
    }
}

static void read_bitmap(const Golden *g, DfObjectMask *mask, const DfArray *all, size_t i, DfArena *arena)
{
    const size_t pixels = (size_t)all->shape[1] * (size_t)all->shape[2];
    DfMask runs;
    cr_assert_eq(df_mask_encode(&runs, (const uint8_t *)data(g, all) + i * pixels, (uint32_t)all->shape[1], (uint32_t)all->shape[2]), DF_OK);
    const DfObjectMask drawn = { .form = DF_MASK_RUNS, .runs = runs };
    cr_assert_eq(df_object_mask_copy(mask, &drawn, arena), DF_OK);
    df_mask_done(&runs);
}

/* form: "none", "bitmap" or "polygon". */
static DfAnnotations annotations(const Golden *g, int i, const char *form, bool seg, bool boxes)
{
    const DfArray *all = array(g, "in%d.%s", i, "boxes");
    const DfArray *masks = array(g, "in%d.%s", i, "masks");
    const size_t n = boxes ? (size_t)all->shape[0] : 0;
    DfAnnotations a;
    cr_assert_eq(df_annotations_init(&a, n, strcmp(form, "none") != 0), DF_OK);
    memcpy(a.boxes, data(g, all), 4 * n * sizeof *a.boxes);
    memcpy(a.labels, data(g, array(g, "in%d.%s", i, "labels")), n * sizeof *a.labels);
    const DfNode *polygons = df_node_get(df_config_root(g->polygons), "it")->first;
    for (int k = 0; k < i; k++)
        polygons = polygons->next;
    polygons = polygons->first;
    for (size_t k = 0; k < n; k++, polygons = polygons ? polygons->next : NULL) {
        a.ignore[k] = ((const uint8_t *)data(g, array(g, "in%d.%s", i, "ignore")))[k];
        if (strcmp(form, "polygon") == 0)
            read_polygons(&a.masks[k], polygons, a.arena);
        else if (a.masks)
            read_bitmap(g, &a.masks[k], masks, k, a.arena);
    }
    const DfArray *map = array(g, "in%d.%s", i, "seg");
    if (seg)
        a.map = (DfLabelMap){ (int)map->shape[0], (int)map->shape[1], (uint8_t *)(uintptr_t)data(g, map), NULL };
    return a;
}

/* Mosaic and MixUp were given inputs 4, 5, 6. */
typedef struct {
    const Golden *g;
    int next;
} Set;

static int another(void *set, DfDraws *draws, DfImage *image, DfAnnotations *known)
{
    Set *s = set;
    (void)draws;
    const DfImage source = picture(s->g, s->next);
    const int error = df_image_new(image, source.height, source.width, 3);
    if (error == DF_OK)
        memcpy(image->pixels, source.pixels, df_image_bytes(&source));
    *known = annotations(s->g, s->next++, "none", false, true);
    return error;
}

/* ---- draws ----------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    DfDrawn at[1024];
} Script;

static void add(Script *s, DfDrawKind kind, double low, double high, double value)
{
    cr_assert_lt(s->n, sizeof s->at / sizeof *s->at);
    s->at[s->n++] = (DfDrawn){ kind, low, high, value };
}

static bool same(const DfNode *a, const DfNode *b)
{
    if (a->kind == DF_NODE_TEXT)
        return b->kind == DF_NODE_TEXT && strcmp(a->text, b->text) == 0;
    if (a->kind == DF_NODE_NONE || b->kind == DF_NODE_NONE)
        return a->kind == b->kind;
    return a->number == b->number;
}

static int index_in(const DfNode *list, const DfNode *value)
{
    int i = 0;
    for (const DfNode *v = list->first; v; v = v->next, i++)
        if (same(v, value))
            return i;
    cr_assert_fail("a choice that is not in its list");
    return -1;
}

/* [function, arguments, value] */
static void read_draw(Script *s, const DfNode *draw)
{
    const char *function = draw->first->text;
    const DfNode *args = draw->first->next;
    const DfNode *value = args->next;
    const double first = args->first ? args->first->number : 0;
    if (strcmp(function, "np.randint") == 0)
        add(s, DF_DRAW_INTEGER, args->n == 2 ? first : 0, args->last->number, value->number);
    else if (strcmp(function, "np.uniform") == 0)
        add(s, DF_DRAW_UNIFORM, first, args->n == 2 ? args->last->number : 1, value->number);
    else if (strcmp(function, "np.choice") == 0)
        add(s, DF_DRAW_CHOICE, 0, args->first->n, index_in(args->first, value));
    else if (value->kind != DF_NODE_LIST)
        add(s, DF_DRAW_SHARE, 0, 1, value->number);
    for (const DfNode *v = value->kind == DF_NODE_LIST ? value->first : NULL; v; v = v->next) {
        const bool order = strcmp(function, "np.permutation") == 0;
        add(s, order ? DF_DRAW_ORDER : DF_DRAW_SHARE, 0, order ? first : 1, v->number);
    }
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

/* Resizing and turning may differ by 1 from OpenCV in bytes; floats by 1e-4. */
static void check_pixels(const Golden *g, const DfTrainingSample *s, const DfArray *want, int i)
{
    const size_t n = (size_t)want->shape[0] * (size_t)want->shape[1] * 3;
    const uint8_t *bytes = data(g, want);
    const float *floats = data(g, want);
    const bool is_float = want->dtype == DF_F32;
    cr_assert(s->meta.pad_h == want->shape[0] && s->meta.pad_w == want->shape[1], "case %d is %d x %d", i, s->meta.pad_h, s->meta.pad_w);
    size_t other = 0;
    double worst = 0;
    for (size_t k = 0; k < n; k++) {
        const double off = fabs(s->pixels[k] - (is_float ? (double)floats[k] : bytes[k]));
        other += off > 1e-4;
        worst = off > worst ? off : worst;
    }
    if (getenv("DEFORMER_TEST_FIGURES"))
        printf("case %d: worst %g, %zu of %zu differ\n", i, worst, other, n);
    cr_expect_eq(other, 0u, "case %d: %zu of %zu pixels differ, by at most %g", i, other, n, worst);
}

static void check_objects(const Golden *g, const DfAnnotations *a, int i)
{
    const DfArray *boxes = array(g, "c%d.%s", i, "out.boxes");
    if (!boxes)
        return;
    const float *want = data(g, boxes);
    const int *labels = data(g, array(g, "c%d.%s", i, "out.labels"));
    const uint8_t *ignore = data(g, array(g, "c%d.%s", i, "out.ignore"));
    cr_assert_eq(a->n, (size_t)boxes->shape[0], "case %d: %zu objects", i, a->n);
    for (size_t k = 0; k < a->n; k++) {
        for (int c = 0; c < 4; c++)
            cr_expect_float_eq(a->boxes[4 * k + (size_t)c], want[4 * k + (size_t)c], 1e-4, "case %d box %zu: %g, want %g", i, k,
                               (double)a->boxes[4 * k + (size_t)c], (double)want[4 * k + (size_t)c]);
        cr_expect(a->labels[k] == labels[k] && a->ignore[k] == (ignore[k] != 0), "case %d object %zu", i, k);
    }
}

static void check_masks(const Golden *g, const DfAnnotations *a, int i)
{
    const DfArray *masks = array(g, "c%d.%s", i, "out.masks");
    if (!masks)
        return;
    const size_t pixels = (size_t)masks->shape[1] * (size_t)masks->shape[2];
    uint8_t *mask = df_malloc(pixels);
    for (size_t k = 0; k < (size_t)masks->shape[0]; k++) {
        const DfMask *runs = &a->masks[k].runs;
        cr_assert(runs->height == masks->shape[1] && runs->width == masks->shape[2], "case %d mask %zu: %u x %u", i, k, runs->height, runs->width);
        cr_assert_eq(df_mask_decode(runs, mask), DF_OK);
        cr_expect_eq(memcmp(mask, (const uint8_t *)data(g, masks) + k * pixels, pixels), 0, "case %d mask %zu", i, k);
    }
    df_free(mask);
}

static void check_polygons(const DfNode *want, const DfAnnotations *a, int i)
{
    size_t k = 0;
    for (const DfNode *object = want ? want->first : NULL; object; object = object->next, k++) {
        cr_assert_eq(a->masks[k].n_polygons, (size_t)object->n, "case %d object %zu", i, k);
        size_t p = 0;
        for (const DfNode *polygon = object->first; polygon; polygon = polygon->next, p++) {
            const DfPolygon *ours = &a->masks[k].polygons[p];
            cr_assert_eq(2 * ours->n, (size_t)polygon->n, "case %d object %zu: %zu points", i, k, ours->n);
            double sum = 0;
            for (size_t c = 0; c < 2 * ours->n; c++)
                sum += ours->xy[c];
            for (const DfNode *v = polygon->first; v; v = v->next)
                sum -= v->number;
            cr_expect_float_eq(sum, 0, 1e-6 * (double)polygon->n, "case %d object %zu", i, k);
        }
    }
}

static void check_map(const Golden *g, const DfAnnotations *a, int i)
{
    const DfArray *map = array(g, "c%d.%s", i, "out.seg");
    if (!map)
        return;
    cr_assert(a->map.height == map->shape[0] && a->map.width == map->shape[1], "case %d: a map of %d x %d", i, a->map.height, a->map.width);
    cr_expect_eq(memcmp(a->map.narrow, data(g, map), (size_t)map->shape[0] * (size_t)map->shape[1]), 0, "case %d: the map", i);
}

static void check_meta(const DfNode *want, const DfImageMeta *meta, int i)
{
    const DfNode *shape = df_node_get(want, "img_shape");
    const DfNode *factor = df_node_get(want, "scale_factor");
    cr_expect(meta->img_h == shape->first->integer && meta->img_w == shape->last->integer, "case %d: img_shape", i);
    if (factor)
        cr_expect(meta->scale_factor[0] == (float)factor->first->number && meta->scale_factor[1] == (float)factor->last->number, "case %d: scale_factor", i);
    const char *direction = df_node_text(df_node_get(want, "flip_direction"), "");
    const bool both = strcmp(direction, "diagonal") == 0;
    cr_expect_eq(meta->flip_x, both || strcmp(direction, "horizontal") == 0, "case %d: flip", i);
    cr_expect_eq(meta->flip_y, both || strcmp(direction, "vertical") == 0, "case %d: flip", i);
}

/* ---- the cases ------------------------------------------------------------------------------------------------- */

static void run_case(const Golden *g, const DfNode *c, int i)
{
    static Script script;
    script.n = 0;
    for (const DfNode *draw = df_node_get(c, "draws")->first; draw; draw = draw->next)
        read_draw(&script, draw);
    const bool of_mmseg = strcmp(df_node_text(df_node_get(c, "lib"), ""), "mmseg") == 0;
    const int input = (int)df_node_int(df_node_get(c, "input"), 0);
    const DfNode *uses = df_node_get(c, "uses");
    const DfNode *want = df_node_get(c, "result");
    const DfPipelineKind kind = {
        .training = true,
        .codebase = of_mmseg ? DF_CODEBASE_SEGMENTATION : DF_CODEBASE_DETECTION,
        .release = strcmp(df_node_text(df_node_get(c, "release"), "new"), "old") == 0 ? DF_RELEASE_OLD : DF_RELEASE_NEW,
    };
    DfPipeline *pipeline;
    cr_assert_eq(df_pipeline_new_as(&pipeline, df_node_get(c, "transforms"), &kind), DF_OK, "case %d: %s", i, df_error());
    const DfImage image = picture(g, input);
    DfAnnotations known = annotations(g, input, df_node_text(df_node_get(uses, "mask"), "none"), df_node_bool(df_node_get(uses, "seg"), false), !of_mmseg);
    Set set = { g, 4 };
    const DfOthers others = { &set, another };
    DfDraws draws = { .given = script.at, .n_given = script.n };
    DfTrainingSample sample;
    cr_assert_eq(df_pipeline_train(pipeline, &image, &known, &others, &draws, &sample), DF_OK, "case %d: %s", i, df_error());
    cr_expect(!draws.astray && draws.used == script.n, "case %d draws otherwise: %zu of %zu", i, draws.used, script.n);
    const bool skipped = df_node_get(want, "result") != NULL;
    cr_expect_eq(sample.left_out, skipped, "case %d", i);
    if (!skipped) {
        check_pixels(g, &sample, array(g, "c%d.%s", i, "out.img"), i);
        check_objects(g, &sample.annotations, i);
        check_masks(g, &sample.annotations, i);
        check_polygons(df_node_get(want, "polygons"), &sample.annotations, i);
        check_map(g, &sample.annotations, i);
        check_meta(want, &sample.meta, i);
    }
    df_training_sample_free(&sample);
    df_annotations_done(&known);
    df_pipeline_free(pipeline);
}

static int run_cases(Golden g)
{
    int i = 0;
    for (const DfNode *c = df_node_get(df_config_root(g.cases), "it")->first; c; c = c->next, i++)
        run_case(&g, c, i);
    golden_done(&g);
    return i;
}

Test(training_pipeline, as_the_official_code_with_its_draws)
{
    cr_expect_geq(run_cases(golden()), 41);
}

/* Transforms of mmdet 2.x and mmseg 0.x, written out in numpy and OpenCV (tests/scripts/make_old_pipelines.py). */
Test(training_pipeline, of_earlier_releases)
{
    cr_expect_eq(run_cases(open_golden(DF_TEST_DATA "/training_pipelines/old.safetensors.gz")), 31);
}

/* ---- what models of later releases do first --------------------------------------------------------------------- */

/* The batch is padded to its largest member: what a sample alone has is compared, and its border is the padding value. */
static void check_preprocessed(const Golden *g, const DfTrainingSample *s, int which, int member, const DfNode *want)
{
    const DfArray *inputs = array(g, "p%d.%s", which, "out.inputs");
    const float *all = data(g, inputs);
    const int height = (int)inputs->shape[2];
    const int width = (int)inputs->shape[3];
    const DfNode *shape = df_node_get(want, "pad_shape");
    cr_expect(s->meta.pad_h == shape->first->integer && s->meta.pad_w == shape->last->integer, "preprocessor %d, picture %d: %d x %d", which, member,
              s->meta.pad_h, s->meta.pad_w);
    for (int y = 0; y < s->meta.pad_h; y++)
        for (int x = 0; x < s->meta.pad_w; x++)
            for (int c = 0; c < 3; c++) {
                const float ours = s->pixels[(y * s->meta.pad_w + x) * 3 + c];
                cr_assert_float_eq(ours, all[((member * 3 + c) * height + y) * width + x], 1e-6, "preprocessor %d, picture %d at (%d, %d)", which, member, x, y);
            }
}

Test(training_pipeline, preprocessors)
{
    Golden g = golden();
    int i = 0;
    for (const DfNode *p = df_node_get(df_config_root(g.preprocessors), "it")->first; p; p = p->next, i++) {
        const DfPipelineKind kind = { .training = true, .release = DF_RELEASE_NEW };
        DfNode step = *df_node_get(p, "options");
        const DfNode list = { .kind = DF_NODE_LIST, .n = 1, .first = &step, .last = &step };
        DfNode type = *df_node_get(p, "type");
        step.next = NULL;
        type.next = step.first;
        step.first = &type;
        DfPipeline *pipeline;
        cr_assert_eq(df_pipeline_new_as(&pipeline, &list, &kind), DF_OK, "%s", df_error());
        int member = 0;
        const DfNode *meta = df_node_at(df_node_get(p, "result"), "metas")->first;
        for (const DfNode *input = df_node_get(p, "inputs")->first; input; input = input->next, meta = meta->next, member++) {
            const DfImage image = picture(&g, (int)input->integer);
            DfAnnotations known = annotations(&g, (int)input->integer, "none", true, true);
            DfDraws draws = { .random = df_random(1, 1) };
            DfTrainingSample sample;
            cr_assert_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_OK, "%s", df_error());
            check_preprocessed(&g, &sample, i, member, meta);
            df_training_sample_free(&sample);
            df_annotations_done(&known);
        }
        df_pipeline_free(pipeline);
    }
    cr_expect_eq(i, 2);
    golden_done(&g);
}
