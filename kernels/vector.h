/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector.h -- private to the *_v8.c files: eight floats at once, and functions of them. What is written with
 * it is compiled for AVX2 on x86-64 and for NEON on aarch64, and gives the same bits on both but for NaNs and signs of
 * zeros: vector_avx2.h and vector_neon.h differ in instructions, not in the order of additions.
 *
 *     V8      eight floats                           V8i  eight integers of 32 bits
 *     V8m     lanes that are on, as compared         V4d  four doubles
 *     V8Part  the first lanes, for the end of a row
 *
 * memory      v8_zero v8_set v8_load v8_store, and v8_load_aligned v8_store_aligned at multiples of 32 bytes
 *             v8_first(n)             lanes 0..n-1; none for n <= 0, all from 8 on
 *             v8_load_part(p, part)   0 in the other lanes, which are not read
 *             v8_store_part(p, part, x)
 *             v8_lanes(part)          as V8m
 * arithmetic  v8_add v8_sub v8_mul v8_div v8_abs v8_negate v8_minus_abs v8_floor
 *             v8_fma(a, b, c)         a b + c, rounded once; v8_fnma(a, b, c) is c - a b
 *             v8_min v8_max           b where b is NaN; where only a is, either
 *             v8_with_sign(x, s)      x >= 0 with the sign of s
 *             v8_shift_exponent(x, i) x 2^n where the bits of i end in n
 * choices     v8_lt v8_gt v8_ge       off where there is a NaN
 *             v8_choose(on, a, b)     a where on, else b; v8_where(on, a) and v8_unless(on, b) with 0 for the other
 *             v8_choose_by_sign(x, negative, positive)
 * across      v8_sum v8_largest v8_lane_0 v8_lane_0_to_int (towards 0) v8_spread_lane_0
 *             v8_lookup(table, at)    table[at] of a vector, at in 0..7; v8_gather(p, at) is p[at]
 *             v8_even v8_odd          every second float of a and b, which stand one behind the other
 *             v8_zip_low v8_zip_high  a0 b0 a1 b1 .. of the lower and the upper halves of a and b
 *             v8_transpose(r)         eight vectors
 * integers    v8i_zero v8i_set v8i_count (0..7) v8i_load v8i_store v8i_add v8i_mul v8i_eq v8i_choose v8i_where
 *             v8_to_int (towards 0) v8_from_int
 * doubles     v4d_zero v4d_set v4d_add v4d_div v4d_sqrt v4d_fma v4d_sum, and v8_low v8_high from half a vector;
 *             v8_rounded(low, high)   back to eight floats
 *
 * Functions, with their largest errors against float64 over a sweep of all finite floats with normal results:
 *     v8_exp   0.9 ulp (0 for x < -87.3, where results would be subnormal; 3.4e38 above 88.72)
 *     v8_erf   1.2 ulp       v8_tanh   1.4 ulp       v8_sigmoid   2.4 ulp
 *     v8_gelu  1e-7 of max(|gelu(x)|, |x| / 2): x / 2 times (1 + erf) cancels for negative x, as it does in PyTorch
 * NaN gives NaN. The polynomials are minimax fits in float64, rounded to float.
 */
#ifndef DF_KERNELS_VECTOR_H
#define DF_KERNELS_VECTOR_H

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vector_avx2.h"
#elif defined(__aarch64__)
#include "kernels/vector_neon.h"
#else
#error "want AVX2 and FMA, or aarch64"
#endif

#define WIDE 8
#include "kernels/functions_wide.h"
#undef WIDE

#endif
