/* SPDX-License-Identifier: Apache-2.0
 *
 * A detector's whole output has the same bits for any number of threads: every map on the way, and the detections.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "models/models.h"
#include "tests/whole/tiny.h"

/* What a run said: a name and all values of each output, one behind the other. */
typedef struct {
    char *bytes;
    size_t n, capacity, outputs;
} Record;

static void put(Record *r, const void *bytes, size_t size)
{
    const char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        cr_assert(df_grow((void **)&r->bytes, &r->capacity, r->n, 1));
        r->bytes[r->n++] = at[i];
    }
}

static void hear(void *user, const char *name, const DfTensor *x)
{
    Record *r = user;
    put(r, name, strlen(name) + 1);
    put(r, x->data, df_size(x) * sizeof *x->data);
    r->outputs++;
}

static void detect(Record *r, const DfModel *model, DfCtx *c, int batch, int H, int W)
{
    DfRandom random = df_random(7, (uint64_t)batch);
    DfDetections found[2] = { { 0 } };
    const DfImageMeta meta = { .ori_h = H, .ori_w = W, .img_h = H, .img_w = W, .pad_h = H, .pad_w = W, .scale_factor = { 1, 1, 1, 1 } };
    const DfImageMeta metas[2] = { meta, meta };
    df_reset(c);
    DfTensor *image = df_zeros(c, DF_SHAPE(batch, H, W, 3));
    for (size_t i = 0; i < df_size(image); i++)
        image->data[i] = (float)(4 * df_uniform(&random) - 2);
    df_listen(c, hear, true, r);
    cr_assert_eq(df_model_detect(model, c, image, metas, batch, true, found), DF_OK, "%s", df_error());
    for (int i = 0; i < batch; i++) {
        cr_assert_gt(found[i].n, 0, "nothing was detected");
        for (size_t k = 0; k < found[i].n; k++) {
            put(r, found[i].v[k].box, sizeof found[i].v[k].box);
            put(r, &found[i].v[k].score, sizeof found[i].v[k].score);
            put(r, &found[i].v[k].label, sizeof found[i].v[k].label);
        }
        df_free(found[i].v);
    }
}

static Record run_on(int threads, const char *text)
{
    Record r = { 0 };
    DfPool *pool;
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK, "%s", df_error());
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "tiny.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(model, 3), DF_OK, "%s", df_error());
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK, "%s", df_error());
    detect(&r, model, c, 1, 64, 96);
    detect(&r, model, c, 2, 224, 160);
    df_ctx_free(c);
    df_model_free(model);
    df_config_free(config);
    df_pool_free(pool);
    return r;
}

Test(threads, do_not_change_a_bit_of_a_detector)
{
    const Record one = run_on(1, tiny_config);
    cr_assert_gt(one.outputs, 60);
    for (int threads = 2; threads <= 5; threads++) {
        const Record more = run_on(threads, tiny_config);
        cr_assert_eq(more.n, one.n);
        cr_assert(memcmp(more.bytes, one.bytes, one.n) == 0, "%d threads give other bits", threads);
        df_free(more.bytes);
    }
    df_free(one.bytes);
}
