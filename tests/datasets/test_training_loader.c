/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_training_loader.c -- batches of training: padded, in order, the same for any number of threads, from any position
 * and in parts for several processes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define N 10
#define PIPELINE "[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True)," \
                 " dict(type='Resize', img_scale=[(120, 90), (160, 120)], multiscale_mode='range', keep_ratio=True)," \
                 " dict(type='RandomFlip', flip_ratio=0.5), dict(type='Normalize', mean=[100, 110, 120], std=[50, 60, 70], to_rgb=True)," \
                 " dict(type='Pad', size_divisor=32), dict(type='DefaultFormatBundle')," \
                 " dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])]"

static char *folder;
static DfConfig *config;
static DfTrainingSet *set;

static void open_config(const char *dict)
{
    char text[4096];
    snprintf(text, sizeof text, "data = dict(train=%s)", dict);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_training_set_of_config(&set, df_config_root(config), folder), DF_OK, "%s", df_error());
}

static void open_set(void)
{
    cr_assert_not_null(folder = df_temporary_folder());
    cr_assert_eq(df_synth_write(folder, &(DfSynth){ .val = N, .seed = 4, .coco = true }, NULL), DF_OK, "%s", df_error());
    open_config("dict(type='CocoDataset', ann_file='annotations/instances_val2017.json', img_prefix='val2017/', filter_empty_gt=False,"
                " pipeline=" PIPELINE ")");
}

static void close_set(void)
{
    static char pictures[N][32], maps[N][48];
    const char *files[2 * N + 6] = { NULL };
    df_training_set_free(set);
    df_config_free(config);
    for (int i = 0; i < N; i++) {
        snprintf(pictures[i], sizeof pictures[i], "val2017/%012d.jpg", i + 1);
        snprintf(maps[i], sizeof maps[i], "annotations/val2017/%012d.png", i + 1);
        files[2 * i] = pictures[i];
        files[2 * i + 1] = maps[i];
    }
    files[2 * N] = "val2017";
    files[2 * N + 1] = "annotations/val2017";
    files[2 * N + 2] = "annotations/instances_val2017.json";
    files[2 * N + 3] = "annotations";
    files[2 * N + 4] = "classes.txt";
    df_remove_folder(folder, files);
    df_free(folder);
}

TestSuite(training_loader, .init = open_set, .fini = close_set);

static DfTrainingLoading loading(int threads)
{
    return (DfTrainingLoading){
        .set = set,
        .order = { .kind = DF_ORDER_GROUPS, .shuffle = true, .batch = 3, .seed = 11 },
        .threads = threads,
        .ahead = 3,
        .end = 8,
    };
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

/* Of everything in sample i that a network sees. */
static uint64_t hash_of(const DfBatch *batch, int i)
{
    const DfImageMeta *meta = &batch->metas[i];
    const DfAnnotations *a = &batch->objects[i];
    uint64_t hash = 0xcbf29ce484222325u;
    for (int y = 0; y < meta->pad_h; y++)
        hash = mix(hash, batch->pixels + (((size_t)i * (size_t)batch->height + (size_t)y) * (size_t)batch->width) * 3,
                   (size_t)meta->pad_w * 3 * sizeof(float));
    hash = mix(hash, a->boxes, a->n * 4 * sizeof *a->boxes);
    hash = mix(hash, a->labels, a->n * sizeof *a->labels);
    return mix(hash, &meta->img_h, sizeof meta->img_h);
}

/* Of the batches from `first` on: three numbers each. */
static void hashes(DfTrainingLoading what, uint64_t (*out)[3])
{
    DfTrainingLoader *loader;
    DfBatch batch;
    cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
    int64_t k = what.first;
    for (; df_training_loader_next(loader, &batch); k++) {
        cr_assert_eq(batch.error, DF_OK, "%s", batch.message);
        cr_assert(batch.number == k && batch.first + batch.n <= 3 && batch.total == 3);
        for (int i = 0; i < batch.n; i++)
            out[k][batch.first + i] = hash_of(&batch, i);
        df_batch_free(&batch);
    }
    cr_expect_eq(k, what.end);
    df_training_loader_free(loader);
}

Test(training_loader, the_same_for_any_number_of_threads_and_from_any_position)
{
    static uint64_t want[8][3], got[8][3];
    const size_t held = df_memory().now;
    hashes(loading(0), want);
    cr_expect_neq(want[0][0], want[4][0]);
    for (int threads = 1; threads <= 4; threads++) {
        memset(got, 0, sizeof got);
        hashes(loading(threads), got);
        cr_expect_arr_eq(got, want, sizeof want, "%d threads", threads);
    }
    DfTrainingLoading what = loading(2);
    what.first = 5;
    memset(got, 0, sizeof got);
    hashes(what, got);
    cr_expect_arr_eq(got[5], want[5], 3 * sizeof want[5]);
    what = loading(2);
    what.memory = 1; /* one batch at a time */
    hashes(what, got);
    cr_expect_arr_eq(got, want, sizeof want);
    cr_expect_eq(df_memory().now, held);
}

Test(training_loader, processes_share_a_batch)
{
    static uint64_t want[8][3], got[8][3];
    hashes(loading(0), want);
    for (int ranks = 2; ranks <= 3; ranks++) {
        memset(got, 0, sizeof got);
        for (int rank = 0; rank < ranks; rank++) {
            DfTrainingLoading what = loading(1);
            what.rank = rank;
            what.ranks = ranks;
            hashes(what, got);
        }
        cr_expect_arr_eq(got, want, sizeof want, "%d processes", ranks);
    }
    DfTrainingLoader *loader;
    DfTrainingLoading what = loading(0);
    what.ranks = 4;
    cr_expect_eq(df_training_loader_new(&loader, &what), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "a batch of 3 samples for 4 processes"), "%s", df_error());
}

/* Ten pictures in batches of three: the last has one, and each of three processes learns from it. */
Test(training_loader, every_process_has_a_sample)
{
    for (int rank = 0; rank < 3; rank++) {
        DfTrainingLoader *loader;
        DfBatch batch;
        DfTrainingLoading what = loading(0);
        what.order.kind = DF_ORDER_EPOCHS;
        what.rank = rank;
        what.ranks = 3;
        what.first = 3;
        cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
        cr_assert(df_training_loader_next(loader, &batch) && batch.error == DF_OK, "%s", batch.message);
        cr_expect(batch.n == 1 && batch.total == 3 && batch.first == rank);
        df_batch_free(&batch);
        df_training_loader_free(loader);
    }
}

Test(training_loader, samples_are_padded_to_the_largest)
{
    DfTrainingLoading what = loading(1);
    DfTrainingLoader *loader;
    DfBatch batch;
    cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
    cr_assert(df_training_loader_next(loader, &batch) && batch.error == DF_OK && batch.n == 3);
    int height = 0, width = 0;
    for (int i = 0; i < batch.n; i++) {
        const DfImageMeta *m = &batch.metas[i];
        height = m->pad_h > height ? m->pad_h : height;
        width = m->pad_w > width ? m->pad_w : width;
        cr_expect(m->pad_h % 32 == 0 && m->pad_w % 32 == 0 && m->img_h <= m->pad_h);
        cr_expect(batch.objects[i].n == 0 || batch.objects[i].masks, "masks come along");
        cr_expect_str_eq(batch.path[i], df_training_set_path(set, batch.sample[i]));
        const float *pixels = batch.pixels + (size_t)i * (size_t)batch.height * (size_t)batch.width * 3;
        for (int y = 0; y < batch.height; y++)
            for (int x = 0; x < batch.width; x++)
                if (y >= m->img_h || x >= m->img_w)
                    cr_assert_eq(pixels[(y * batch.width + x) * 3], 0.0f);
    }
    cr_expect(batch.height == height && batch.width == width);
    cr_expect_eq(df_batch_bytes(&batch), (size_t)(3 * height * width * 3) * sizeof(float));
    df_batch_free(&batch);
    df_training_loader_free(loader); /* before the last */
}

Test(training_loader, label_maps_are_padded_with_what_is_ignored)
{
    DfTrainingSample samples[2] = { 0 };
    DfBatch batch;
    for (int i = 0; i < 2; i++) {
        DfTrainingSample *s = &samples[i];
        cr_assert_eq(df_annotations_init(&s->annotations, 0, false), DF_OK);
        s->meta.pad_h = 2 + i;
        s->meta.pad_w = 4 - i;
        s->pixels = df_calloc((size_t)(s->meta.pad_h * s->meta.pad_w * 3), sizeof *s->pixels);
        s->pixels[0] = (float)(i + 1);
        s->annotations.map = (DfLabelMap){ .height = 2, .width = 3 };
        if (i == 0)
            s->annotations.map.narrow = df_arena_alloc(s->annotations.arena, 6, 1);
        else
            s->annotations.map.wide = df_arena_alloc(s->annotations.arena, 6, 2);
    }
    cr_assert_eq(df_batch_new(&batch, 2), DF_OK);
    cr_assert_eq(df_batch_collate(&batch, samples, 2, 254), DF_OK, "%s", df_error());
    cr_expect(batch.height == 3 && batch.width == 4 && batch.pixels[0] == 1.0f && batch.pixels[36] == 2.0f);
    const DfLabelMap *narrow = &batch.objects[0].map, *wide = &batch.objects[1].map;
    cr_assert(narrow->height == 3 && narrow->width == 4 && narrow->narrow && wide->wide && wide->height == 3);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++) {
            const int want = y < 2 && x < 3 ? 0 : 254;
            cr_expect(narrow->narrow[4 * y + x] == want && wide->wide[4 * y + x] == want, "(%d, %d)", x, y);
        }
    df_batch_free(&batch);
}

Test(training_loader, a_missing_picture_is_named)
{
    DfBatch batch;
    DfTrainingLoader *loader;
    char *path = df_path_join(folder, "val2017/000000000001.jpg");
    cr_assert_eq(remove(path), 0);
    DfTrainingLoading what = loading(2);
    cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
    int failed = 0;
    for (; df_training_loader_next(loader, &batch); df_batch_free(&batch)) {
        if (batch.error == DF_OK)
            continue;
        failed++;
        cr_expect(batch.error == DF_EIO && batch.n == 0 && strstr(batch.message, "000000000001.jpg"), "%s", batch.message);
    }
    cr_expect_geq(failed, 2, "once an epoch");
    df_training_loader_free(loader);
    df_free(path);
}

Test(training_loader, what_is_wrong_is_said)
{
    DfTrainingLoader *loader;
    DfTrainingLoading what = loading(0);
    df_training_set_free(set);
    df_config_free(config);
    open_config("dict(type='CocoDataset', ann_file='annotations/instances_val2017.json', img_prefix='val2017/')");
    what.set = set;
    cr_expect_eq(df_training_loader_new(&loader, &what), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "without a pipeline"), "%s", df_error());
    df_training_set_free(set);
    df_config_free(config);
    open_config("dict(type='MultiImageMixDataset', pipeline=[], dataset=dict(type='CocoDataset', ann_file='annotations/instances_val2017.json',"
                " img_prefix='val2017/', pipeline=" PIPELINE "))");
    what.set = set;
    cr_expect_eq(df_training_loader_new(&loader, &what), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "Resize below MultiImageMixDataset"), "%s", df_error());
}

Test(training_loader, memory_that_runs_out_is_an_error)
{
    for (size_t n = 1;; n++) {
        DfTrainingLoader *loader;
        DfBatch batch = { 0 };
        DfTrainingLoading what = loading(0);
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        int error = df_training_loader_new(&loader, &what);
        if (error == DF_OK && df_training_loader_next(loader, &batch))
            error = batch.error;
        df_memory_fail_at(0, false);
        df_batch_free(&batch);
        df_training_loader_free(loader);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK)
            break;
        cr_expect_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_assert_lt(n, 2000u);
    }
}

/* ---- samples that are left out, and pictures that are mixed -------------------------------------------------------- */

static void reopen(const char *pipeline, const char *mixing)
{
    char dict[2048];
    df_training_set_free(set);
    df_config_free(config);
    snprintf(dict, sizeof dict, "%s%sdict(type='CocoDataset', ann_file='annotations/instances_val2017.json', img_prefix='val2017/', pipeline=[%s])%s",
             mixing ? "dict(type='MultiImageMixDataset', pipeline=[" : "", mixing ? mixing : "", pipeline, mixing ? ")" : "");
    open_config(dict);
}

#define LOAD "dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)"

/* A small crop often has no object: such a sample is drawn again, from the same numbers. */
Test(training_loader, samples_without_objects_are_replaced)
{
    static uint64_t want[8][3], got[8][3];
    reopen(LOAD ", dict(type='RandomCrop', crop_size=(40, 40)), dict(type='DefaultFormatBundle')", NULL);
    hashes(loading(0), want);
    hashes(loading(3), got);
    cr_expect_arr_eq(got, want, sizeof want);
    DfTrainingLoading what = loading(1);
    DfTrainingLoader *loader;
    DfBatch batch;
    cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
    for (; df_training_loader_next(loader, &batch); df_batch_free(&batch))
        for (int i = 0; i < batch.n; i++)
            cr_expect_gt(batch.objects[i].n, 0u);
    df_training_loader_free(loader);
    reopen(LOAD ", dict(type='RandomCrop', crop_size=(1, 1)), dict(type='FilterAnnotations', min_gt_bbox_wh=(900, 900))", NULL);
    what = loading(1);
    cr_assert_eq(df_training_loader_new(&loader, &what), DF_OK, "%s", df_error());
    cr_assert(df_training_loader_next(loader, &batch));
    cr_expect(batch.error == DF_EVALUE && strstr(batch.message, "leave nothing to learn from"), "%s", batch.message);
    df_batch_free(&batch);
    df_training_loader_free(loader);
}

Test(training_loader, mosaics_take_other_pictures_of_the_set)
{
    static uint64_t want[8][3], got[8][3];
    reopen(LOAD, "dict(type='Mosaic', img_scale=(96, 96), pad_val=114.0), dict(type='MixUp', img_scale=(96, 96), pad_val=114.0)],"
                 " dataset=");
    hashes(loading(0), want);
    hashes(loading(2), got);
    cr_expect_arr_eq(got, want, sizeof want);
}
