/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm_tile_avx2.h -- a tile of ROWS rows and 16 columns in registers. Included by gemm_avx2.c once for every ROWS.
 *
 * Twelve accumulators, two vectors of b and one of a fill fifteen of the sixteen registers at ROWS = 6.
 */
static void TILE_NAME(ROWS)(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc, bool add, const DfEpilogue *last)
{
    V8 acc[ROWS][2];
    for (int i = 0; i < ROWS; i++) {
        acc[i][0] = acc[i][1] = _mm256_setzero_ps();
        _mm_prefetch((const char *)(c + (size_t)i * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + (size_t)i * ldc + 15), _MM_HINT_T0);
    }
    for (size_t p = 0; p < k; p++, b += 16) {
        const V8 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
        for (int i = 0; i < ROWS; i++) {
            const V8 x = _mm256_broadcast_ss(a + (size_t)i * lda + p);
            acc[i][0] = _mm256_fmadd_ps(x, b0, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(x, b1, acc[i][1]);
        }
    }
    for (int i = 0; i < ROWS; i++) {
        float *y = c + (size_t)i * ldc;
        if (add) {
            acc[i][0] = _mm256_add_ps(acc[i][0], _mm256_loadu_ps(y));
            acc[i][1] = _mm256_add_ps(acc[i][1], _mm256_loadu_ps(y + 8));
        }
        if (!last) {
            _mm256_storeu_ps(y, acc[i][0]);
            _mm256_storeu_ps(y + 8, acc[i][1]);
        }
    }
    for (int i = 0; last && i < ROWS; i++)
        for (int j = 0; j < 2; j++)
            _mm256_storeu_ps(c + (size_t)i * ldc + 8 * j, v8_epilogue(acc[i][j], last, (size_t)i * ldc + 8 * (size_t)j, 8 * (size_t)j));
}
