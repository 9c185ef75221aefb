/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/combine_tile_avx2.h -- ROWS rows and VECTORS vectors of O = keep O + M X in registers. Included by
 * attention_tile_avx2.c once for every tile: a loop over rows alone is what compilers unroll into registers.
 */
static void COMBINE_NAME(ROWS, VECTORS)(const Combine *c, int i, int d)
{
    const V8 zero = _mm256_setzero_ps();
    const size_t row = c->row, column = c->column, width = (size_t)c->width;
    float *out = c->out + (size_t)i * width + d;
    V8 sum[ROWS][VECTORS];
    for (int r = 0; r < ROWS; r++) {
        const V8 keep = c->keep ? v8_set(c->keep[i + r]) : zero;
        sum[r][0] = c->keep ? _mm256_mul_ps(keep, _mm256_load_ps(out + (size_t)r * width)) : zero;
#if VECTORS > 1
        sum[r][1] = c->keep ? _mm256_mul_ps(keep, _mm256_load_ps(out + (size_t)r * width + 8)) : zero;
#endif
#if VECTORS > 2
        sum[r][2] = c->keep ? _mm256_mul_ps(keep, _mm256_load_ps(out + (size_t)r * width + 16)) : zero;
        sum[r][3] = c->keep ? _mm256_mul_ps(keep, _mm256_load_ps(out + (size_t)r * width + 24)) : zero;
#endif
    }
    const float *m = c->m + (size_t)i * row, *x = c->x + d;
    for (int n = c->terms; n > 0; n--, m += column, x += width) {
        const V8 x0 = _mm256_load_ps(x);
#if VECTORS > 1
        const V8 x1 = _mm256_load_ps(x + 8);
#endif
#if VECTORS > 2
        const V8 x2 = _mm256_load_ps(x + 16), x3 = _mm256_load_ps(x + 24);
#endif
        for (int r = 0; r < ROWS; r++) {
            const V8 weight = _mm256_broadcast_ss(m + (size_t)r * row);
            sum[r][0] = _mm256_fmadd_ps(weight, x0, sum[r][0]);
#if VECTORS > 1
            sum[r][1] = _mm256_fmadd_ps(weight, x1, sum[r][1]);
#endif
#if VECTORS > 2
            sum[r][2] = _mm256_fmadd_ps(weight, x2, sum[r][2]);
            sum[r][3] = _mm256_fmadd_ps(weight, x3, sum[r][3]);
#endif
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < VECTORS; j++)
            _mm256_store_ps(out + (size_t)r * width + 8 * j, sum[r][j]);
}
#undef ROWS
#undef VECTORS
