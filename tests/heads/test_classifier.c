/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_classifier.c -- the loss of a classifier beside torch.nn.functional.cross_entropy in float64:
 * classes, mixtures of two, label smoothing, class weights, one question for each class; what is refused.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "heads/heads.h"

typedef struct {
    DfConfig *config;
    NnModel *model;
    DfCtx *c;
    DfTensor *logits;
    DfAnnotations objects[3];
    DfLosses losses;
    int error;
} Step;

/* Three pictures of four classes: the second is a mixture of classes 1 and 3, the third of 0 and 3, mostly 3. */
static Step start(void)
{
    static const float logits[] = { 0.5f, -1.25f, 2, 0.75f, -0.5f, 0.25f, 1.5f, -2, 3, -1, 0.125f, 1 };
    Step s = { 0 };
    cr_assert_eq(nn_model_new(&s.model), DF_OK);
    cr_assert_eq(df_ctx_new(&s.c, NULL), DF_OK);
    s.c->recording = true;
    s.logits = df_from(s.c, DF_SHAPE(3, 4), logits);
    s.logits->wants_grad = true;
    s.objects[0] = (DfAnnotations){ .has_class = true, .image_class = 2 };
    s.objects[1] = (DfAnnotations){ .has_class = true, .image_class = 1, .second_class = 3, .second_share = 0.25f };
    s.objects[2] = (DfAnnotations){ .has_class = true, .image_class = 0, .second_class = 3, .second_share = 0.75f };
    return s;
}

/* `dict` as a config writes it; "None" for no loss. */
static void run(Step *s, const char *dict)
{
    char text[256];
    snprintf(text, sizeof text, "x = %s\n", dict);
    cr_assert_eq(df_config_parse(&s->config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    const DfClassLoss *loss = df_class_loss_new(nn_root(s->model), df_node_get(df_config_root(s->config), "x"));
    const DfLossBatch batch = { .n = 3, .objects = s->objects };
    df_class_losses(s->c, loss, s->logits, &batch, &s->losses);
    s->error = df_ctx_error(s->c);
    if (s->error == DF_OK)
        df_backward(s->c, s->losses.total, NULL);
}

static void end(Step *s)
{
    df_ctx_free(s->c);
    nn_model_free(s->model);
    df_config_free(s->config);
}

static void expect(const char *dict, double wanted)
{
    Step s = start();
    run(&s, dict);
    cr_assert_eq(s.error, DF_OK, "%s", df_error());
    const double got = (double)s.losses.total->data[0];
    cr_expect_leq(fabs(got - wanted), 3e-7 * wanted, "%s: %.9g, want %.9g", dict, got, wanted);
    end(&s);
}

Test(classifier, losses)
{
    expect("None", 1.4377905189707387);
    expect("dict(type='CrossEntropyLoss', loss_weight=2.0)", 2 * 1.4377905189707387);
    expect("dict(type='CrossEntropyLoss', class_weight=[0.5, 1.0, 2.0, 1.5])", 2.010796508475588);
    expect("dict(type='CrossEntropyLoss', reduction='sum')", 3 * 1.4377905189707387);
    expect("dict(type='CrossEntropyLoss', use_sigmoid=True)", 3.2877908458984613);
    expect("dict(type='LabelSmoothLoss', label_smooth_val=0.1)", 1.5075821856374054);
    expect("dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='classy_vision')", 1.501237488667708);
}

Test(classifier, gradient_and_figures)
{
    static const double gradient[] = { 0.039700947, 1.3773e-05, -0.093058624, 0.053343904, 0.022734571, -0.167562579,
                                       0.221229155, -0.076401147, 0.192133493, -0.003287982, 0.007207442, -0.196052952 };
    Step s = start();
    run(&s, "dict(type='LabelSmoothLoss', label_smooth_val=0.1)");
    for (int i = 0; i < 12; i++)
        cr_expect_float_eq((double)s.logits->grad[i], gradient[i], 1e-7, "%d", i);
    cr_assert_eq(s.losses.n, 2);
    cr_expect_str_eq(s.losses.v[0].name, "loss");
    cr_expect_str_eq(s.losses.v[1].name, "accuracy_top-1");
    cr_expect_float_eq((double)s.losses.v[1].figure, 100.0 / 3, 1e-5, "the first picture alone is right");
    end(&s);
}

Test(classifier, what_is_refused)
{
    Step s = start();
    s.objects[1].second_class = 4;
    run(&s, "None");
    cr_expect(s.error == DF_EVALUE && strstr(df_error(), "picture 1 of the batch has class 4: want 0..3"), "%s", df_error());
    end(&s);
    s = start();
    s.objects[2].has_class = false;
    run(&s, "None");
    cr_expect(s.error == DF_EVALUE && strstr(df_error(), "picture 2 of the batch has no class"), "%s", df_error());
    end(&s);
    s = start();
    run(&s, "dict(type='L1Loss')");
    cr_expect(s.error == DF_EVALUE && strstr(df_error(), "loss has type 'L1Loss': want CrossEntropyLoss or LabelSmoothLoss"));
    end(&s);
    s = start();
    run(&s, "dict(type='LabelSmoothLoss', mode='multi_label')");
    cr_expect_eq(s.error, DF_EVALUE);
    end(&s);
}
