/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_order.c -- which samples make up which batch. Witnesses: what mmdet's samplers give without shuffling, written out
 * by hand; and what a shuffled order has to be.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define SET "type='CocoDataset', ann_file='" DF_TEST_DATA "/dataset/learnt/objects.json', test_mode=True, classes=('cell', 'plate', 'spot')"

static DfConfig *config;
static DfTrainingSet *set;

static void open_set(const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "data = dict(%s train=dict(" SET "))", more);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_training_set_of_config(&set, df_config_root(config), NULL), DF_OK, "%s", df_error());
}

static void open_plain(void)
{
    open_set("");
}

static void close_set(void)
{
    df_training_set_free(set);
    df_config_free(config);
}

TestSuite(order, .init = open_plain, .fini = close_set);

static DfOrder *order_of(DfOrderOptions o)
{
    DfOrder *order = NULL;
    cr_assert_eq(df_order_new(&order, &o, set), DF_OK, "%s", df_error());
    return order;
}

static bool is_wide(int i)
{
    int height, width;
    cr_assert_eq(df_training_set_size(set, i, &height, &width), DF_OK);
    return width > height;
}

/* How often each sample is in the batches from `first` to `end`. */
static void count(DfOrder *order, int64_t first, int64_t end, int *times)
{
    int sample[64];
    memset(times, 0, 14 * sizeof *times);
    for (int64_t k = first; k < end; k++) {
        const int n = df_order_batch(order, k, sample);
        for (int i = 0; i < n; i++) {
            cr_assert(sample[i] >= 0 && sample[i] < 14);
            times[sample[i]]++;
        }
    }
}

Test(order, an_epoch_has_every_sample_once)
{
    int times[14], sample[8], again[8];
    DfOrder *order = order_of((DfOrderOptions){ .shuffle = true, .batch = 4, .seed = 7 });
    cr_assert_eq(df_order_epoch_batches(order), 4);
    for (int epoch = 0; epoch < 3; epoch++) {
        count(order, 4 * epoch, 4 * epoch + 4, times);
        for (int i = 0; i < 14; i++)
            cr_expect_eq(times[i], 1);
    }
    cr_expect_eq(df_order_batch(order, 3, sample), 2, "the last one is smaller");
    /* The same batch again, after others and by another order of the same seed. */
    DfOrder *other = order_of((DfOrderOptions){ .shuffle = true, .batch = 4, .seed = 7 });
    cr_expect_eq(df_order_batch(order, 9, sample), df_order_batch(other, 9, again));
    cr_expect_arr_eq(sample, again, 4 * sizeof *sample);
    df_order_batch(order, 1, again);
    cr_expect_neq(memcmp(sample, again, 4 * sizeof *sample), 0, "epochs differ");
    df_order_free(other);
    other = order_of((DfOrderOptions){ .shuffle = true, .batch = 4, .seed = 8 });
    df_order_batch(other, 9, again);
    cr_expect_neq(memcmp(sample, again, 4 * sizeof *sample), 0, "seeds differ");
    df_order_free(other);
    df_order_free(order);
    order = order_of((DfOrderOptions){ .batch = 4, .drop_last = true });
    cr_expect_eq(df_order_epoch_batches(order), 3);
    df_order_batch(order, 4, sample);
    cr_expect(sample[0] == 4 && sample[3] == 7, "unshuffled");
    df_order_free(order);
}

/* GroupSampler: every batch is full and of one group, every sample is there. */
Test(order, groups_are_filled_up)
{
    for (int batch = 1; batch <= 5; batch++) {
        int times[14], sample[8], wide = 0;
        for (int i = 0; i < 14; i++)
            wide += is_wide(i);
        cr_assert(wide > 0 && wide < 14);
        DfOrder *order = order_of((DfOrderOptions){ .kind = DF_ORDER_GROUPS, .shuffle = true, .batch = batch, .seed = 3 });
        const int want = (wide + batch - 1) / batch + (14 - wide + batch - 1) / batch;
        cr_assert_eq(df_order_epoch_batches(order), want);
        count(order, want, 2 * want, times);
        for (int i = 0; i < 14; i++)
            cr_expect_geq(times[i], 1);
        for (int k = 0; k < want; k++) {
            cr_assert_eq(df_order_batch(order, k, sample), batch);
            for (int i = 1; i < batch; i++)
                cr_expect_eq(is_wide(sample[i]), is_wide(sample[0]));
        }
        for (int i = 0; i < 14; i++) {
            const int another = df_order_another(order, i, 0.999);
            cr_expect(is_wide(another) == is_wide(i), "a sample in place of %d", i);
        }
        df_order_free(order);
    }
}

/* AspectRatioBatchSampler over a sampler that does not shuffle, as its Python text goes. */
Test(order, aspects_wait_for_a_full_batch)
{
    int bucket[2][4], n[2] = { 0, 0 }, sample[4];
    DfOrder *order = order_of((DfOrderOptions){ .kind = DF_ORDER_ASPECTS, .batch = 3 });
    int64_t k = 0;
    for (int i = 0; i < 14; i++) {
        int height, width;
        df_training_set_size(set, i, &height, &width);
        const int g = width < height ? 0 : 1;
        bucket[g][n[g]++] = i;
        if (n[g] == 3) {
            cr_assert_eq(df_order_batch(order, k++, sample), 3);
            cr_expect_arr_eq(sample, bucket[g], 3 * sizeof *sample);
            n[g] = 0;
        }
    }
    int left[8], n_left = 0;
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < n[g]; i++)
            left[n_left++] = bucket[g][i];
    for (int at = 0; at < n_left; at += 3) {
        const int m = n_left - at < 3 ? n_left - at : 3;
        cr_assert_eq(df_order_batch(order, k++, sample), m);
        cr_expect_arr_eq(sample, left + at, (size_t)m * sizeof *sample);
    }
    cr_expect_eq(df_order_epoch_batches(order), k);
    df_order_free(order);
}

Test(order, an_endless_order_goes_on_within_a_batch)
{
    int times[14], sample[8];
    DfOrder *order = order_of((DfOrderOptions){ .kind = DF_ORDER_ENDLESS, .shuffle = true, .batch = 4, .seed = 1 });
    count(order, 0, 7, times); /* 28 samples: two epochs */
    for (int i = 0; i < 14; i++)
        cr_expect_eq(times[i], 2);
    cr_expect_eq(df_order_batch(order, 3, sample), 4);
    cr_expect_eq(df_order_epoch_batches(order), 3);
    df_order_free(order);
    order = order_of((DfOrderOptions){ .kind = DF_ORDER_ENDLESS, .shuffle = true, .batch = 35 });
    int many[35], seen[14] = { 0 };
    cr_expect_eq(df_order_batch(order, 0, many), 35, "a batch larger than the set");
    for (int i = 0; i < 28; i++)
        seen[many[i]]++;
    for (int i = 0; i < 14; i++)
        cr_expect_eq(seen[i], 2);
    df_order_free(order);
}

Test(order, parts_of_a_batch_are_the_batch)
{
    for (int n = 0; n < 20; n++)
        for (int ranks = 1; ranks < 6; ranks++) {
            int next = 0;
            for (int rank = 0; rank < ranks; rank++) {
                int first;
                const int part = df_order_part(n, rank, ranks, &first);
                cr_expect(first == next && part >= n / ranks && part <= n / ranks + 1);
                next = first + part;
            }
            cr_expect_eq(next, n);
        }
}

Test(order, too_few_samples_are_an_error)
{
    DfOrder *order;
    cr_expect_eq(df_order_new(&order, &(DfOrderOptions){ .batch = 15, .drop_last = true }, set), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "makes no batch of 15"), "%s", df_error());
    cr_expect_null(order);
    cr_expect_eq(df_order_new(&order, &(DfOrderOptions){ .batch = 0 }, set), DF_EVALUE);
    for (size_t n = 1;; n++) {
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_order_new(&order, &(DfOrderOptions){ .kind = DF_ORDER_GROUPS, .batch = 2 }, set);
        df_memory_fail_at(0, false);
        df_order_free(order);
        cr_expect_eq(df_memory().now, held);
        if (error == DF_OK)
            break;
    }
}

static DfOrderOptions options_of(const char *text)
{
    DfConfig *read;
    DfOrderOptions o = { .seed = 5 };
    cr_assert_eq(df_config_parse(&read, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_expect_eq(df_order_options(&o, df_config_root(read), set), DF_OK, "%s: %s", text, df_error());
    df_config_free(read);
    return o;
}

Test(order, of_a_config)
{
    DfOrderOptions o = options_of("data = dict(samples_per_gpu=3, train=dict())");
    cr_expect(o.kind == DF_ORDER_GROUPS && o.shuffle && !o.drop_last && o.batch == 3 && o.seed == 5);
    o = options_of("args = dict(batch_size=2)\ndata = dict(samples_per_gpu=3, train=dict())");
    cr_expect(o.kind == DF_ORDER_EPOCHS && o.drop_last && o.batch == 2, "DETR's own program");
    o = options_of("train_dataloader = dict(batch_size=4, sampler=dict(type='DefaultSampler', shuffle=True),"
                   " batch_sampler=dict(type='AspectRatioBatchSampler'))");
    cr_expect(o.kind == DF_ORDER_ASPECTS && o.shuffle && !o.drop_last && o.batch == 4);
    o = options_of("train_dataloader = dict(batch_size=2, sampler=dict(type='InfiniteSampler', shuffle=False))");
    cr_expect(o.kind == DF_ORDER_ENDLESS && !o.shuffle);
    o = options_of("train_dataloader = dict(batch_size=2, drop_last=True, sampler=dict(type='DefaultSampler', shuffle=False))");
    cr_expect(o.kind == DF_ORDER_EPOCHS && !o.shuffle && o.drop_last);
    DfConfig *read;
    const char *wrong = "data = dict(samples_per_gpu=0, train=dict())";
    cr_assert_eq(df_config_parse(&read, wrong, strlen(wrong), "c.py", true), DF_OK);
    cr_expect_eq(df_order_options(&o, df_config_root(read), set), DF_EVALUE);
    df_config_free(read);
}
