/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd.c -- 3x3 convolutions by Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, CVPR 2016.
 *     Y = A' ((G g G') . (B' d B)) A        g: the 3x3 filter, d: a 6x6 patch, Y: 4x4 pixels, . by element
 * Convolving is multiplying polynomials, and these are as well multiplied at six points: B' d evaluates there, G g
 * too, and A' goes back. 36 multiplications give 16 pixels, where the sum of nine taps takes 144. Over the input
 * channels the 36 products by element become 36 products of matrices, V[p] (tiles x I) times U[p] (I x O).
 *
 * The usual points 0, +-1, +-2 cost accuracy: over 256 channels the error against float64 is 4.1 times that of a
 * plain float32 sum in the mean (rms) and 10 times at worst. With 0, +-5/8, +-3/2 it is 1.8 and 2.0 times (good
 * points lie near 1 and near each other's inverses: Barabasz et al., ACM TOMS 2020), and all constants of the data
 * transforms are exact.
 *
 * With a stride of 2 a convolution is a sum of four, of the phases of the map: even or odd rows, even or odd columns.
 * Along one axis
 *     y[i] = w0 x[2i] + w1 x[2i + 1] + w2 x[2i + 2]
 * even numbers meet two taps, odd ones a single tap. Four of y take five points, and a filter of one tap is one of two
 * whose second is zero, and so nothing at infinity: 4 + 4 + 1 products along an axis, 81 for 16 pixels, which take 144
 * directly. All phases go back by the same A', so products of one point are added up before: 25 sums of one, two or
 * four products. winograd_strided_c.c has the points.
 *
 * A task takes some tiles through all three steps: 36 (81) matrices of transformed patches, as many products with the
 * transformed filter, and back, so that what is between never leaves the cache.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/conv/parts.h"
#include "kernels/gemm/bf16.h"

enum {
    MOST_TILES = 96,      /* of a task                                                                    */
    FAR_BYTES = 32 << 20, /* a transformed filter so large is read from memory, whole, by every task: ... */
    FAR_TILES = 48,       /* ... then a task has so many tiles at least, ...                              */
    WORTH_READING = 18,   /* ... and reading it once takes as long as the products of so many             */
    NEAR_BYTES = 1 << 20, /* one so large comes from the second cache: ...                                */
    NEAR_TILES = 12,      /* ... tasks of so many tiles, a tile of the product, lose nothing              */
    O_BLOCK = 64,         /* channels that go back at a time                                              */
    FEWEST_TASKS = 4,     /* cut into smaller tasks until there are so many, whatever is read twice       */
    SHARED_BYTES = 4 << 20, /* so many transformed patches stay near until all tasks have read them       */
    LINE = 16,            /* floats between matrices: keeps them off one another's cache sets             */
    LINE_BYTES = 64,
    MOST_PRODUCTS = 81,
    ROUNDED = 81 * 32     /* numbers of a patch that are rounded at a time                                */
};

/* What differs with the stride. Along an axis, `stride` products in a row are of one point, but for infinity's. */
typedef struct {
    size_t stride;
    size_t side;       /* of a patch, in pixels                                             */
    size_t products;   /* side^2: matrices of transformed patches, and of filters           */
    size_t across;     /* points along an axis                                              */
    size_t points;     /* across^2: sums of products                                        */
    size_t tile_bytes; /* transformed patches of a task                                     */
    size_t tasks;      /* cut along output channels, too, until there are so many           */
    size_t channels;   /* that are rounded at a time                                        */
    double worth;      /* most products for one of direct arithmetic that are likely faster */
} Way;

static const Way ways[] = {
    { 1, 6, 36, 6, 36, .tile_bytes = 1 << 20, .tasks = 16, .channels = 64, .worth = 0.7 },
    { 2, 9, 81, 5, 25, .tile_bytes = 2 << 20, .tasks = 8, .channels = 32, .worth = 0.7 },
};

/* The sum that product p belongs to, and whether it is the first one there. A stride of 1 is spared the divisions. */
static size_t point_of(const Way *way, size_t p)
{
    if (way->stride == 1)
        return p;
    return p / way->side / way->stride * way->across + p % way->side / way->stride;
}

static bool begins_sum(const Way *way, size_t p)
{
    return way->stride == 1 || (p / way->side % way->stride == 0 && p % way->side % way->stride == 0);
}

typedef struct {
    const DfKernels *k;
    const Way *way;
    const DfWinogradKernels *leaves;
    const DfConvShape *s;
    DfMap x, y;
    const DfPacked *w;
    DfEpilogue e;
    size_t tiles_y, tiles_x, tiles; /* of an image, of all                */
    size_t block, blocks;           /* tiles of a task; tasks along tiles */
    size_t o_tasks;                 /* and along output channels          */
    char *shared;                   /* transformed patches, block after block, where several tasks read them; or NULL */
} Winograd;

typedef struct {
    size_t n, y, x; /* image, first pixel */
} Spot;

static Spot spot_of(const Winograd *a, size_t tile)
{
    const size_t per_image = a->tiles_y * a->tiles_x;
    const size_t in = tile % per_image;
    return (Spot){ tile / per_image, in / a->tiles_x * 4, in % a->tiles_x * 4 };
}

static size_t number_of(DfMap map) /* bytes of one */
{
    return map.bf16 ? sizeof(DfBf16) : sizeof(float);
}

/* The pixels around a tile, in the numbers of the map; those outside of it are zeros. */
static void patch(const Winograd *a, Spot spot, const void *zeros, const void *d[])
{
    const size_t side = a->way->side;
    const char *map = a->x.data;
    const size_t pixel = (size_t)a->s->I * number_of(a->x);
    const size_t H = (size_t)a->s->H;
    const size_t W = (size_t)a->s->W;
    const size_t top = (size_t)a->s->padding[0];
    const size_t left = (size_t)a->s->padding[1];
    for (size_t i = 0; i < side; i++) {
        const size_t y = spot.y * a->way->stride + i; /* in the padded map: no negative numbers */
        const bool row_inside = y >= top && y < top + H;
        for (size_t j = 0; j < side; j++) {
            const size_t x = spot.x * a->way->stride + j;
            const bool inside = row_inside && x >= left && x < left + W;
            *d++ = inside ? map + ((spot.n * H + y - top) * W + x - left) * pixel : zeros;
        }
    }
}

/* The pixels of a tile in float32, then rounded. */
static void store_rounded(const Winograd *a, DfBf16 *y, size_t ld_row, size_t h, size_t w, const float *m,
                          size_t stride, size_t channels, const DfEpilogue *e)
{
    alignas(64) float wide[16 * O_BLOCK];
    a->leaves->output(wide, 4 * O_BLOCK, O_BLOCK, (int)h, (int)w, m, stride, channels, e);
    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w; j++)
            a->k->bf16.round(y + i * ld_row + j * (size_t)a->s->O, wide + (4 * i + j) * O_BLOCK, channels);
}

/* The pixels of a tile, some channels: Y from M. At the right and lower border a tile may hang over. */
static void store(const Winograd *a, Spot spot, const float *m, size_t stride, size_t o, size_t channels)
{
    const size_t H = (size_t)a->s->oH;
    const size_t W = (size_t)a->s->oW;
    const size_t O = (size_t)a->s->O;
    const size_t h = df_smaller(H - spot.y, 4);
    const size_t w = df_smaller(W - spot.x, 4);
    const size_t pixel = (spot.n * H + spot.y) * W + spot.x;
    const DfEpilogue e = df_epilogue_at(&a->e, pixel, O, o);
    if (a->y.bf16)
        store_rounded(a, (DfBf16 *)a->y.data + pixel * O + o, W * O, h, w, m, stride, channels, &e);
    else
        a->leaves->output((float *)a->y.data + pixel * O + o, W * O, O, (int)h, (int)w, m, stride, channels, &e);
}

/* ---- in bfloat16: patches are transformed in float32, some channels at a time, and rounded ----------------------- */

static bool is_bf16(const DfPacked *w)
{
    return df_packed_precision(w) == DF_PRECISION_BF16;
}

/* Numbers of a tile in one of the matrices. */
static size_t tile_row(const Winograd *a)
{
    const size_t I = (size_t)a->s->I;
    return is_bf16(a->w) ? I + I % 2 : I;
}

/* Bytes of one of the matrices. */
static size_t matrix_bytes(const Winograd *a)
{
    const size_t number = is_bf16(a->w) ? sizeof(DfBf16) : sizeof(float);
    return df_ceil_div(a->block * tile_row(a) * number, LINE_BYTES) * LINE_BYTES + LINE_BYTES;
}

/* Channels i..i+n-1 of a patch: where they are, or in `wide`. */
static void channels_of(const Winograd *a, const void *const d[], size_t i, size_t n, float *wide, const float *at[])
{
    const size_t channels = a->way->channels;
    for (size_t p = 0; p < a->way->products; p++) {
        at[p] = a->x.bf16 ? wide + p * channels : (const float *)d[p] + i;
        if (a->x.bf16)
            a->k->bf16.widen(wide + p * channels, (const DfBf16 *)d[p] + i, n);
    }
}

static void transform_rounded(const Winograd *a, DfBf16 *v, size_t stride, const void *const d[])
{
    alignas(64) float wide[ROUNDED];
    alignas(64) float pixels[ROUNDED];
    const float *at[MOST_PRODUCTS];
    const size_t I = (size_t)a->s->I;
    const size_t channels = a->way->channels;
    for (size_t i = 0; i < I; i += channels) {
        const size_t n = df_smaller(I - i, channels);
        channels_of(a, d, i, n, pixels, at);
        a->leaves->input(wide, channels, at, n);
        for (size_t p = 0; p < a->way->products; p++)
            a->k->bf16.round(v + p * stride + i, wide + p * channels, n);
    }
    for (size_t p = 0; I % 2 && p < a->way->products; p++)
        v[p * stride + I] = 0;
}

/* As multiply(). */
static void multiply_rounded(const Winograd *a, size_t p, const DfBf16 *v, size_t tiles, size_t o, size_t channels,
                             float *m)
{
    const bool last = p + 1 == a->way->products;
    const DfEpilogue sum = { .residual = begins_sum(a->way, p) ? NULL : m, .inside = true };
    const size_t row = tile_row(a);
    const DfBf16Panels u = df_packed_bf16_panels(a->w, p);
    const DfBf16Panels next = df_packed_bf16_panels(a->w, last ? 0 : p + 1);
    const size_t next_o = last ? o + channels : o;
    const DfBf16Product product = {
        .m = tiles, .rounded = v, .lda = row, .b = { u.data + o * row, u.k, channels }, .n1 = channels, .y = m,
        .ldy = O_BLOCK, .e = &sum, .then = next_o < u.n ? next.data + next_o * row : NULL,
    };
    df_bf16_product(&a->k->bf16, &product, NULL);
}

/* ---- in the precision of the filter ------------------------------------------------------------------------------ */

/* Into tile t of the matrices at v. */
static void transform(const Winograd *a, char *v, size_t t, const void *const d[])
{
    const size_t bytes = matrix_bytes(a);
    const float *at[MOST_PRODUCTS];
    if (is_bf16(a->w)) {
        transform_rounded(a, (DfBf16 *)(void *)v + t * tile_row(a), bytes / sizeof(DfBf16), d);
        return;
    }
    for (size_t p = 0; p < a->way->products; p++)
        at[p] = d[p];
    a->leaves->input((float *)(void *)v + t * tile_row(a), bytes / sizeof(float), at, (size_t)a->s->I);
}

/* Some channels from column o on: V[p] U[p] into m, or added to what is there. */
static void multiply(const Winograd *a, size_t p, const char *v, size_t tiles, size_t o, size_t channels, float *m)
{
    const bool last = p + 1 == a->way->products;
    const DfEpilogue sum = { .residual = begins_sum(a->way, p) ? NULL : m, .inside = true };
    if (is_bf16(a->w)) {
        multiply_rounded(a, p, (const DfBf16 *)(const void *)v, tiles, o, channels, m);
        return;
    }
    const DfPanels u = df_packed_panels(a->w, p);
    const DfPanels next = df_packed_panels(a->w, last ? 0 : p + 1);
    const size_t next_o = last ? o + channels : o;
    const DfRowsProduct product = {
        .m = tiles, .a = (const float *)(const void *)v, .lda = u.k,
        .b = { .data = u.data + o * u.k, .k = u.k, .n = channels },
        .n1 = channels, .y = m, .ldy = O_BLOCK, .e = &sum, .then = next_o < u.n ? next.data + next_o * u.k : NULL,
    };
    df_rows_product(&a->k->gemm, &product, NULL);
}

/* A map may come from far away: what a patch has besides the one before it, its last columns, is fetched. */
static void fetch_patch(const Winograd *a, const void *const d[])
{
    const size_t side = a->way->side;
    const size_t fetched = (size_t)a->s->I * number_of(a->x) / sizeof(float);
    for (size_t i = 0; i < side; i++)
        for (size_t j = side - 4 * a->way->stride; j < side; j++)
            a->k->gemm.fetch(d[i * side + j], fetched);
}

/* V of tiles t0..t1-1 of those that begin with tile `first`. */
static void transform_patches(const Winograd *a, size_t first, size_t t0, size_t t1, const float *zeros, char *v)
{
    const void *patches[2][MOST_PRODUCTS];
    patch(a, spot_of(a, first + t0), zeros, patches[t0 % 2]);
    for (size_t t = t0; t < t1; t++) {
        if (t + 1 < t1) {
            const void **const next = patches[(t + 1) % 2];
            patch(a, spot_of(a, first + t + 1), zeros, next);
            fetch_patch(a, next);
        }
        transform(a, v, t, patches[t % 2]);
    }
}

/* Floats of a pixel that lies outside, in whole lines. */
static size_t zeros_of(const Winograd *a)
{
    return df_ceil_div((size_t)a->s->I, LINE) * LINE;
}

/* Bytes of a block's transformed patches. */
static size_t block_bytes(const Winograd *a)
{
    return a->way->products * matrix_bytes(a);
}

/* Some tiles of a block, before several tasks read them all. */
static void transform_task(void *arg, size_t task, void *scratch)
{
    const Winograd *a = arg;
    const size_t block = task / a->o_tasks;
    const size_t piece = task % a->o_tasks;
    const size_t first = df_cut(a->tiles, a->blocks, block);
    const size_t tiles = df_cut(a->tiles, a->blocks, block + 1) - first;
    const size_t t0 = df_cut(tiles, a->o_tasks, piece);
    const size_t t1 = df_cut(tiles, a->o_tasks, piece + 1);
    float *zeros = scratch;
    memset(zeros, 0, (size_t)a->s->I * sizeof *zeros);
    if (t0 < t1)
        transform_patches(a, first, t0, t1, zeros, a->shared + block * block_bytes(a));
}

static void winograd_task(void *arg, size_t task, void *scratch)
{
    const Winograd *a = arg;
    const Way *way = a->way;
    const size_t O = (size_t)a->s->O;
    const size_t i = task / a->o_tasks; /* neighbours share tiles */
    const size_t j = task % a->o_tasks;
    const size_t t0 = df_cut(a->tiles, a->blocks, i);
    const size_t tiles = df_cut(a->tiles, a->blocks, i + 1) - t0;
    const size_t m_stride = a->block * O_BLOCK + LINE;
    const size_t o_blocks = df_ceil_div(O, O_BLOCK);
    float *m = scratch;                                            /* points tiles O_BLOCK */
    float *zeros = m + way->points * m_stride;                     /* I, to whole lines    */
    char *v = a->shared ? a->shared + i * block_bytes(a) : (char *)(zeros + zeros_of(a)); /* products tiles I */
    if (!a->shared) {
        memset(zeros, 0, zeros_of(a) * sizeof *zeros);
        transform_patches(a, t0, 0, tiles, zeros, v);
    }
    for (size_t block = df_cut(o_blocks, a->o_tasks, j); block < df_cut(o_blocks, a->o_tasks, j + 1); block++) {
        const size_t o = block * O_BLOCK;
        const size_t channels = df_smaller(O - o, O_BLOCK);
        for (size_t p = 0; p < way->products; p++)
            multiply(a, p, v + p * matrix_bytes(a), tiles, o, channels, m + point_of(way, p) * m_stride);
        for (size_t t = 0; t < tiles; t++)
            store(a, spot_of(a, t0 + t), m + t * O_BLOCK, m_stride, o, channels);
    }
}

static size_t filter_bytes(const Way *way, const DfConvShape *s, size_t number) /* transformed; bytes of one */
{
    return way->products * number * (size_t)s->I * (size_t)s->O;
}

/* Tiles that a task may take: whole tiles of 6 rows of the product, in bfloat16 of 12. */
static size_t most_tiles(const Way *way, const DfConvShape *s, bool bf16, size_t least)
{
    const size_t I = (size_t)s->I;
    const size_t rows = bf16 ? 12 : 6;
    const size_t sums = bf16 ? way->points * sizeof(float) * O_BLOCK : 0;
    const size_t each = way->products * I * (bf16 ? sizeof(DfBf16) : sizeof(float)) + sums;
    const size_t fitting = way->tile_bytes / each;
    return df_clamp_size(fitting / rows * rows, least > rows ? least : rows, MOST_TILES);
}

/* How many parts the tiles are cut into. */
static size_t blocks_of(const Way *way, const DfConvShape *s, bool bf16, size_t tiles)
{
    const size_t filter = filter_bytes(way, s, bf16 ? sizeof(DfBf16) : sizeof(float));
    const size_t most = most_tiles(way, s, bf16, filter > FAR_BYTES ? FAR_TILES : 0);
    const size_t blocks = df_ceil_div(tiles, most);
    const size_t o_blocks = df_ceil_div((size_t)s->O, O_BLOCK);
    const size_t wanted = filter > NEAR_BYTES ? df_ceil_div(FEWEST_TASKS, o_blocks) : way->tasks;
    return df_clamp_size(wanted, blocks, df_ceil_div(tiles, df_smaller(NEAR_TILES, most)));
}

static const Way *way_of(const DfConvShape *s)
{
    return &ways[s->stride[0] - 1];
}

static int run(DfPool *pool, Winograd *a)
{
    const size_t tasks = a->blocks * a->o_tasks;
    const size_t zeros = zeros_of(a) * sizeof(float);
    const size_t sums = a->way->points * (a->block * O_BLOCK + LINE) * sizeof(float);
    if (a->o_tasks == 1 || a->blocks * block_bytes(a) > SHARED_BYTES)
        return df_parallel(pool, tasks, sums + zeros + block_bytes(a), winograd_task, a);
    a->shared = df_malloc(a->blocks * block_bytes(a));
    int error = a->shared ? df_parallel(pool, tasks, zeros, transform_task, a)
                          : df_fail_memory("the transformed map of a convolution");
    if (!error)
        error = df_parallel(pool, tasks, sums + zeros, winograd_task, a);
    df_free(a->shared);
    return error;
}

int df_conv_winograd(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w,
                     DfMap y, DfEpilogue e)
{
    const Way *way = way_of(s);
    const DfWinogradKernels *leaves = way->stride == 1 ? &k->conv.winograd : &k->conv.winograd_strided;
    Winograd a = { .k = k, .way = way, .leaves = leaves, .s = s, .x = x, .w = w, .y = y, .e = e };
    a.tiles_y = df_ceil_div((size_t)s->oH, 4);
    a.tiles_x = df_ceil_div((size_t)s->oW, 4);
    a.tiles = (size_t)s->N * a.tiles_y * a.tiles_x;
    if (!a.tiles)
        return DF_OK;
    a.blocks = blocks_of(way, s, is_bf16(w), a.tiles);
    a.block = df_ceil_div(a.tiles, a.blocks);
    a.o_tasks = df_clamp_size(df_ceil_div(way->tasks, a.blocks), 1, df_ceil_div((size_t)s->O, O_BLOCK));
    return run(pool, &a);
}

/* ---- where it is used -------------------------------------------------------------------------------------------- */

static bool forbidden;

void df_conv_allow_winograd(bool allowed)
{
    forbidden = !allowed;
}

static double tiles_of(const DfConvShape *s)
{
    return (double)df_ceil_div((size_t)s->oH, 4) * (double)df_ceil_div((size_t)s->oW, 4);
}

/* Can it be computed so? */
static bool has_way(const DfConvShape *s)
{
    bool fits = s->kh == 3 && s->kw == 3 && s->groups == 1 && s->stride[0] == s->stride[1] && s->stride[0] <= 2;
    for (int i = 0; i < 2; i++)
        fits = fits && s->dilation[i] == 1 && s->padding[i] >= 0 && s->padding[i] <= 2;
    return fits;
}

DfPackKind df_conv_pack_kind(const DfConvShape *s, DfPrecision precision)
{
    if (forbidden || !has_way(s) || s->I < 32 || s->O < 32)
        return DF_PACK_GEMM;
    const Way *way = way_of(s);
    if (way->stride == 2 && precision != DF_PRECISION_F32) /* products in bf16 are too fast for so long a way */
        return DF_PACK_GEMM;
    double tiles = (double)s->N * tiles_of(s);
    if (filter_bytes(way, s, sizeof(float)) > FAR_BYTES) {
        if (way->stride == 2) /* nine times the numbers of the weight */
            return DF_PACK_GEMM;
        tiles = tiles < WORTH_READING ? WORTH_READING : tiles;
    }
    if ((double)way->products * tiles >= way->worth * 9 * s->N * s->oH * s->oW)
        return DF_PACK_GEMM;
    return way->stride == 1 ? DF_PACK_WINOGRAD : DF_PACK_WINOGRAD_STRIDED;
}

double df_conv_multiply_adds(const DfConvShape *s, DfPackKind kind)
{
    const double per_tap = (double)s->N * s->O * s->I / s->groups;
    if (kind == DF_PACK_WINOGRAD || kind == DF_PACK_WINOGRAD_STRIDED)
        return (double)way_of(s)->products * tiles_of(s) * per_tap;
    return (double)s->oH * s->oW * s->kh * s->kw * per_tap;
}
