/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_quantised.c -- weights of 8 bits: written, read again to the same numbers, and files that are not what
 * they should be, each refused with one sentence.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/nn.h"

static NnLinear linear;
static NnConv conv;

static NnModel *new_model(uint64_t seed)
{
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK);
    NnScope root = nn_root(model);
    nn_linear_init(nn_at(root, "fc"), &linear, 5, 3, true);
    nn_conv_init(nn_at(root, "conv"), &conv, 2, 4, (NnConvShape){ .kernel = 3, .padding = 1 });
    cr_assert_eq(nn_model_init(model, seed), DF_OK);
    return model;
}

static const char *path(void)
{
    static char text[64];
    if (!text[0]) {
        snprintf(text, sizeof text, "/tmp/deformer-load-XXXXXX");
        const int descriptor = mkstemp(text);
        cr_assert_geq(descriptor, 0);
        close(descriptor);
        unlink(text);
        snprintf(text + strlen(text), 16, ".safetensors");
    }
    return text;
}

static int load(NnModel *model, const char *from)
{
    DfCheckpoint *file;
    NnReport report;
    cr_assert_eq(df_checkpoint_open(&file, from, NULL), DF_OK, "%s", df_error());
    const int error = nn_model_load(model, file, NULL, &report);
    nn_report_free(&report);
    df_checkpoint_close(file);
    return error;
}

Test(quantised, written_and_read_again)
{
    NnModel *a = new_model(1);
    NnParam *w = nn_model_find(a, "conv.weight");
    cr_assert_eq(nn_param_quantise(a, w, -1.5f, 3), DF_OK);
    cr_assert_eq(nn_model_save(a, path(), NULL, 0), DF_OK, "%s", df_error());
    NnModel *b = new_model(2);
    cr_assert_eq(load(b, path()), DF_OK, "%s", df_error());
    const DfTensor *x = w->tensor, *y = nn_model_find(b, "conv.weight")->tensor;
    const DfQuantization *p = x->quantization, *q = y->quantization;
    cr_assert_eq(nn_model_quantised(b), 1);
    cr_assert(q->range[0] == -1.5f && q->range[1] == 3 && q->step == p->step && q->zero == 85);
    cr_assert(memcmp(p->scale, q->scale, 4 * sizeof *p->scale) == 0);
    for (size_t i = 0; i < df_size(x); i++) { /* rows of 18 */
        cr_assert_float_eq(y->data[i], x->data[i], 0.5001f * p->scale[i / 18]);
        cr_assert_eq(df_int8_of(x->data[i], p->scale[i / 18]), df_int8_of(y->data[i], q->scale[i / 18]));
    }
    cr_assert_null(nn_model_find(b, "fc.weight")->tensor->quantization);
    cr_assert_eq(nn_model_train(b), DF_OK); /* numbers that change have no scales */
    cr_assert_eq(nn_model_quantised(b), 0);
    nn_model_free(a);
    nn_model_free(b);
    unlink(path());
}

/* ---- files that are no good -------------------------------------------------------------------------------------------- */

typedef struct {
    int8_t weight[15], of_conv[72];
    float scale[3], of_conv_scale[4], range[2], bias[3], of_conv_bias[4];
    const char *scale_name;
    int64_t scales;
} Numbers;

static Numbers good(void)
{
    Numbers n = { .scale = { 0.1f, 0, 0.3f }, .range = { -1, 2 }, .scale_name = "fc.weight.scale", .scales = 3 };
    for (int i = 0; i < 15; i++)
        n.weight[i] = (int8_t)(i * 17 - 127);
    return n;
}

static int read_back(const Numbers *n)
{
    float zeros[72] = { 0 };
    const DfArray arrays[] = {
        df_array("fc.weight", DF_I8, 2, (int64_t[]){ 3, 5 }, n->weight),
        df_array(n->scale_name, DF_F32, 1, &n->scales, n->scale),
        df_array("fc.weight.input_range", DF_F32, 1, (int64_t[]){ 2 }, n->range),
        df_array("fc.bias", DF_F32, 1, (int64_t[]){ 3 }, n->bias),
        df_array("conv.weight", DF_F32, 4, (int64_t[]){ 4, 2, 3, 3 }, zeros),
        df_array("conv.bias", DF_F32, 1, (int64_t[]){ 4 }, n->of_conv_bias),
    };
    cr_assert_eq(df_checkpoint_write(path(), arrays, 6, NULL, 0), DF_OK, "%s", df_error());
    NnModel *model = new_model(1);
    const int error = load(model, path());
    if (error == DF_OK)
        for (int i = 0; i < 15; i++)
            cr_assert_eq(linear.weight->data[i], (float)n->weight[i] * n->scale[i / 5]);
    nn_model_free(model);
    unlink(path());
    return error;
}

static void refused(const Numbers *n, const char *sentence)
{
    cr_assert_lt(read_back(n), 0);
    cr_assert(strstr(df_error(), sentence), "says: %s", df_error());
}

Test(quantised, files_that_are_no_good)
{
    Numbers n = good();
    cr_assert_eq(read_back(&n), DF_OK, "%s", df_error());
    n.scale_name = "fc.weight.scales";
    refused(&n, "fc.weight is of 8 bits, and fc.weight.scale is missing: want a file of deformer quantize");
    n = good();
    n.scales = 2;
    refused(&n, "fc.weight.scale has another form: want 3 floats");
    n = good();
    n.scale[1] = NAN;
    refused(&n, "fc.weight.scale has nan for row 1: want a number of 0 or more");
    n.scale[1] = -0.25f;
    refused(&n, "fc.weight.scale has -0.25 for row 1: want a number of 0 or more");
    n = good();
    n.range[0] = 0.5f;
    refused(&n, "fc.weight.input_range is 0.5 to 2: want two numbers with 0 between them");
    n.range[0] = -INFINITY;
    refused(&n, "fc.weight.input_range is -inf to 2");
    n.range[0] = n.range[1] = 0;
    refused(&n, "fc.weight.input_range is 0 to 0");
    n = good();
    n.weight[7] = -128;
    refused(&n, "fc.weight has -128 in row 1: want whole numbers of -127 to 127");
}
