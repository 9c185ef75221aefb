/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/op_cases.h -- what test_ops.c runs: ops of sizes that are odd or prime, with some large enough for several
 * blocks, and their formulas in float64.
 */
#ifndef DF_TESTS_TENSOR_OP_CASES_H
#define DF_TESTS_TENSOR_OP_CASES_H

#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

enum { INPUTS = 3 };

typedef struct {
    const char *name;
    DfShape in[INPUTS]; /* n == 0: absent */
    DfTensor *(*run)(DfCtx *, DfTensor *const *in);
    /* The element at index i of the result; NULL where test_ops_golden.c has the witness. */
    double (*value)(const float *const *in, const int *i);
    bool kinks; /* no derivative at some places: only the value is checked here */
} Case;

#define S DF_SHAPE

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static DfTensor *tanh_(DfCtx *c, DfTensor *const *in) { return df_tanh(c, in[0]); }
static double tanh_value(const float *const *in, const int *i) { return tanh((double)in[0][i[0] * 19 + i[1]]); }

static DfTensor *sigmoid_(DfCtx *c, DfTensor *const *in) { return df_sigmoid(c, in[0]); }
static double sigmoid_value(const float *const *in, const int *i) { return 1 / (1 + exp(-(double)in[0][i[0] * 5003 + i[1]])); }

static DfTensor *gelu_(DfCtx *c, DfTensor *const *in) { return df_gelu(c, in[0]); }
static double gelu_value(const float *const *in, const int *i)
{
    const double x = (double)in[0][i[0] * 5003 + i[1]];
    return 0.5 * x * erfc(-x / sqrt(2));
}

static DfTensor *gelu_tanh_(DfCtx *c, DfTensor *const *in) { return df_act(c, in[0], DF_ACT_GELU_TANH); }
static double gelu_tanh_value(const float *const *in, const int *i)
{
    const double x = (double)in[0][i[0] * 19 + i[1]];
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979324) * (x + 0.044715 * x * x * x)));
}

static DfTensor *add_(DfCtx *c, DfTensor *const *in) { return df_add(c, in[0], in[1]); }
static double add_value(const float *const *in, const int *i) { return (double)in[0][i[0] * 5003 + i[1]] + (double)in[1][i[0] * 5003 + i[1]]; }
static double add_row_value(const float *const *in, const int *i) { return (double)in[0][(i[0] * 11 + i[1]) * 7 + i[2]] + (double)in[1][i[2]]; }
static double add_map_value(const float *const *in, const int *i)
{
    const int at = i[1] * 1201 + i[2];
    return (double)in[0][i[0] * 13 * 1201 + at] + (double)in[1][at];
}
static DfTensor *add_self(DfCtx *c, DfTensor *const *in) { return df_add(c, in[0], in[0]); }
static double add_self_value(const float *const *in, const int *i) { return 2 * (double)in[0][i[0]]; }

static DfTensor *mul_(DfCtx *c, DfTensor *const *in) { return df_mul(c, in[0], in[1]); }
static double mul_value(const float *const *in, const int *i) { return (double)in[0][i[0] * 19 + i[1]] * (double)in[1][i[0] * 19 + i[1]]; }
static double mul_row_value(const float *const *in, const int *i) { return (double)in[0][i[0] * 19 + i[1]] * (double)in[1][i[1]]; }

static DfTensor *scale_(DfCtx *c, DfTensor *const *in) { return df_scale(c, in[0], -1.75f); }
static double scale_value(const float *const *in, const int *i) { return -1.75 * (double)in[0][i[0]]; }

static DfTensor *clamp_(DfCtx *c, DfTensor *const *in) { return df_clamp(c, in[0], -0.5f, 0.25f); }
static double clamp_value(const float *const *in, const int *i) { return fmin(fmax((double)in[0][i[0]], -0.5), 0.25); }

static DfTensor *sum_(DfCtx *c, DfTensor *const *in) { return df_sum(c, in[0]); }
static double sum_value(const float *const *in, const int *i)
{
    double sum = 0;
    (void)i;
    for (int k = 0; k < 17 * 2999; k++)
        sum += (double)in[0][k];
    return sum;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static DfTensor *softmax_0(DfCtx *c, DfTensor *const *in) { return df_softmax(c, in[0], 0); }
static double softmax_0_value(const float *const *in, const int *i)
{
    double sum = 0;
    for (int k = 0; k < 13; k++)
        sum += exp((double)in[0][k * 37 + i[1]]);
    return exp((double)in[0][i[0] * 37 + i[1]]) / sum;
}
static DfTensor *softmax_last(DfCtx *c, DfTensor *const *in) { return df_softmax(c, in[0], -1); }
static double softmax_last_value(const float *const *in, const int *i)
{
    double sum = 0;
    for (int k = 0; k < 67; k++)
        sum += exp((double)in[0][i[0] * 67 + k]);
    return exp((double)in[0][i[0] * 67 + i[1]]) / sum;
}

static double norm_value(const float *x, int n, int i, double weight, double bias)
{
    double mean = 0, var = 0;
    for (int k = 0; k < n; k++)
        mean += (double)x[k] / n;
    for (int k = 0; k < n; k++)
        var += ((double)x[k] - mean) * ((double)x[k] - mean) / n;
    return ((double)x[i] - mean) / sqrt(var + 1e-5) * weight + bias;
}
static DfTensor *layer_norm(DfCtx *c, DfTensor *const *in) { return df_layer_norm(c, in[0], in[1], in[2], 1e-5f); }
static double layer_norm_value(const float *const *in, const int *i)
{
    return norm_value(in[0] + i[0] * 97, 97, i[1], (double)in[1][i[1]], (double)in[2][i[1]]);
}
static double layer_norm_plain_value(const float *const *in, const int *i) { return norm_value(in[0] + i[0] * 12, 12, i[1], 1, 0); }

static DfTensor *group_norm(DfCtx *c, DfTensor *const *in) { return df_group_norm(c, in[0], 3, in[1], in[2], 1e-5f); }
static DfTensor *group_norm_plain(DfCtx *c, DfTensor *const *in) { return df_group_norm(c, in[0], 1, NULL, NULL, 1e-5f); }

static DfTensor *batch_norm(DfCtx *c, DfTensor *const *in, bool use_batch)
{
    const int n = df_dim(in[0], -1);
    DfTensor *mean = df_zeros(c, DF_SHAPE(n)), *var = df_zeros(c, DF_SHAPE(n));
    for (int i = 0; i < n && !df_skip(c, var); i++)
        var->data[i] = 1 + 0.1f * (float)i;
    return df_batch_norm(c, in[0], in[1], in[2], mean, var, use_batch, 0.1f, 1e-5f);
}
static DfTensor *batch_norm_train(DfCtx *c, DfTensor *const *in) { return batch_norm(c, in, true); }
static DfTensor *batch_norm_eval(DfCtx *c, DfTensor *const *in) { return batch_norm(c, in, false); }

static DfTensor *mean_tokens(DfCtx *c, DfTensor *const *in) { return df_mean_tokens(c, in[0]); }
static double mean_tokens_value(const float *const *in, const int *i)
{
    double sum = 0;
    for (int k = 0; k < 301; k++)
        sum += (double)in[0][(i[0] * 301 + k) * 23 + i[1]];
    return sum / 301;
}

static DfTensor *unit_rows(DfCtx *c, DfTensor *const *in) { return df_unit_rows(c, in[0], 20, 1.5f, 1e-2f); }
static DfTensor *standard_rows(DfCtx *c, DfTensor *const *in) { return df_standard_rows(c, in[0], 1e-2f); }
static double row_sum(const float *x, int n, double less, double power)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += pow(fabs((double)x[i] - less), power) * (power == 1 && (double)x[i] < less ? -1 : 1);
    return sum;
}
static double unit_rows_value(const float *const *in, const int *i)
{
    const float *x = in[0] + 67 * i[0];
    return 20 * (double)x[i[1]] / (pow(sqrt(row_sum(x, 67, 0, 2)), 1.5) + 1e-2);
}
static double standard_rows_value(const float *const *in, const int *i)
{
    const float *x = in[0] + 67 * i[0];
    const double mean = row_sum(x, 67, 0, 1) / 67;
    return ((double)x[i[1]] - mean) / (sqrt(row_sum(x, 67, mean, 2) / 66) + 1e-2);
}

/* ---- moving data ------------------------------------------------------------------------------------------------- */

static DfTensor *reshape(DfCtx *c, DfTensor *const *in) { return df_reshape(c, in[0], S(7, -1)); }
static double reshape_value(const float *const *in, const int *i) { return (double)in[0][i[0] * 15 + i[1]]; }
static DfTensor *select(DfCtx *c, DfTensor *const *in) { return df_select(c, in[0], 2); }
static double select_value(const float *const *in, const int *i) { return (double)in[0][(2 * 5 + i[0]) * 7 + i[1]]; }

static DfTensor *permute_heads(DfCtx *c, DfTensor *const *in) { return df_permute(c, in[0], S(2, 0, 3, 1, 4)); }
static double permute_heads_value(const float *const *in, const int *i) /* from 2 11 3 5 7 */
{
    return (double)in[0][(((i[1] * 11 + i[3]) * 3 + i[0]) * 5 + i[2]) * 7 + i[4]];
}
static DfTensor *permute_last(DfCtx *c, DfTensor *const *in) { return df_permute(c, in[0], S(3, 0, 2, 1)); }
static double permute_last_value(const float *const *in, const int *i) /* from 3 5 7 11 */
{
    return (double)in[0][((i[1] * 5 + i[3]) * 7 + i[2]) * 11 + i[0]];
}
static DfTensor *channels_last(DfCtx *c, DfTensor *const *in) { return df_permute(c, in[0], S(0, 2, 3, 1)); }
static double channels_last_value(const float *const *in, const int *i) /* from 2 3 29 31 */
{
    return (double)in[0][((i[0] * 3 + i[3]) * 29 + i[1]) * 31 + i[2]];
}
static DfTensor *transpose(DfCtx *c, DfTensor *const *in) { return df_transpose(c, in[0]); }
static double transpose_value(const float *const *in, const int *i) { return (double)in[0][(i[0] * 307 + i[2]) * 269 + i[1]]; }

static DfTensor *slice_1(DfCtx *c, DfTensor *const *in) { return df_slice(c, in[0], 1, 2, 4); }
static double slice_1_value(const float *const *in, const int *i) { return (double)in[0][(i[0] * 7 + i[1] + 2) * 5 + i[2]]; }
static DfTensor *slice_0(DfCtx *c, DfTensor *const *in) { return df_slice(c, in[0], 0, 1, 2); }
static double slice_0_value(const float *const *in, const int *i) { return (double)in[0][((i[0] + 1) * 7 + i[1]) * 5 + i[2]]; }

static const int some_rows[5] = { 20, 3, 3, 0, 11 };
static DfTensor *gather(DfCtx *c, DfTensor *const *in) { return df_gather_rows(c, in[0], some_rows, 5); }
static double gather_value(const float *const *in, const int *i) { return (double)in[0][some_rows[i[0]] * 5 + i[1]]; }

static DfTensor *concat_1(DfCtx *c, DfTensor *const *in) { return df_concat(c, in, 3, 1); }
static double concat_1_value(const float *const *in, const int *i)
{
    const int j = i[1];
    return j < 2 ? (double)in[0][(i[0] * 2 + j) * 7 + i[2]]
         : j < 7 ? (double)in[1][(i[0] * 5 + j - 2) * 7 + i[2]]
                 : (double)in[2][(i[0] * 1 + j - 7) * 7 + i[2]];
}
static DfTensor *concat_last(DfCtx *c, DfTensor *const *in) { return df_concat(c, in, 2, -1); }
static double concat_last_value(const float *const *in, const int *i)
{
    return i[1] < 11 ? (double)in[0][i[0] * 11 + i[1]] : (double)in[1][i[0] * 3 + i[1] - 11];
}

static double pixel(const float *x, int n, int y, int z, int C, int H, int W, int channel) /* 0 outside */
{
    return y < 0 || y >= H || z < 0 || z >= W ? 0 : (double)x[((n * H + y) * W + z) * C + channel];
}
static DfTensor *pad_(DfCtx *c, DfTensor *const *in) { return df_pad2d(c, in[0], (int[]){ 1, 2, 3, 0 }, 0); }
static double pad_value(const float *const *in, const int *i) { return pixel(in[0], i[0], i[1] - 1, i[2] - 3, 3, 5, 7, i[3]); }
static DfTensor *crop(DfCtx *c, DfTensor *const *in) { return df_pad2d(c, in[0], (int[]){ -1, 2, 1, -3 }, 0); }
static double crop_value(const float *const *in, const int *i) { return pixel(in[0], i[0], i[1] + 1, i[2] - 1, 3, 5, 7, i[3]); }

static int wrap(int i, int n) { return (i % n + n) % n; }
static DfTensor *roll(DfCtx *c, DfTensor *const *in) { return df_roll2d(c, in[0], -3, 9); }
static double roll_value(const float *const *in, const int *i) { return pixel(in[0], i[0], wrap(i[1] + 3, 5), wrap(i[2] - 9, 7), 3, 5, 7, i[3]); }

static DfTensor *partition(DfCtx *c, DfTensor *const *in) { return df_window_partition(c, in[0], 3); }
static double partition_value(const float *const *in, const int *i)
{
    const int n = i[0] / 6, y = i[0] % 6 / 3 * 3 + i[1] / 3, x = i[0] % 3 * 3 + i[1] % 3;
    return pixel(in[0], n, y, x, 5, 6, 9, i[2]);
}
static DfTensor *there_and_back(DfCtx *c, DfTensor *const *in) { return df_window_reverse(c, df_window_partition(c, in[0], 3), 3, 6, 9); }
static double same_map_value(const float *const *in, const int *i) { return pixel(in[0], i[0], i[1], i[2], 5, 6, 9, i[3]); }

static DfTensor *merge(DfCtx *c, DfTensor *const *in) { return df_space_to_depth(c, in[0]); }
static double merge_value(const float *const *in, const int *i) /* Swin: x[0::2,0::2], x[1::2,0::2], x[0::2,1::2], x[1::2,1::2] */
{
    const int part = i[3] / 3;
    return pixel(in[0], i[0], 2 * i[1] + part % 2, 2 * i[2] + part / 2, 3, 5, 7, i[3] % 3);
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

static DfTensor *resize_bilinear(DfCtx *c, DfTensor *const *in) { return df_interpolate(c, in[0], 9, 4, DF_BILINEAR, false); }
static DfTensor *resize_corners(DfCtx *c, DfTensor *const *in) { return df_interpolate(c, in[0], 11, 13, DF_BILINEAR, true); }
static DfTensor *resize_bicubic(DfCtx *c, DfTensor *const *in) { return df_interpolate(c, in[0], 9, 4, DF_BICUBIC, true); }
static DfTensor *resize_nearest(DfCtx *c, DfTensor *const *in) { return df_interpolate(c, in[0], 10, 3, DF_NEAREST, false); }
static double resize_nearest_value(const float *const *in, const int *i) { return pixel(in[0], i[0], i[1] * 5 / 10, i[2] * 7 / 3, 3, 5, 7, i[3]); }

/* Rows -1 .. 9 of a map of 9: zeros, the map, zeros. */
static DfTensor *resize_strip(DfCtx *c, DfTensor *const *in) { return df_interpolate_concat(c, in, 2, 9, 4, -1, 11, false); }
static double enlarged(const float *x, int n, int y, int x_out, int H, int W, int C, int channel) /* to 9 x 4 */
{
    const double at_y = fmax((y + 0.5) * H / 9 - 0.5, 0), at_x = fmax((x_out + 0.5) * W / 4 - 0.5, 0);
    const int y0 = (int)at_y, x0 = (int)at_x, y1 = y0 + 1 < H ? y0 + 1 : y0, x1 = x0 + 1 < W ? x0 + 1 : x0;
    const double b = at_y - y0, a = at_x - x0;
    return (1 - b) * ((1 - a) * pixel(x, n, y0, x0, C, H, W, channel) + a * pixel(x, n, y0, x1, C, H, W, channel)) +
           b * ((1 - a) * pixel(x, n, y1, x0, C, H, W, channel) + a * pixel(x, n, y1, x1, C, H, W, channel));
}
static double resize_strip_value(const float *const *in, const int *i)
{
    if (i[1] == 0 || i[1] == 10)
        return 0;
    return i[3] < 3 ? enlarged(in[0], i[0], i[1] - 1, i[2], 5, 7, 3, i[3]) : enlarged(in[1], i[0], i[1] - 1, i[2], 3, 2, 2, i[3] - 3);
}

static DfTensor *avg_pool(DfCtx *c, DfTensor *const *in) { return df_avg_pool2d(c, in[0], (int[]){ 3, 2 }, (int[]){ 2, 2 }, (int[]){ 1, 1 }, true, true); }
static double avg_pool_value(const float *const *in, const int *i)
{
    double sum = 0;
    int n = 0;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 2; b++) {
            const int y = 2 * i[1] - 1 + a, x = 2 * i[2] - 1 + b;
            if (y < 5 + 1 && x < 7 + 1) /* padding counts, what lies behind it does not */
                n++;
            sum += pixel(in[0], i[0], y, x, 3, 5, 7, i[3]);
        }
    return sum / n;
}
static DfTensor *avg_pool_inside(DfCtx *c, DfTensor *const *in) { return df_avg_pool2d(c, in[0], (int[]){ 3, 3 }, (int[]){ 2, 2 }, (int[]){ 1, 1 }, false, false); }
static double avg_pool_inside_value(const float *const *in, const int *i)
{
    double sum = 0;
    int n = 0;
    for (int y = 2 * i[1] - 1; y < 2 * i[1] + 2; y++)
        for (int x = 2 * i[2] - 1; x < 2 * i[2] + 2; x++) {
            n += y >= 0 && y < 5 && x >= 0 && x < 7;
            sum += pixel(in[0], i[0], y, x, 3, 5, 7, i[3]);
        }
    return sum / n;
}
static DfTensor *adaptive(DfCtx *c, DfTensor *const *in) { return df_adaptive_avg_pool2d(c, in[0], 3, 4); }
static DfTensor *max_pool(DfCtx *c, DfTensor *const *in) { return df_max_pool2d(c, in[0], (int[]){ 3, 2 }, (int[]){ 2, 3 }, (int[]){ 1, 0 }, true); }
static double max_pool_value(const float *const *in, const int *i)
{
    double best = -INFINITY;
    for (int y = 2 * i[1] - 1; y < 2 * i[1] + 2; y++)
        for (int x = 3 * i[2]; x < 3 * i[2] + 2; x++)
            if (y >= 0 && y < 5 && x < 7)
                best = fmax(best, pixel(in[0], i[0], y, x, 3, 5, 7, i[3]));
    return best;
}

static DfTensor *sample_groups(DfCtx *c, DfTensor *const *in) { return df_grid_sample(c, in[0], in[1], 2, DF_PAD_ZEROS, true); }
static double sample_groups_value(const float *const *in, const int *i) /* 2 5 7 6 at 4 3 11 2 */
{
    const float *g = in[1] + (((i[0] * 2 + i[3] / 3) * 3 + i[1]) * 11 + i[2]) * 2;
    const double x = ((double)g[0] + 1) * 3, y = ((double)g[1] + 1) * 2, u = x - floor(x), v = y - floor(y);
    const int a = (int)floor(y), b = (int)floor(x);
    return (1 - v) * ((1 - u) * pixel(in[0], i[0], a, b, 6, 5, 7, i[3]) + u * pixel(in[0], i[0], a, b + 1, 6, 5, 7, i[3])) +
           v * ((1 - u) * pixel(in[0], i[0], a + 1, b, 6, 5, 7, i[3]) + u * pixel(in[0], i[0], a + 1, b + 1, 6, 5, 7, i[3]));
}
static DfTensor *sample_wide(DfCtx *c, DfTensor *const *in) { return df_grid_sample(c, in[0], in[1], 1, DF_PAD_ZEROS, false); }

static DfTensor *cosine_qkv(DfCtx *c, DfTensor *const *in) { return df_cosine_qkv(c, in[0], in[1]); }

/* ---- attention that drops weights: the same ones in every call --------------------------------------------------- */

static void drops(DfCtx *c)
{
    c->training = true;
    df_ctx_seed(c, 1, 2, 0);
}

static DfTensor *window_drop(DfCtx *c, DfTensor *const *in)
{
    drops(c);
    return df_window_attention(c, in[0], in[1], in[2],
                               (DfWindowAttention){ .window = 3, .shift = 1, .heads = 2, .scale = 0.5f, .drop = 0.4f });
}

static DfTensor *deform_drop(DfCtx *c, DfTensor *const *in)
{
    drops(c);
    return df_deform_attention(c, in[0], in[1], in[2], NULL, NULL,
                               (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 0.5f, .drop = 0.4f });
}

static DfTensor *neighborhood_drop(DfCtx *c, DfTensor *const *in)
{
    drops(c);
    return df_neighborhood_attention(c, in[0], in[1], (DfNeighborhoodAttention){
        .window = 3, .dilation = 1, .heads = 2, .scale = 0.5f, .drop = 0.4f });
}

static DfTensor *focal_drop(DfCtx *c, DfTensor *const *in)
{
    drops(c);
    DfTensor *neighbors = df_zeros(c, S(1, 2, 9, 20)), *pooled = df_slice(c, df_slice(c, in[0], 1, 0, 2), 2, 0, 2);
    DfTensor *table = df_zeros(c, S(2, 25));
    return df_focal_attention(c, in[0], in[1], in[2], neighbors, &pooled, &table, (DfFocalAttention){
        .window = 3, .heads = 2, .expand = 1, .levels = 1, .focal_window = 3, .scale = 0.5f, .drop = 0.4f });
}

#endif
