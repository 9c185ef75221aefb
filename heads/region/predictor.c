/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/predictor.c -- the last layer of a box or mask head (predictor.h).
 */
#include "heads/region/predictor.h"

#include <string.h>

static const DfOpt plain_opts[] = {
    DF_OPT_AS(Predictor, bias, has_bias, DF_KIND_BOOL, "True", 0, 1, NULL, "the layer has a bias"),
    DF_OPT_END
};
static const DfOpt normed_opts[] = {
    DF_OPT_AS(Predictor, bias, has_bias, DF_KIND_BOOL, "True", 0, 1, NULL, "the layer has a bias"),
    DF_OPT_FLOAT(Predictor, tempearture, 20, -1e6, 1e6, "what the directions are multiplied by"),
    DF_OPT_FLOAT(Predictor, power, 1.0, 0, 100, "exponent of the lengths that are divided by"),
    DF_OPT_FLOAT(Predictor, eps, 1e-6, 0, 1, "added to them"),
    DF_OPT_UNUSED(norm_over_kernel, "a kernel of 1x1 is one pixel"),
    DF_OPT_END
};

void df_predictor_init(NnScope s, Predictor *p, const DfNode *cfg, const char *plain, const char *normed)
{
    const char *type = df_node_text(df_node_get(cfg, "type"), plain);
    p->normed = strcmp(type, normed) == 0;
    if (!p->normed && strncmp(type, plain, strlen(plain)) != 0) /* Conv is Conv2d */
        nn_fail(s, DF_EVALUE, "a predictor has type '%s': want %s or %s", type, plain, normed);
    else
        nn_configure(s, cfg, p->normed ? normed_opts : plain_opts, p, type);
}

/* Weights and input by their directions; a plain layer's as they are. */
static DfTensor *weight_of(DfCtx *c, const Predictor *p, DfTensor *weight)
{
    return p->normed ? df_unit_rows(c, weight, 1, (float)p->power, (float)p->eps) : weight;
}

static DfTensor *input_of(DfCtx *c, const Predictor *p, DfTensor *x)
{
    return p->normed ? df_unit_rows(c, x, (float)p->tempearture, (float)p->power, (float)p->eps) : x;
}

DfTensor *df_predictor_linear(DfCtx *c, const Predictor *p, const NnLinear *l, DfTensor *x)
{
    const DfMark m = df_enter(c, NULL, -1);
    x = input_of(c, p, x);
    return df_leave(c, m, df_linear(c, x, weight_of(c, p, l->weight), l->bias));
}

DfTensor *df_predictor_conv(DfCtx *c, const Predictor *p, const NnConv *l, DfTensor *x)
{
    const DfMark m = df_enter(c, NULL, -1);
    x = input_of(c, p, x);
    return df_leave(c, m, df_conv2d(c, x, weight_of(c, p, l->weight), l->bias, l->conv, (DfFuse){ 0 }));
}
