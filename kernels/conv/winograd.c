/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd.c -- 3x3 convolutions by Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, CVPR 2016.
 *     Y = A' ((G g G') . (B' d B)) A        g: the 3x3 filter, d: a 6x6 patch, Y: 4x4 pixels, . by element
 * A convolution is a product of polynomials, which can be computed from their values at six points: B' d and G g
 * evaluate there, and A' interpolates. 36 multiplications give 16 pixels; the direct sum of nine taps takes 144. Over
 * the input channels, the 36 products by element become 36 matrix products, V[p] (tiles x I) times U[p] (I x O).
 *
 * The usual points 0, +-1, +-2 cost accuracy: over 256 channels the error against float64 is 4.1 times that of a plain
 * float32 sum on average (rms) and 10 times at worst. With 0, +-5/8, +-3/2 it is 1.8 and 2.0 times (good points lie
 * near 1 and near each other's inverses: Barabasz et al., ACM TOMS 2020), and all constants of the data transforms are
 * exact in float32.
 *
 * With a stride of 2 a convolution is the sum of four, one for each phase of the map: even or odd rows, even or odd
 * columns. Along one axis
 *     y[i] = w0 x[2i] + w1 x[2i + 1] + w2 x[2i + 2]
 * even pixels meet two taps and odd ones a single tap. Four outputs of two taps take five points. A single tap is a
 * filter of two taps whose second is zero, which needs no product at infinity. So there are 4 + 4 + 1 products along
 * an axis, and 81 for 16 pixels, which take 144 directly. All phases use the same A', so products of the same point
 * are added before the last transform: 25 sums of one, two or four products. winograd_c.c has the points.
 *
 * A task takes some tiles through all three steps: 36 (81) matrices of transformed patches, as many products with the
 * transformed filter, and the output transform, so that intermediate results stay in the cache. winograd_plan.c
 * decides how many tiles and channels a task takes at a time; in bfloat16 winograd_bf16.c has the first two steps.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/conv/winograd.h"
#include "kernels/gemm/bf16.h"

enum {
    O_BLOCK = DF_WINOGRAD_O_BLOCK,
    LINE = 16,  /* floats between matrices, so that they use different cache sets            */
    VECTOR = 8, /* channels are divided into whole vectors: so a division changes no results */
    MOST_PRODUCTS = DF_WINOGRAD_MOST_PRODUCTS
};

static bool is_bf16(const DfWinograd *a)
{
    return df_packed_precision(a->w) == DF_PRECISION_BF16;
}

static size_t number_of(DfMap map) /* bytes of one */
{
    return map.bf16 ? sizeof(DfBf16) : sizeof(float);
}

/* ---- the first step: V = B' d B ---------------------------------------------------------------------------------- */

typedef struct {
    size_t n, y, x; /* image, first pixel */
} Spot;

static Spot spot_of(const DfWinograd *a, size_t tile)
{
    const size_t per_image = a->plan.tiles_y * a->plan.tiles_x;
    const size_t in = tile % per_image;
    return (Spot){ tile / per_image, in / a->plan.tiles_x * 4, in % a->plan.tiles_x * 4 };
}

/* The pixels around a tile, in the numbers of the map; those outside of it are zeros. */
static void patch(const DfWinograd *a, Spot spot, const void *zeros, const void *d[])
{
    const DfWinogradWay *way = a->plan.way;
    const char *map = a->x.data;
    const size_t pixel = (size_t)a->s->I * number_of(a->x);
    const size_t H = (size_t)a->s->H;
    const size_t W = (size_t)a->s->W;
    const size_t top = (size_t)a->s->padding[0];
    const size_t left = (size_t)a->s->padding[1];
    for (size_t i = 0; i < way->side; i++) {
        const size_t y = spot.y * way->stride + i; /* in the padded map: no negative numbers */
        const bool row_inside = y >= top && y < top + H;
        for (size_t j = 0; j < way->side; j++) {
            const size_t x = spot.x * way->stride + j;
            const bool inside = row_inside && x >= left && x < left + W;
            *d++ = inside ? map + ((spot.n * H + y - top) * W + x - left) * pixel : zeros;
        }
    }
}

/* The map may not be in the cache: prefetches the last columns of a patch, which the patch before it does not have. */
static void fetch_patch(const DfWinograd *a, const DfWinogradPart *part, const void *const d[])
{
    const DfWinogradWay *way = a->plan.way;
    const size_t number = number_of(a->x);
    for (size_t i = 0; i < way->side; i++)
        for (size_t j = way->side - 4 * way->stride; j < way->side; j++)
            a->k->gemm.fetch((const float *)(const void *)((const char *)d[i * way->side + j] + part->v_i * number),
                             part->v_I * number / sizeof(float));
}

/* Transforms the patch d into tile t of the matrices at v. */
static void transform(const DfWinograd *a, const DfWinogradPart *part, char *v, size_t t, const void *const d[])
{
    const float *at[MOST_PRODUCTS];
    if (is_bf16(a)) {
        df_winograd_transform_bf16(a, part, (DfBf16 *)(void *)v + t * a->v_row, d);
        return;
    }
    for (size_t p = 0; p < a->plan.way->products; p++)
        at[p] = (const float *)d[p] + part->v_i;
    a->leaves->input((float *)(void *)v + t * a->v_row, a->v_matrix, at, part->v_I);
}

/* Computes V of tiles t0..t1-1, counted from tile `first`. */
static void transform_patches(const DfWinograd *a, const DfWinogradPart *part, size_t first, size_t t0, size_t t1,
                              const float *zeros, char *v)
{
    const void *patches[2][MOST_PRODUCTS];
    patch(a, spot_of(a, first + t0), zeros, patches[t0 % 2]);
    for (size_t t = t0; t < t1; t++) {
        if (t + 1 < t1) {
            const void **const next = patches[(t + 1) % 2];
            patch(a, spot_of(a, first + t + 1), zeros, next);
            fetch_patch(a, part, next);
        }
        transform(a, part, v, t, patches[t % 2]);
    }
}

/* ---- the second: M[p] = V[p] U[p] -------------------------------------------------------------------------------- */

/* The sum that product p belongs to. With a stride of 1 each product is its own sum, which saves the divisions. */
static size_t point_of(const DfWinogradWay *way, size_t p)
{
    if (way->stride == 1)
        return p;
    return p / way->side / way->stride * way->across + p % way->side / way->stride;
}

static bool begins_sum(const DfWinogradWay *way, size_t p)
{
    return way->stride == 1 || (p / way->side % way->stride == 0 && p % way->side % way->stride == 0);
}

/* Writes product p to m, or adds it to m if it is not the first of its sum. Prefetches for part `next`, unless that has
 * no output channels. */
static void multiply(const DfWinograd *a, const DfWinogradPart *part, const DfWinogradPart *next, size_t p,
                     const char *v, float *m)
{
    const bool begins = part->i == 0 && begins_sum(a->plan.way, p);
    const DfEpilogue sum = { .residual = begins ? NULL : m, .inside = true };
    const size_t next_p = (p + 1) % a->plan.way->products;
    if (next_p)
        next = part;
    if (is_bf16(a)) {
        df_winograd_multiply_bf16(a, part, p, (const DfBf16 *)(const void *)v, m, &sum, next, next_p);
        return;
    }
    const DfPanels u = df_packed_panels(a->w, p);
    const DfPanels after = df_packed_panels(a->w, next_p);
    const DfRowsProduct product = {
        .m = part->tiles, .a = (const float *)(const void *)v + (part->i - part->v_i), .lda = a->v_row,
        .b = df_panels_part(u, part->i, part->I, part->o, part->O), .n1 = part->O, .y = m, .ldy = a->m_row, .e = &sum,
        .then = next->O ? df_panels_part(after, next->i, next->I, next->o, next->O).data : NULL,
    };
    df_rows_product(&a->k->gemm, &product, NULL);
}

/* ---- the third: Y = A' M A --------------------------------------------------------------------------------------- */

/* The pixels of a tile in float32, then rounded. */
static void store_rounded(const DfWinograd *a, DfBf16 *y, size_t ld_row, size_t h, size_t w, const float *m,
                          size_t channels, const DfEpilogue *e)
{
    alignas(64) float wide[16 * O_BLOCK];
    a->leaves->output(wide, 4 * O_BLOCK, O_BLOCK, (int)h, (int)w, m, a->m_matrix, channels, e);
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w; j++)
            a->k->bf16.round(y + i * ld_row + j * (size_t)a->s->O, wide + (4 * i + j) * O_BLOCK, channels);
}

/* The pixels of a tile, some channels. At the right and lower border a tile may hang over. */
static void store(const DfWinograd *a, Spot spot, const float *m, size_t o, size_t channels)
{
    const size_t H = (size_t)a->s->oH;
    const size_t W = (size_t)a->s->oW;
    const size_t O = (size_t)a->s->O;
    const size_t h = df_smaller(H - spot.y, 4);
    const size_t w = df_smaller(W - spot.x, 4);
    const size_t pixel = (spot.n * H + spot.y) * W + spot.x;
    const DfEpilogue e = df_epilogue_at(&a->e, pixel, O, o);
    if (a->y.bf16)
        store_rounded(a, (DfBf16 *)a->y.data + pixel * O + o, W * O, h, w, m, channels, &e);
    else
        a->leaves->output((float *)a->y.data + pixel * O + o, W * O, O, (int)h, (int)w, m, a->m_matrix, channels, &e);
}

/* ---- all three --------------------------------------------------------------------------------------------------- */

/* The tiles and output channels of a task. */
typedef struct {
    size_t block, first, tiles;
    size_t o_first, o_blocks; /* O_BLOCKs */
} Share;

static Share share_of(const DfWinogradPlan *plan, const DfConvShape *s, size_t task)
{
    const size_t o_blocks = df_ceil_div((size_t)s->O, O_BLOCK);
    const size_t i = task / plan->o_tasks; /* neighbours share tiles */
    const size_t j = task % plan->o_tasks;
    Share share = { .block = i, .first = df_cut(plan->tiles, plan->blocks, i),
                    .o_first = df_cut(o_blocks, plan->o_tasks, j) };
    share.tiles = df_cut(plan->tiles, plan->blocks, i + 1) - share.first;
    share.o_blocks = df_cut(o_blocks, plan->o_tasks, j + 1) - share.o_first;
    return share;
}

/* Part q of a task: for every slab of its output channels, the input channels block by block. After the last part comes
 * the first part of the next task, or a part without output channels if there is none; it is only prefetched. */
static DfWinogradPart part_of(const DfWinograd *a, const Share *share, size_t q)
{
    const DfWinogradPlan *plan = &a->plan;
    const size_t I = (size_t)a->s->I;
    const size_t k = q % plan->k_blocks;
    const size_t slab = q / plan->k_blocks * plan->slab;
    const size_t o_blocks = share->o_blocks > slab ? df_smaller(share->o_blocks - slab, plan->slab) : plan->slab;
    DfWinogradPart part = { .tiles = share->tiles };
    part.i = df_k_cut(I, is_bf16(a), plan->k_blocks, k);
    part.I = df_k_cut(I, is_bf16(a), plan->k_blocks, k + 1) - part.i;
    part.v_i = part.i / VECTOR * VECTOR;
    part.v_I = df_smaller(df_ceil_div(part.i + part.I, VECTOR) * VECTOR, I) - part.v_i;
    part.o = df_smaller((share->o_first + slab) * O_BLOCK, (size_t)a->s->O);
    part.O = df_smaller((size_t)a->s->O - part.o, o_blocks * O_BLOCK);
    return part;
}

/* Floats of a pixel that lies outside, in whole lines. */
static size_t zeros_of(const DfWinograd *a)
{
    return df_ceil_div((size_t)a->s->I, LINE) * LINE;
}

/* Bytes of V of a block. */
static size_t block_bytes(const DfWinograd *a)
{
    return a->plan.way->products * a->v_matrix * (is_bf16(a) ? sizeof(DfBf16) : sizeof(float));
}

/* V of some tiles of a block, before several tasks read them all. */
static void transform_task(void *arg, size_t task, void *scratch)
{
    const DfWinograd *a = arg;
    const Share share = share_of(&a->plan, a->s, task);
    const DfWinogradPart part = part_of(a, &share, 0);
    const size_t piece = task % a->plan.o_tasks;
    const size_t t0 = df_cut(share.tiles, a->plan.o_tasks, piece);
    const size_t t1 = df_cut(share.tiles, a->plan.o_tasks, piece + 1);
    float *zeros = scratch;
    memset(zeros, 0, zeros_of(a) * sizeof *zeros);
    if (t0 < t1)
        transform_patches(a, &part, share.first, t0, t1, zeros, a->shared + share.block * block_bytes(a));
}

/* Y of the part's output channels. */
static void store_part(const DfWinograd *a, const DfWinogradPart *part, size_t first, const float *m)
{
    for (size_t t = 0; t < part->tiles; t++)
        for (size_t o = 0; o < part->O; o += O_BLOCK)
            store(a, spot_of(a, first + t), m + t * a->m_row + o, part->o + o, df_smaller(part->O - o, O_BLOCK));
}

static void winograd_task(void *arg, size_t task, void *scratch)
{
    const DfWinograd *a = arg;
    const DfWinogradWay *way = a->plan.way;
    const Share share = share_of(&a->plan, a->s, task);
    const size_t parts = df_ceil_div(share.o_blocks, a->plan.slab) * a->plan.k_blocks;
    const size_t v_bytes = block_bytes(a) / way->products;
    float *m = scratch;                           /* points tiles slab */
    float *zeros = m + way->points * a->m_matrix; /* I, to whole lines */
    char *v = (char *)(zeros + zeros_of(a));      /* products tiles I  */
    if (a->shared)
        v = a->shared + share.block * block_bytes(a);
    else
        memset(zeros, 0, zeros_of(a) * sizeof *zeros);
    for (size_t q = 0; q < parts; q++) {
        const DfWinogradPart part = part_of(a, &share, q);
        const DfWinogradPart next = part_of(a, &share, q + 1);
        if (!a->shared && (q == 0 || a->plan.k_blocks > 1))
            transform_patches(a, &part, share.first, 0, share.tiles, zeros, v);
        for (size_t p = 0; p < way->products; p++)
            multiply(a, &part, &next, p, v + p * v_bytes, m + point_of(way, p) * a->m_matrix);
        if (part.i + part.I == (size_t)a->s->I)
            store_part(a, &part, share.first, m);
    }
}

static int run(DfPool *pool, DfWinograd *a)
{
    const size_t tasks = a->plan.blocks * a->plan.o_tasks;
    const size_t zeros = zeros_of(a) * sizeof(float);
    const size_t sums = a->plan.way->points * a->m_matrix * sizeof(float);
    if (!a->plan.shared)
        return df_parallel(pool, tasks, sums + zeros + block_bytes(a), winograd_task, a);
    a->shared = df_malloc(a->plan.blocks * block_bytes(a));
    int error = a->shared ? df_parallel(pool, tasks, zeros, transform_task, a)
                          : df_fail_memory("the transformed map of a convolution");
    if (!error)
        error = df_parallel(pool, tasks, sums + zeros, winograd_task, a);
    df_free(a->shared);
    return error;
}

/* Computes the layout of V and M in a task's scratch. */
static void lay_out(DfWinograd *a)
{
    const size_t pair = is_bf16(a) ? 2 : 1;
    const size_t line = LINE * pair; /* numbers */
    const size_t pairs = df_ceil_div((size_t)a->s->I, pair);
    a->v_row = pair * df_ceil_div(pairs, a->plan.k_blocks) + (a->plan.k_blocks > 1 ? 2 * VECTOR : 0);
    a->v_matrix = df_ceil_div(a->plan.block * a->v_row, line) * line + line;
    a->m_row = a->plan.slab * O_BLOCK + (a->plan.slab > 1 ? LINE : 0);
    a->m_matrix = a->plan.block * a->m_row + LINE;
}

int df_conv_winograd(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w,
                     DfMap y, DfEpilogue e)
{
    const DfWinogradKernels *leaves = s->stride[0] == 1 ? &k->conv.winograd : &k->conv.winograd_strided;
    DfWinograd a = { .plan = df_winograd_plan(s, df_packed_precision(w)), .k = k, .leaves = leaves, .s = s, .x = x,
                     .w = w, .y = y, .e = e };
    if (!a.plan.tiles)
        return DF_OK;
    lay_out(&a);
    return run(pool, &a);
}
