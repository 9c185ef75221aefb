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
 * A task takes some tiles through all three steps: 36 matrices of transformed patches, 36 products with the
 * transformed filter, and back, so that what is between never leaves the cache.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/conv/parts.h"
#include "kernels/gemm/bf16.h"

enum {
    TILE_BYTES = 1 << 20, /* transformed patches of a task                                                */
    MOST_TILES = 96,
    FAR_BYTES = 32 << 20, /* a transformed filter so large is read from memory, whole, by every task: ... */
    FAR_TILES = 48,       /* ... then a task has so many tiles at least, ...                              */
    WORTH_READING = 18,   /* ... and reading it once takes as long as the products of so many             */
    NEAR_BYTES = 1 << 20, /* one so large comes from the second cache: ...                                */
    NEAR_TILES = 12,      /* ... tasks of so many tiles, a tile of the product, lose nothing              */
    O_BLOCK = 64,         /* channels that go back at a time                                              */
    TASKS = 16,           /* cut into smaller tasks, and along output channels, until there are so many   */
    LINE = 16,            /* floats between the 36 matrices: keeps them off one another's cache sets      */
    LINE_BYTES = 64,
    CHANNELS = 64         /* that are rounded at a time                                                   */
};

typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    DfMap x, y;
    const DfPacked *w;
    DfEpilogue e;
    size_t tiles_y, tiles_x, tiles; /* of an image, of all                */
    size_t block, blocks;           /* tiles of a task; tasks along tiles */
    size_t o_tasks;                 /* and along output channels          */
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

/* The 6x6 pixels around a tile, in the numbers of the map; those outside of it are zeros. */
static void patch(const Winograd *a, Spot spot, const void *zeros, const void *d[36])
{
    const char *map = a->x.data;
    const size_t pixel = (size_t)a->s->I * number_of(a->x);
    const size_t H = (size_t)a->s->H;
    const size_t W = (size_t)a->s->W;
    const size_t top = (size_t)a->s->padding[0];
    const size_t left = (size_t)a->s->padding[1];
    for (size_t i = 0; i < 36; i++) {
        const size_t y = spot.y + i / 6; /* in the padded map: no negative numbers */
        const size_t x = spot.x + i % 6;
        const bool inside = y >= top && y < top + H && x >= left && x < left + W;
        d[i] = inside ? map + ((spot.n * H + y - top) * W + x - left) * pixel : zeros;
    }
}

/* The pixels of a tile in float32, then rounded. */
static void store_rounded(const Winograd *a, DfBf16 *y, size_t ld_row, size_t h, size_t w, const float *m,
                          size_t stride, size_t channels, const DfEpilogue *e)
{
    alignas(64) float wide[16 * O_BLOCK];
    a->k->conv.winograd_output(wide, 4 * O_BLOCK, O_BLOCK, (int)h, (int)w, m, stride, channels, e);
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
        a->k->conv.winograd_output((float *)a->y.data + pixel * O + o, W * O, O, (int)h, (int)w, m, stride, channels,
                                   &e);
}

/* ---- in bfloat16: patches are transformed in float32, some channels at a time, and rounded ----------------------- */

static bool is_bf16(const DfPacked *w)
{
    return df_packed_precision(w) == DF_PRECISION_BF16;
}

/* Numbers of a tile in one of the 36 matrices. */
static size_t tile_row(const Winograd *a)
{
    const size_t I = (size_t)a->s->I;
    return is_bf16(a->w) ? I + I % 2 : I;
}

/* Bytes of one of the 36 matrices. */
static size_t matrix_bytes(const Winograd *a)
{
    const size_t number = is_bf16(a->w) ? sizeof(DfBf16) : sizeof(float);
    return df_ceil_div(a->block * tile_row(a) * number, LINE_BYTES) * LINE_BYTES + LINE_BYTES;
}

/* Channels i..i+n-1 of a patch: where they are, or in `wide`. */
static void channels_of(const Winograd *a, const void *const d[36], size_t i, size_t n, float *wide,
                        const float *at[36])
{
    for (size_t p = 0; p < 36; p++) {
        at[p] = a->x.bf16 ? wide + p * CHANNELS : (const float *)d[p] + i;
        if (a->x.bf16)
            a->k->bf16.widen(wide + p * CHANNELS, (const DfBf16 *)d[p] + i, n);
    }
}

static void transform_rounded(const Winograd *a, DfBf16 *v, size_t stride, const void *const d[36])
{
    alignas(64) float wide[36 * CHANNELS];
    alignas(64) float pixels[36 * CHANNELS];
    const float *at[36];
    const size_t I = (size_t)a->s->I;
    for (size_t i = 0; i < I; i += CHANNELS) {
        const size_t n = df_smaller(I - i, CHANNELS);
        channels_of(a, d, i, n, pixels, at);
        a->k->conv.winograd_input(wide, CHANNELS, at, n);
        for (size_t p = 0; p < 36; p++)
            a->k->bf16.round(v + p * stride + i, wide + p * CHANNELS, n);
    }
    for (size_t p = 0; I % 2 && p < 36; p++)
        v[p * stride + I] = 0;
}

/* As multiply(). */
static void multiply_rounded(const Winograd *a, size_t p, const DfBf16 *v, size_t tiles, size_t o, size_t channels, float *m)
{
    static const DfEpilogue nothing;
    const size_t row = tile_row(a);
    const DfBf16Panels u = df_packed_bf16_panels(a->w, p);
    const DfBf16Panels next = df_packed_bf16_panels(a->w, p + 1 < 36 ? p + 1 : 0);
    const size_t next_o = p + 1 < 36 ? o : o + channels;
    const DfBf16Product product = {
        .m = tiles, .rounded = v, .lda = row, .b = { u.data + o * row, u.k, channels }, .n1 = channels, .y = m,
        .ldy = O_BLOCK, .e = &nothing, .then = next_o < u.n ? next.data + next_o * row : NULL,
    };
    df_bf16_product(&a->k->bf16, &product, NULL);
}

/* ---- in the precision of the filter ------------------------------------------------------------------------------ */

/* Into tile t of the 36 matrices at v. */
static void transform(const Winograd *a, char *v, size_t t, const void *const d[36])
{
    const size_t bytes = matrix_bytes(a);
    const float *at[36];
    if (is_bf16(a->w)) {
        transform_rounded(a, (DfBf16 *)(void *)v + t * tile_row(a), bytes / sizeof(DfBf16), d);
        return;
    }
    for (size_t p = 0; p < 36; p++)
        at[p] = d[p];
    a->k->conv.winograd_input((float *)(void *)v + t * tile_row(a), bytes / sizeof(float), at, (size_t)a->s->I);
}

/* Some channels from column o on: m = V[p] U[p]. */
static void multiply(const Winograd *a, size_t p, const char *v, size_t tiles, size_t o, size_t channels, float *m)
{
    static const DfEpilogue nothing;
    if (is_bf16(a->w)) {
        multiply_rounded(a, p, (const DfBf16 *)(const void *)v, tiles, o, channels, m);
        return;
    }
    const DfPanels u = df_packed_panels(a->w, p);
    const DfPanels next = df_packed_panels(a->w, p + 1 < 36 ? p + 1 : 0);
    const size_t next_o = p + 1 < 36 ? o : o + channels;
    const DfRowsProduct product = {
        .m = tiles, .a = (const float *)(const void *)v, .lda = u.k,
        .b = { .data = u.data + o * u.k, .k = u.k, .n = channels },
        .n1 = channels, .y = m, .ldy = O_BLOCK, .e = &nothing, .then = next_o < u.n ? next.data + next_o * u.k : NULL,
    };
    df_rows_product(&a->k->gemm, &product, NULL);
}

/* V of some tiles. A map may come from far away: while one patch is transformed, what the next one has besides is
 * fetched, its last four columns. */
static void transform_patches(const Winograd *a, size_t t0, size_t tiles, const float *zeros, char *v)
{
    const size_t fetched = (size_t)a->s->I * number_of(a->x) / sizeof(float);
    const void *patches[2][36];
    patch(a, spot_of(a, t0), zeros, patches[0]);
    for (size_t t = 0; t < tiles; t++) {
        const void **const next = patches[(t + 1) % 2];
        if (t + 1 < tiles) {
            patch(a, spot_of(a, t0 + t + 1), zeros, next);
            for (size_t i = 0; i < 36; i++)
                if (i % 6 >= 2)
                    a->k->gemm.fetch(next[i], fetched);
        }
        transform(a, v, t, patches[t % 2]);
    }
}

static void winograd_task(void *arg, size_t task, void *scratch)
{
    const Winograd *a = arg;
    const size_t I = (size_t)a->s->I;
    const size_t O = (size_t)a->s->O;
    const size_t i = task / a->o_tasks; /* neighbours share tiles */
    const size_t j = task % a->o_tasks;
    const size_t t0 = df_cut(a->tiles, a->blocks, i);
    const size_t tiles = df_cut(a->tiles, a->blocks, i + 1) - t0;
    const size_t v_bytes = matrix_bytes(a);
    const size_t m_stride = a->block * O_BLOCK + LINE;
    const size_t o_blocks = df_ceil_div(O, O_BLOCK);
    char *v = scratch;                               /* 36 tiles I       */
    float *m = (float *)(void *)(v + 36 * v_bytes);  /* 36 tiles O_BLOCK */
    float *zeros = m + 36 * m_stride;                /* I                */
    memset(zeros, 0, I * sizeof *zeros);
    transform_patches(a, t0, tiles, zeros, v);
    for (size_t block = df_cut(o_blocks, a->o_tasks, j); block < df_cut(o_blocks, a->o_tasks, j + 1); block++) {
        const size_t o = block * O_BLOCK;
        const size_t channels = df_smaller(O - o, O_BLOCK);
        for (size_t p = 0; p < 36; p++)
            multiply(a, p, v + p * v_bytes, tiles, o, channels, m + p * m_stride);
        for (size_t t = 0; t < tiles; t++)
            store(a, spot_of(a, t0 + t), m + t * O_BLOCK, m_stride, o, channels);
    }
}

static size_t filter_bytes(const DfConvShape *s, size_t number) /* of the transformed filter; bytes of one */
{
    return 36 * number * (size_t)s->I * (size_t)s->O;
}

/* Tiles that a task may take: whole tiles of 6 rows of the product, in bfloat16 of 12. */
static size_t most_tiles(const DfConvShape *s, bool bf16, size_t least)
{
    const size_t I = (size_t)s->I;
    const size_t rows = bf16 ? 12 : 6;
    const size_t each = bf16 ? 36 * (sizeof(DfBf16) * I + sizeof(float) * O_BLOCK) : 36 * sizeof(float) * I;
    const size_t fitting = TILE_BYTES / each;
    return df_clamp_size(fitting / rows * rows, least > rows ? least : rows, MOST_TILES);
}

/* How many parts the tiles are cut into. */
static size_t blocks_of(const DfConvShape *s, bool bf16, size_t tiles)
{
    const size_t filter = filter_bytes(s, bf16 ? sizeof(DfBf16) : sizeof(float));
    const size_t most = most_tiles(s, bf16, filter > FAR_BYTES ? FAR_TILES : 0);
    const size_t blocks = df_ceil_div(tiles, most);
    if (filter > NEAR_BYTES)
        return blocks;
    return df_clamp_size(TASKS, blocks, df_ceil_div(tiles, df_smaller(NEAR_TILES, most)));
}

int df_conv_winograd(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w,
                     DfMap y, DfEpilogue e)
{
    Winograd a = { .k = k, .s = s, .x = x, .w = w, .y = y, .e = e };
    a.tiles_y = df_ceil_div((size_t)s->oH, 4);
    a.tiles_x = df_ceil_div((size_t)s->oW, 4);
    a.tiles = (size_t)s->N * a.tiles_y * a.tiles_x;
    if (!a.tiles)
        return DF_OK;
    a.blocks = blocks_of(s, is_bf16(w), a.tiles);
    a.block = df_ceil_div(a.tiles, a.blocks);
    a.o_tasks = df_clamp_size(df_ceil_div(TASKS, a.blocks), 1, df_ceil_div((size_t)s->O, O_BLOCK));
    const size_t floats = 36 * (a.block * O_BLOCK + LINE) + (size_t)s->I;
    const size_t scratch = 36 * matrix_bytes(&a) + floats * sizeof(float);
    return df_parallel(pool, a.blocks * a.o_tasks, scratch, winograd_task, &a);
}

static bool forbidden;

void df_conv_allow_winograd(bool allowed)
{
    forbidden = !allowed;
}

static double tiles_of(const DfConvShape *s)
{
    return (double)df_ceil_div((size_t)s->oH, 4) * (double)df_ceil_div((size_t)s->oW, 4);
}

bool df_conv_prefers_winograd(const DfConvShape *s)
{
    bool fits = !forbidden && s->kh == 3 && s->kw == 3 && s->groups == 1 && s->I >= 32 && s->O >= 32;
    for (int i = 0; i < 2; i++)
        fits = fits && s->stride[i] == 1 && s->dilation[i] == 1 && s->padding[i] >= 0 && s->padding[i] <= 2;
    double tiles = (double)s->N * tiles_of(s);
    if (filter_bytes(s, sizeof(float)) > FAR_BYTES && tiles < WORTH_READING)
        tiles = WORTH_READING;
    return fits && 36 * tiles < 0.7 * 9 * s->N * s->oH * s->oW;
}

double df_conv_multiply_adds(const DfConvShape *s)
{
    const double per_tap = (double)s->N * s->O * s->I / s->groups;
    return df_conv_prefers_winograd(s) ? 36 * tiles_of(s) * per_tap
                                       : (double)s->oH * s->oW * s->kh * s->kw * per_tap;
}
