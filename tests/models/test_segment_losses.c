/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_segment_losses.c -- losses of segmentation heads: their names, both ways of computing them, hard
 * pixels, what is refused. Values beside mmseg are in test_training_pixels.c and tests/heads/test_apply_loss.c.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"

enum { SIDE = 32, CLASSES = 4 };

typedef struct {
    DfConfig *config;
    DfModel *model;
    DfCtx *c;
    uint8_t map[2 * SIDE * SIDE];
    DfAnnotations objects[2];
    DfLosses losses;
    int error;
} Step;

/* `decode` and `auxiliary`: what stands in the heads' dicts besides their size. */
static void open_step(Step *s, const char *decode, const char *auxiliary)
{
    char text[4096];
    snprintf(text, sizeof text,
             "model = dict(type='EncoderDecoder', backbone=dict(type='ResNet', depth=18, stem_channels=4, base_channels=4),\n"
             "    decode_head=dict(type='FCNHead', in_channels=8, in_index=1, channels=8, num_convs=1, concat_input=False, dropout_ratio=0.0,\n"
             "        num_classes=4, %s), auxiliary_head=%s)\n", decode, auxiliary);
    *s = (Step){ 0 };
    cr_assert_eq(df_config_parse(&s->config, text, strlen(text), "segmentor", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&s->model, df_config_root(s->config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(s->model, 4), DF_OK);
    cr_assert_eq(nn_model_train(df_model_weights(s->model)), DF_OK);
    cr_assert_eq(df_ctx_new(&s->c, NULL), DF_OK);
    s->c->recording = s->c->training = true;
    for (int i = 0; i < 2 * SIDE * SIDE; i++)
        s->map[i] = i % 9 == 0 ? 255 : (uint8_t)(i / 7 % CLASSES);
    for (int i = 0; i < 2; i++)
        s->objects[i] = (DfAnnotations){ .map = { SIDE, SIDE, s->map + i * SIDE * SIDE, NULL } };
}

static void run(Step *s)
{
    static float pixels[2 * SIDE * SIDE * 3];
    for (int i = 0; i < 2 * SIDE * SIDE * 3; i++)
        pixels[i] = sinf(0.37f * (float)i);
    const DfLossBatch batch = { .n = 2, .objects = s->objects };
    s->error = df_model_losses(s->model, s->c, df_from(s->c, DF_SHAPE(2, SIDE, SIDE, 3), pixels), &batch, &s->losses);
    if (s->error == DF_OK)
        df_backward(s->c, s->losses.total, NULL);
}

static void close_step(Step *s)
{
    df_ctx_free(s->c);
    df_model_free(s->model);
    df_config_free(s->config);
}

static double value(const Step *s, const char *name)
{
    for (int i = 0; i < s->losses.n; i++)
        if (strcmp(s->losses.v[i].name, name) == 0)
            return s->losses.v[i].loss ? (double)s->losses.v[i].loss->data[0] : (double)s->losses.v[i].figure;
    cr_assert_fail("no loss is called %s", name);
    return NAN;
}

/* ---- names -------------------------------------------------------------------------------------------------------------- */

#define CE "dict(type='CrossEntropyLoss')"
#define AUXILIARY(losses) \
    "dict(type='FCNHead', in_channels=8, in_index=1, channels=8, num_convs=1, concat_input=False, dropout_ratio=0.0, num_classes=4, " losses ")"

Test(segment_losses, names_of_heads)
{
    Step s;
    open_step(&s, "loss_decode=" CE, "[" AUXILIARY("") ", " AUXILIARY("loss_decode=dict(type='CrossEntropyLoss', loss_name='loss_mine')") "]");
    run(&s);
    cr_assert_eq(s.error, DF_OK, "%s", df_error());
    const double sum = value(&s, "decode.loss_ce") + value(&s, "aux_0.loss_ce") + value(&s, "aux_1.loss_mine");
    cr_expect_float_eq((double)s.losses.total->data[0], sum, 1e-6 * sum);
    cr_expect(value(&s, "decode.acc_seg") >= 0 && value(&s, "aux_1.acc_seg") <= 100);
    close_step(&s);
}

/* Losses of one name are added up; what is not called a loss is not learnt. */
Test(segment_losses, names_of_losses)
{
    Step s, t;
    open_step(&s, "loss_decode=" CE, "None");
    open_step(&t, "loss_decode=[dict(type='CrossEntropyLoss', loss_weight=0.25), dict(type='CrossEntropyLoss', loss_weight=0.75),\n"
                  "    dict(type='CrossEntropyLoss', loss_name='watched')]", "None");
    run(&s);
    run(&t);
    cr_assert_eq(t.error, DF_OK, "%s", df_error());
    const double one = value(&s, "decode.loss_ce");
    cr_expect_float_eq(value(&t, "decode.loss_ce"), one, 1e-6 * one);
    cr_expect_float_eq(value(&t, "decode.watched"), one, 1e-6 * one);
    cr_expect_float_eq((double)t.losses.total->data[0], one, 1e-6 * one);
    close_step(&s);
    close_step(&t);
}

/* ---- with scores of the large size, and without ---------------------------------------------------------------------------- */

/* A second loss that counts nothing makes the head compute its scores at the size of the picture. */
static void both_ways(const char *loss, const char *others)
{
    char plain[512], large[1024];
    Step s, t;
    snprintf(plain, sizeof plain, "loss_decode=%s%s", loss, others);
    snprintf(large, sizeof large, "loss_decode=[%s, dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=0.0, loss_name='loss_none')]%s",
             loss, others);
    open_step(&s, plain, "None");
    open_step(&t, large, "None");
    run(&s);
    run(&t);
    cr_assert(s.error == DF_OK && t.error == DF_OK, "%s", df_error());
    const double one = value(&s, "decode.loss_ce");
    cr_expect_float_eq(value(&t, "decode.loss_ce"), one, 2e-6 * one, "%s%s: %g and %g", loss, others, value(&t, "decode.loss_ce"), one);
    cr_expect_eq(value(&s, "decode.acc_seg"), value(&t, "decode.acc_seg"));
    const NnTrained x = nn_model_trained(df_model_weights(s.model)), y = nn_model_trained(df_model_weights(t.model));
    double off = 0, most = 0;
    for (size_t i = 0; i < x.n; i++) {
        off = fmax(off, fabs((double)(x.gradients[i] - y.gradients[i])));
        most = fmax(most, fabs((double)x.gradients[i]));
    }
    cr_expect_leq(off, 1e-5 * most, "%s%s: gradients are %g apart, of %g", loss, others, off, most);
    close_step(&s);
    close_step(&t);
}

Test(segment_losses, both_ways_are_the_same)
{
    both_ways(CE, "");
    both_ways(CE, ", align_corners=True");
    both_ways("dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.4)", "");
    both_ways("dict(type='CrossEntropyLoss', class_weight=[0.5, 2.0, 1.0, 0.0])", "");
    both_ways("dict(type='CrossEntropyLoss', reduction='sum')", "");
    both_ways(CE, ", sampler=dict(type='OHEMPixelSampler', thresh=0.3, min_kept=200)");
}

static double of_sampler(const char *sampler)
{
    char decode[256];
    Step s;
    snprintf(decode, sizeof decode, "loss_decode=" CE ", sampler=%s", sampler);
    open_step(&s, decode, "None");
    run(&s);
    cr_assert_eq(s.error, DF_OK, "%s", df_error());
    const double loss = value(&s, "decode.loss_ce");
    close_step(&s);
    return loss;
}

/* By their losses: the worst tenth of the pixels has more than a tenth of the loss, all of them have all of it. */
Test(segment_losses, the_worst_pixels)
{
    const double all = of_sampler("None"), worst = of_sampler("dict(type='OHEMPixelSampler', min_kept=91)");
    cr_expect_eq(of_sampler("dict(type='OHEMPixelSampler', min_kept=1000000)"), all);
    cr_expect(worst > 0.1 * all && worst < 0.5 * all, "%g of %g", worst, all);
}

/* ---- what is met in the world ------------------------------------------------------------------------------------------------ */

Test(segment_losses, nothing_counts)
{
    Step s;
    open_step(&s, "loss_decode=[" CE ", dict(type='LovaszLoss', per_image=True)]", AUXILIARY("loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)"));
    memset(s.map, 255, sizeof s.map);
    run(&s);
    cr_assert_eq(s.error, DF_OK, "%s", df_error());
    cr_expect(value(&s, "decode.loss_ce") == 0 && value(&s, "aux.loss_ce") == 0 && value(&s, "decode.loss_lovasz") == 0);
    cr_expect_eq(value(&s, "decode.acc_seg"), 0);
    close_step(&s);
}

/* A map that ends before the picture: the rest is padding. */
Test(segment_losses, a_smaller_map)
{
    Step s, t;
    open_step(&s, "loss_decode=" CE, "None");
    open_step(&t, "loss_decode=" CE, "None");
    for (int i = 20 * SIDE; i < SIDE * SIDE; i++)
        t.map[i] = 255;
    s.objects[0].map.height = 20;
    run(&s);
    run(&t);
    cr_assert_eq(s.error, DF_OK, "%s", df_error());
    cr_expect_eq(value(&s, "decode.loss_ce"), value(&t, "decode.loss_ce"));
    close_step(&s);
    close_step(&t);
}

static void refused(Step *s, const char *sentence)
{
    run(s);
    cr_expect_lt(s->error, 0);
    cr_expect(strstr(df_error(), sentence), "says: %s", df_error());
    close_step(s);
}

Test(segment_losses, what_is_refused)
{
    Step s;
    open_step(&s, "loss_decode=" CE, "None");
    s.map[5] = 4;
    refused(&s, "a pixel has label 4: want 0..3, or 255 for what does not count");
    open_step(&s, "loss_decode=" CE, "None");
    s.objects[1].map = (DfLabelMap){ 0 };
    refused(&s, "picture 1 of the batch has no label map");
    open_step(&s, "loss_decode=" CE, "None");
    s.objects[1].map.height = SIDE + 1;
    refused(&s, "a label map of 33x32 for an input of 32x32");
    open_step(&s, "loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0])", "None");
    refused(&s, "class_weight has 2 numbers for 4 classes");
    open_step(&s, "loss_decode=dict(type='LovaszLoss')", "None");
    refused(&s, "LovaszLoss without per_image: want reduction='none'");
    open_step(&s, "loss_decode=dict(type='TverskyLoss')", "None");
    refused(&s, "TverskyLoss is not built in");
    open_step(&s, "loss_decode=[]", "None");
    refused(&s, "loss_decode is empty");
    open_step(&s, "loss_decode=dict(type='DiceLoss'), sampler=dict(type='OHEMPixelSampler')", "None");
    refused(&s, "DiceLoss");
}
