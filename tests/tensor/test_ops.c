/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_ops.c -- one table of ops, many uses: values against a formula in float64, gradients against
 * central differences, equal bits for 1 and 3 threads, agreement of the rungs, every allocation failing, dry contexts.
 * The sizes are odd or prime, with some large enough for several blocks.
 */
#include <criterion/criterion.h>
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

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* ---- losses: values are witnessed in test_losses.c and in tests/heads/test_apply_loss.c ------------------------------ */

enum { LABELS = 4000 };

/* Labels below C, the first of every nine ignored (255); the same in every call. */
static const int *labels(int C)
{
    static int label[8][LABELS];
    int *of = label[C % 8];
    for (int i = 0; i < LABELS; i++)
        of[i] = i % 9 ? (i * 7 + i / 5) % C : 255;
    return of;
}

static const float *shares(void)
{
    static float share[LABELS];
    for (int i = 0; i < LABELS; i++)
        share[i] = (float)(i % 5) / 4;
    return share;
}

/* Boxes in [0, 1], none of them without an area. */
static DfTensor *boxes_of(DfCtx *c, DfTensor *x) { return df_box_corners(c, df_sigmoid(c, x)); }
static const float *box_targets(void)
{
    static float box[LABELS];
    for (int i = 0; i < LABELS; i++)
        box[i] = i % 4 < 2 ? 0.21f + 0.013f * (float)(i % 11) : 0.63f + 0.017f * (float)(i % 13);
    return box;
}

static DfTensor *iou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), shares(), DF_LOSS_IOU_LOG, 1e-3f); }
static DfTensor *giou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_GIOU, 1e-6f); }
static DfTensor *diou_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_DIOU, 1e-6f); }
static DfTensor *ciou_211_loss(DfCtx *c, DfTensor *const *in) { return df_box_loss(c, boxes_of(c, in[0]), box_targets(), NULL, DF_LOSS_CIOU_211, 1e-6f); }
static DfTensor *bounded_iou(DfCtx *c, DfTensor *const *in) { return df_bounded_iou_loss(c, boxes_of(c, in[0]), box_targets(), shares(), 0.2f, 1e-3f); }
static DfTensor *balanced_l1(DfCtx *c, DfTensor *const *in) { return df_balanced_l1_loss(c, in[0], shares(), NULL, (DfBalancedL1){ 0.5f, 1.5f, 1 }); }
static DfTensor *square_loss(DfCtx *c, DfTensor *const *in) { return df_square_loss(c, in[0], shares(), shares()); }
static DfTensor *focal_each(DfCtx *c, DfTensor *const *in)
{
    return df_sigmoid_focal_loss(c, in[0], labels(5), (DfFocal){ 0.25f, 1.5f, false, true, shares() });
}
static DfTensor *focal_activated(DfCtx *c, DfTensor *const *in)
{
    return df_sigmoid_focal_loss(c, df_sigmoid(c, in[0]), labels(5), (DfFocal){ .alpha = 0.25f, .gamma = 2, .activated = true });
}
static DfTensor *smoothed(DfCtx *c, DfTensor *const *in)
{
    return df_cross_entropy(c, in[0], labels(5), (DfCrossEntropy){ .weight = shares(), .ignore_index = 255, .smoothing = 0.1f });
}
static DfTensor *soft(DfCtx *c, DfTensor *const *in) { return df_soft_cross_entropy(c, in[0], shares(), (DfCrossEntropy){ .weight = shares() }); }
static DfTensor *of_pixels(DfCtx *c, DfTensor *const *in)
{
    return df_pixel_cross_entropy(c, in[0], (DfPixelCrossEntropy){ .height = 37, .width = 21, .label = labels(5), .ignore_index = 255 });
}
static DfTensor *class_dice(DfCtx *c, DfTensor *const *in)
{
    return df_class_dice_loss(c, df_softmax(c, in[0], -1), labels(5), (DfClassDice){ .smooth = 1, .exponent = 2, .ignore_index = 255 });
}
static DfTensor *lovasz(DfCtx *c, DfTensor *const *in)
{
    return df_lovasz_loss(c, df_softmax(c, in[0], -1), labels(5), (DfLovasz){ .per_image = true, .present = true, .ignore_index = 255 });
}
static DfTensor *pick(DfCtx *c, DfTensor *const *in)
{
    static const int channel[] = { 2, 0, 4 };
    return df_pick_channel(c, in[0], channel);
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

static DfTensor *cosine_qkv(DfCtx *c, DfTensor *const *in) { return df_cosine_qkv(c, in[0], in[1]); }

static const Case cases[] = {
    { "cosine_qkv", { S(2, 37, 5, 36), S(4, 1, 1) }, cosine_qkv, NULL, false },
    { "tanh", { S(7, 19) }, tanh_, tanh_value, false },
    { "sigmoid", { S(7, 5003) }, sigmoid_, sigmoid_value, false },
    { "gelu", { S(7, 5003) }, gelu_, gelu_value, false },
    { "gelu_tanh", { S(7, 19) }, gelu_tanh_, gelu_tanh_value, false },
    { "add", { S(11, 5003), S(11, 5003) }, add_, add_value, false },
    { "add a row", { S(5, 11, 7), S(7) }, add_, add_row_value, false },
    { "add a map", { S(3, 13, 1201), S(13, 1201) }, add_, add_map_value, false },
    { "add to itself", { S(31) }, add_self, add_self_value, false },
    { "mul", { S(13, 19), S(13, 19) }, mul_, mul_value, false },
    { "mul by a row", { S(1301, 19), S(19) }, mul_, mul_row_value, false },
    { "scale", { S(37) }, scale_, scale_value, false },
    { "clamp", { S(37) }, clamp_, clamp_value, true },
    { "sum", { S(17, 2999) }, sum_, sum_value, false },
    { "unit_rows", { S(11, 67) }, unit_rows, unit_rows_value, false },
    { "standard_rows", { S(11, 67) }, standard_rows, standard_rows_value, false },
    { "softmax first", { S(13, 37) }, softmax_0, softmax_0_value, false },
    { "softmax last", { S(11, 67) }, softmax_last, softmax_last_value, false },
    { "layer_norm", { S(523, 97), S(97), S(97) }, layer_norm, layer_norm_value, false },
    { "layer_norm plain", { S(5, 12) }, layer_norm, layer_norm_plain_value, false },
    { "group_norm", { S(2, 7, 5, 9), S(9), S(9) }, group_norm, NULL, false },
    { "group_norm plain", { S(3, 211, 5) }, group_norm_plain, NULL, false },
    { "batch_norm train", { S(2, 67, 3, 5), S(5), S(5) }, batch_norm_train, NULL, false },
    { "batch_norm eval", { S(3, 11, 5), S(5), S(5) }, batch_norm_eval, NULL, false },
    { "mean_tokens", { S(3, 7, 43, 23) }, mean_tokens, mean_tokens_value, false },
    { "reshape", { S(3, 5, 7) }, reshape, reshape_value, false },
    { "select", { S(3, 5, 7) }, select, select_value, false },
    { "permute heads", { S(2, 11, 3, 5, 7) }, permute_heads, permute_heads_value, false },
    { "permute the last", { S(3, 5, 7, 11) }, permute_last, permute_last_value, false },
    { "channels last", { S(2, 3, 29, 31) }, channels_last, channels_last_value, false },
    { "transpose", { S(2, 307, 269) }, transpose, transpose_value, false },
    { "slice 1", { S(3, 7, 5) }, slice_1, slice_1_value, false },
    { "gather rows", { S(3, 7, 5) }, gather, gather_value, false },
    { "slice 0", { S(3, 7, 5) }, slice_0, slice_0_value, false },
    { "concat 1", { S(3, 2, 7), S(3, 5, 7), S(3, 1, 7) }, concat_1, concat_1_value, false },
    { "concat last", { S(101, 11), S(101, 3) }, concat_last, concat_last_value, false },
    { "pad", { S(2, 5, 7, 3) }, pad_, pad_value, false },
    { "crop", { S(2, 5, 7, 3) }, crop, crop_value, false },
    { "roll", { S(2, 5, 7, 3) }, roll, roll_value, false },
    { "window_partition", { S(2, 6, 9, 5) }, partition, partition_value, false },
    { "window_reverse", { S(2, 6, 9, 5) }, there_and_back, same_map_value, false },
    { "space_to_depth", { S(2, 5, 7, 3) }, merge, merge_value, false },
    { "bilinear", { S(2, 5, 7, 67) }, resize_bilinear, NULL, false },
    { "bilinear corners", { S(2, 5, 7, 3) }, resize_corners, NULL, false },
    { "bicubic corners", { S(2, 5, 7, 3) }, resize_bicubic, NULL, false },
    { "strip", { S(2, 5, 7, 3), S(2, 3, 2, 2) }, resize_strip, resize_strip_value, false },
    { "nearest", { S(2, 5, 7, 3) }, resize_nearest, resize_nearest_value, false },
    { "avg_pool ceil", { S(2, 5, 7, 3) }, avg_pool, avg_pool_value, false },
    { "avg_pool without padding", { S(2, 5, 7, 3) }, avg_pool_inside, avg_pool_inside_value, false },
    { "adaptive_avg_pool", { S(2, 5, 7, 131) }, adaptive, NULL, false },
    { "max_pool ceil", { S(2, 5, 7, 3) }, max_pool, max_pool_value, true },
    { "grid_sample groups", { S(2, 5, 7, 6), S(4, 3, 11, 2) }, sample_groups, sample_groups_value, true },
    { "grid_sample wide", { S(1, 5, 7, 203), S(1, 3, 11, 2) }, sample_wide, NULL, true },
    { "window attention with dropout", { S(2, 5, 4, 24), S(24), S(25, 2) }, window_drop, NULL, false },
    { "deformable attention with dropout", { S(2, 5, 23, 8), S(2, 53, 8), S(2, 53, 8) }, deform_drop, NULL, false },
    { "neighborhood attention with dropout", { S(2, 5, 6, 24), S(2, 5, 5) }, neighborhood_drop, NULL, false },
    { "iou loss", { S(101, 4) }, iou_loss, NULL, true },
    { "giou loss", { S(101, 4) }, giou_loss, NULL, true },
    { "diou loss", { S(101, 4) }, diou_loss, NULL, true },
    { "ciou loss of mmdet 2.11", { S(101, 4) }, ciou_211_loss, NULL, true },
    { "bounded iou loss", { S(43, 4) }, bounded_iou, NULL, true },
    { "balanced l1 loss", { S(503) }, balanced_l1, NULL, false },
    { "square loss", { S(3000) }, square_loss, NULL, false },
    { "focal loss, weights of each", { S(523, 5) }, focal_each, NULL, false },
    { "focal loss of probabilities", { S(31, 5) }, focal_activated, NULL, false },
    { "cross entropy, smoothed", { S(521, 5) }, smoothed, NULL, false },
    { "cross entropy of shares", { S(521, 5) }, soft, NULL, false },
    { "cross entropy of pixels", { S(2, 5, 7, 5) }, of_pixels, NULL, false },
    { "dice loss of classes", { S(2, 5, 7, 5) }, class_dice, NULL, false },
    { "lovasz loss", { S(2, 5, 7, 5) }, lovasz, NULL, true },
    { "pick_channel", { S(3, 5, 7, 5) }, pick, NULL, false },
    { "focal attention with dropout", { S(2, 5, 6, 24), S(24), S(25, 2) }, focal_drop, NULL, false },
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- running one ------------------------------------------------------------------------------------------------- */

typedef struct {
    DfPool *pool;
    DfCtx *c;
    DfTensor *in[INPUTS], *y;
} Run;

static int n_inputs(const Case *k)
{
    int n = 0;
    while (n < INPUTS && k->in[n].n)
        n++;
    return n;
}

static float noise(DfRandom *random)
{
    return (float)df_normal(random);
}

static DfTensor *random_tensor(DfCtx *c, DfShape shape, DfRandom *random)
{
    DfTensor *x = df_new(c, shape);
    for (size_t i = 0; !df_skip(c, x) && i < df_size(x); i++)
        x->data[i] = noise(random);
    return x;
}

/* Forward, and backward from a random seed. */
static Run start(const Case *k, const char *rung, int threads)
{
    Run r = { 0 };
    cr_assert_eq(df_pool_new(&r.pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r.c, r.pool), DF_OK);
    r.c->k = df_kernels_named(rung);
    r.c->recording = true;
    DfRandom random = df_random(7, df_hash(k->name));
    for (int i = 0; i < n_inputs(k); i++) {
        r.in[i] = random_tensor(r.c, k->in[i], &random);
        r.in[i]->wants_grad = true;
    }
    r.y = k->run(r.c, r.in);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s: %s", k->name, df_error());
    const DfTensor *seed = random_tensor(r.c, r.y->shape, &random);
    df_backward(r.c, r.y, seed->data);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s: %s", k->name, df_error());
    return r;
}

static void stop(Run *r)
{
    df_ctx_free(r->c);
    df_pool_free(r->pool);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void check_value(const Case *k, const char *rung)
{
    Run r = start(k, rung, 1);
    const float *in[INPUTS] = { NULL };
    for (int i = 0; i < n_inputs(k); i++)
        in[i] = r.in[i]->data;
    double worst = 0, size = 1;
    for (size_t at = 0; at < df_size(r.y); at++) {
        int index[DF_DIMS] = { 0 };
        size_t left = at;
        for (int i = r.y->shape.n - 1; i >= 0; i--) {
            index[i] = (int)(left % (size_t)r.y->shape.d[i]);
            left /= (size_t)r.y->shape.d[i];
        }
        const double expected = k->value(in, index);
        worst = fmax(worst, fabs((double)r.y->data[at] - expected));
        size = fmax(size, fabs(expected));
    }
    cr_expect_leq(worst / size, 2e-6, "%s on rung %s: off by %g", k->name, rung, worst / size);
    stop(&r);
}

Test(ops, values)
{
    for (int i = 0; i < CASES; i++) {
        if (!cases[i].value)
            continue;
        for (int r = 0; df_kernels_rung(r); r++)
            check_value(&cases[i], df_kernels_rung(r));
    }
}

/* ---- rungs and threads ------------------------------------------------------------------------------------------- */

static double distance(const float *a, const float *b, size_t n)
{
    double worst = 0, size = 1;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)a[i]));
    }
    return worst / size;
}

static void check_agreement(const char *rung)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run a = start(k, "c", 1), b = start(k, rung, 1);
        cr_expect_leq(distance(a.y->data, b.y->data, df_size(a.y)), 3e-6, "%s: rungs differ", k->name);
        for (int j = 0; j < n_inputs(k); j++)
            cr_expect_leq(distance(a.in[j]->grad, b.in[j]->grad, df_size(a.in[j])), 1e-5, "%s: gradient %d differs", k->name, j);
        stop(&a);
        stop(&b);
    }
}

Test(ops, rungs_agree)
{
    for (int r = 1; df_kernels_rung(r); r++)
        check_agreement(df_kernels_rung(r));
}

Test(ops, threads_do_not_matter)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run a = start(k, df_kernels_name(df_kernels()), 1), b = start(k, df_kernels_name(df_kernels()), 3);
        cr_expect_arr_eq(a.y->data, b.y->data, df_size(a.y) * sizeof(float), "%s: not the same bits", k->name);
        for (int j = 0; j < n_inputs(k); j++)
            cr_expect_arr_eq(a.in[j]->grad, b.in[j]->grad, df_size(a.in[j]) * sizeof(float), "%s: gradient %d: not the same bits", k->name, j);
        stop(&a);
        stop(&b);
    }
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* <seed, run(in + step direction)>, in float64. */
static double loss_at(const Case *k, Run *r, float *const *direction, const DfTensor *seed, double step)
{
    float *kept[INPUTS];
    double loss = 0;
    for (int j = 0; j < n_inputs(k); j++) {
        const size_t n = df_size(r->in[j]);
        kept[j] = r->in[j]->data;
        r->in[j]->data = df_malloc(n * sizeof(float));
        for (size_t i = 0; i < n; i++)
            r->in[j]->data[i] = kept[j][i] + (float)step * direction[j][i];
    }
    const DfTensor *y = k->run(r->c, r->in);
    cr_assert_eq(df_ctx_error(r->c), DF_OK);
    for (size_t i = 0; i < df_size(y); i++)
        loss += (double)seed->data[i] * (double)y->data[i];
    for (int j = 0; j < n_inputs(k); j++) {
        df_free(r->in[j]->data);
        r->in[j]->data = kept[j];
    }
    return loss;
}

/* Along a random direction of input `which`: the slope that the gradient promises, and the one that is. */
static void check_gradient(const Case *k, Run *r, const DfTensor *seed, int which, DfRandom *random)
{
    float *direction[INPUTS];
    double promised = 0, size = 0;
    for (int j = 0; j < n_inputs(k); j++) {
        direction[j] = df_calloc(df_size(r->in[j]), sizeof(float));
        for (size_t i = 0; j == which && i < df_size(r->in[j]); i++) {
            direction[j][i] = noise(random);
            promised += (double)direction[j][i] * (double)r->in[j]->grad[i];
            size += (double)r->in[j]->grad[i] * (double)r->in[j]->grad[i];
        }
    }
    const double h = 4e-3;
    const double near = (loss_at(k, r, direction, seed, h) - loss_at(k, r, direction, seed, -h)) / (2 * h);
    const double far = (loss_at(k, r, direction, seed, 2 * h) - loss_at(k, r, direction, seed, -2 * h)) / (4 * h);
    const double slope = (4 * near - far) / 3; /* Richardson: the error falls as h^4 */
    cr_expect_leq(fabs(slope - promised), 2e-3 * (sqrt(size) + 1e-3), "%s: gradient of input %d promises %g, slope is %g", k->name, which, promised, slope);
    for (int j = 0; j < n_inputs(k); j++)
        df_free(direction[j]);
}

Test(ops, gradients)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        if (k->kinks)
            continue;
        Run r = start(k, df_kernels_name(df_kernels()), 2);
        r.c->recording = false;
        DfRandom random = df_random(7, df_hash(k->name));
        for (int j = 0; j < n_inputs(k); j++)
            random_tensor(r.c, k->in[j], &random); /* the same numbers again, up to the seed */
        const DfTensor *seed = random_tensor(r.c, r.y->shape, &random);
        for (int j = 0; j < n_inputs(k); j++)
            check_gradient(k, &r, seed, j, &random);
        stop(&r);
    }
}

/* ---- memory, dry contexts, complaints ----------------------------------------------------------------------------- */

static int attempt(const Case *k)
{
    DfCtx *c = NULL;
    if (df_ctx_new(&c, NULL) < 0)
        return DF_ENOMEM;
    c->recording = true;
    DfRandom random = df_random(1, 1);
    DfTensor *in[INPUTS] = { NULL };
    for (int i = 0; i < n_inputs(k); i++) {
        in[i] = random_tensor(c, k->in[i], &random);
        in[i]->wants_grad = !c->err;
    }
    DfTensor *y = k->run(c, in);
    if (!c->err)
        df_backward(c, y, NULL);
    const int error = df_ctx_error(c);
    df_ctx_free(c);
    return error;
}

Test(ops, every_allocation_may_fail)
{
    for (int i = 0; i < CASES; i++) {
        const size_t before = df_memory().now;
        int error = DF_ENOMEM;
        for (size_t n = 1; error != DF_OK && n < 200; n++) {
            df_memory_fail_at(n, false);
            error = attempt(&cases[i]);
            df_memory_fail_at(0, false);
            cr_expect(error == DF_OK || error == DF_ENOMEM, "%s: %s", cases[i].name, df_error());
            cr_expect_eq(df_memory().now, before, "%s: leaks when allocation %zu fails", cases[i].name, n);
        }
        cr_expect_eq(error, DF_OK, "%s: never succeeds", cases[i].name);
    }
}

Test(ops, dry_contexts_know_shapes)
{
    for (int i = 0; i < CASES; i++) {
        const Case *k = &cases[i];
        Run r = start(k, "c", 1);
        DfCtx *c = NULL;
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
        c->dry = true;
        DfTensor *in[INPUTS] = { NULL };
        for (int j = 0; j < n_inputs(k); j++)
            in[j] = df_new(c, k->in[j]);
        const DfTensor *y = k->run(c, in);
        cr_expect_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
        cr_expect(df_same_shape(y->shape, r.y->shape), "%s: another shape", k->name);
        df_ctx_free(c);
        stop(&r);
    }
}

Test(ops, poisoned_contexts_do_nothing)
{
    for (int i = 0; i < CASES; i++) {
        DfCtx *c = NULL;
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
        df_ctx_fail(c, DF_EVALUE, "the first failure");
        DfTensor *const in[INPUTS] = { &c->nil, &c->nil, &c->nil };
        cases[i].run(c, in);
        cr_expect_eq(df_ctx_error(c), DF_EVALUE);
        cr_expect_str_eq(df_error(), "the first failure", "%s says something else", cases[i].name);
        df_ctx_free(c);
    }
}

#define EXPECT_REFUSAL(call)                                    \
    do {                                                        \
        DfCtx *c = NULL;                                        \
        cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);              \
        DfTensor *a = df_zeros(c, S(2, 6, 4, 3)), *b = df_zeros(c, S(4)); \
        (void)a, (void)b;                                       \
        call;                                                   \
        cr_expect_eq(df_ctx_error(c), DF_ESHAPE, #call);        \
        df_ctx_free(c);                                         \
    } while (0)

Test(ops, wrong_shapes_are_refused)
{
    EXPECT_REFUSAL(df_add(c, a, b));
    EXPECT_REFUSAL(df_mul(c, b, a));
    EXPECT_REFUSAL(df_softmax(c, a, 4));
    EXPECT_REFUSAL(df_layer_norm(c, a, b, NULL, 1e-5f));
    EXPECT_REFUSAL(df_cosine_qkv(c, a, b));
    EXPECT_REFUSAL(df_group_norm(c, a, 2, NULL, NULL, 1e-5f));
    EXPECT_REFUSAL(df_batch_norm(c, a, NULL, NULL, b, b, false, 0.1f, 1e-5f));
    EXPECT_REFUSAL(df_reshape(c, a, S(5, -1)));
    EXPECT_REFUSAL(df_reshape(c, a, S(-1, -1)));
    EXPECT_REFUSAL(df_permute(c, a, S(0, 1, 2, 2)));
    EXPECT_REFUSAL(df_select(c, a, 2));
    EXPECT_REFUSAL(df_slice(c, a, 1, 4, 3));
    EXPECT_REFUSAL(df_concat(c, ((DfTensor *[]){ a, b }), 2, 0));
    EXPECT_REFUSAL(df_pad2d(c, a, (const int[]){ -3, -4, 0, 0 }, 0));
    EXPECT_REFUSAL(df_window_partition(c, a, 3));
    EXPECT_REFUSAL(df_roll2d(c, b, 1, 1));
    EXPECT_REFUSAL(df_interpolate(c, a, 0, 3, DF_BILINEAR, false));
    EXPECT_REFUSAL(df_max_pool2d(c, a, (const int[]){ 7, 7 }, (const int[]){ 1, 1 }, (const int[]){ 0, 0 }, false));
    EXPECT_REFUSAL(df_grid_sample(c, a, b, 1, DF_PAD_ZEROS, true));
}

/* As PyTorch does: beyond the map zeros, nowhere NaN; with a border a NaN is its first pixel. */
Test(ops, sampling_nowhere)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *map = df_zeros(c, S(1, 1, 2, 3));
    DfTensor *grid = df_zeros(c, S(1, 1, 3, 2));
    for (int i = 0; i < 6; i++)
        map->data[i] = (float)(i + 1);
    grid->data[2] = NAN;
    grid->data[4] = 1e30f;
    const DfTensor *y = df_grid_sample(c, map, grid, 1, DF_PAD_ZEROS, true);
    const DfTensor *border = df_grid_sample(c, map, grid, 1, DF_PAD_BORDER, true);
    cr_assert_not(c->err);
    for (int i = 0; i < 3; i++) {
        cr_expect_float_eq(y->data[i], (float)i + 2.5f, 1e-6f);
        cr_expect(isnan(y->data[3 + i]));
        cr_expect_eq(y->data[6 + i], 0);
        cr_expect_eq(border->data[3 + i], (float)(i + 1));
        cr_expect_eq(border->data[6 + i], (float)(i + 4));
    }
    df_ctx_free(c);
}

/* ---- what chance decides ----------------------------------------------------------------------------------------- */

static void check_drop(bool path)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    df_ctx_seed(c, 3, 0, 0);
    DfTensor *x = df_zeros(c, S(1000, 9));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    x->wants_grad = true;
    cr_expect_eq(path ? df_drop_path(c, x, 0.25f) : df_dropout(c, x, 0.25f), x, "inference drops nothing");
    c->training = c->recording = true;
    DfTensor *y = path ? df_drop_path(c, x, 0.25f) : df_dropout(c, x, 0.25f);
    df_backward(c, y, NULL);
    size_t dropped = 0;
    for (size_t i = 0; i < df_size(y); i++) {
        dropped += y->data[i] == 0;
        cr_assert(y->data[i] == 0 || fabsf(y->data[i] - 4.0f / 3) < 1e-6f);
        cr_assert_float_eq(x->grad[i], y->data[i], 1e-9);
        cr_assert(!path || y->data[i] == y->data[i / 9 * 9], "a sample is dropped as a whole");
    }
    cr_expect_float_eq((double)dropped / (double)df_size(y), 0.25, path ? 0.05 : 0.02);
    df_ctx_free(c);
}

Test(ops, dropout)
{
    check_drop(false);
    check_drop(true);
}

/* ---- the random numbers of a step -------------------------------------------------------------------------------- */

typedef DfTensor *Drop(DfCtx *, DfTensor *, float);

/* Three layers of dropout, the last two under one path, for samples first .. first + n - 1. */
static void dropped(Drop *drop, uint64_t seed, uint64_t step, int first, int n, int threads, float *out)
{
    DfPool *pool = NULL;
    DfCtx *c = NULL;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->training = true;
    df_ctx_seed(c, seed, step, first);
    const DfShape shape = S(n, 70, 301); /* more than a block */
    DfTensor *x = df_zeros(c, shape);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    for (int layer = 0; layer < 3; layer++) {
        const DfMark m = df_enter(c, "layer", layer ? 1 : 0);
        const DfTensor *y = drop(c, x, 0.5f);
        memcpy(out + (size_t)layer * 4 * 70 * 301 + (size_t)first * 70 * 301, y->data, df_size(y) * sizeof *out);
        df_leave(c, m, NULL);
    }
    df_ctx_free(c);
    df_pool_free(pool);
}

static double share_equal(const float *a, const float *b, size_t n)
{
    size_t same = 0;
    for (size_t i = 0; i < n; i++)
        same += a[i] == b[i];
    return (double)same / (double)n;
}

static void check_streams(Drop *drop, double slack)
{
    enum { ONE = 70 * 301, LAYER = 4 * ONE, ALL = 3 * LAYER };
    float *whole = df_malloc(ALL * sizeof *whole), *other = df_malloc(ALL * sizeof *other);
    dropped(drop, 5, 9, 0, 4, 1, whole);
    dropped(drop, 5, 9, 0, 2, 2, other);
    dropped(drop, 5, 9, 2, 2, 1, other);
    cr_expect_eq(memcmp(whole, other, ALL * sizeof *whole), 0, "halves drop what the whole does");
    dropped(drop, 5, 10, 0, 4, 1, other);
    cr_expect_float_eq(share_equal(whole, other, ALL), 0.5, slack, "another step");
    dropped(drop, 6, 9, 0, 4, 1, other);
    cr_expect_float_eq(share_equal(whole, other, ALL), 0.5, slack, "another seed");
    cr_expect_float_eq(share_equal(whole, whole + LAYER, LAYER), 0.5, slack, "another path");
    cr_expect_float_eq(share_equal(whole + LAYER, whole + 2 * LAYER, LAYER), 0.5, slack, "another visit");
    cr_expect_float_eq(share_equal(whole, whole + ONE, ONE), 0.5, slack, "another sample");
    df_free(whole);
    df_free(other);
}

Test(ops, random_numbers_of_a_step)
{
    check_streams(df_dropout, 0.02);
    check_streams(df_dropout_channels, 0.1);
}

static double rate_of_fresh_context(Drop *drop, float p)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->training = true;
    DfTensor *x = df_zeros(c, S(1000, 2, 10));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    const DfTensor *y = drop(c, x, p);
    size_t n = 0;
    for (size_t i = 0; i < df_size(y); i++)
        n += y->data[i] == 0;
    df_ctx_free(c);
    return (double)n / 20000;
}

Test(ops, rates_without_a_seed)
{
    cr_expect_float_eq(rate_of_fresh_context(df_dropout, 0.1f), 0.1, 0.01);
    cr_expect_float_eq(rate_of_fresh_context(df_drop_path, 0.1f), 0.1, 0.03);
    cr_expect_float_eq(rate_of_fresh_context(df_dropout_channels, 0.1f), 0.1, 0.02);
    cr_expect_eq(rate_of_fresh_context(df_dropout, 1), 1);
    cr_expect_eq(rate_of_fresh_context(df_drop_path, 1), 1);
}

/* A stream is asked for again after a reset. */
Test(ops, random_numbers_repeat_after_a_reset)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    uint64_t bits[2][300];
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 300; i++) {
            DfRandom random = df_ctx_random(c, i % 100); /* three visits of each sample */
            bits[pass][i] = df_random_bits(&random);
        }
        df_reset(c);
    }
    cr_expect_eq(memcmp(bits[0], bits[1], sizeof bits[0]), 0);
    for (int i = 0; i < 300; i++)
        for (int j = 0; j < i; j++)
            cr_expect_neq(bits[0][i], bits[0][j]);
    df_ctx_free(c);
}
