/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/wide.h -- private to templates, the headers NAME_wide.h: code that is written once and compiled for vectors
 * of eight and of sixteen floats. Its functions have the names of kernels/vector.h without a number. A template has no
 * include guard and is included where WIDE is defined as 8 or 16: then V is V8 or V16, and v_add() is v8_add() or
 * v16_add().
 */
#ifndef DF_KERNELS_WIDE_H
#define DF_KERNELS_WIDE_H

#define V_PASTE(a, b, c) a##b##c
#define V_TYPE(lanes, end) V_PASTE(V, lanes, end)
#define V_NAME(lanes, name) V_PASTE(v, lanes, _##name)

#define V     V_TYPE(WIDE, )
#define VMask V_TYPE(WIDE, m)
#define VPart V_TYPE(WIDE, Part)

#define v_zero V_NAME(WIDE, zero)
#define v_set V_NAME(WIDE, set)
#define v_load V_NAME(WIDE, load)
#define v_store V_NAME(WIDE, store)
#define v_first V_NAME(WIDE, first)
#define v_load_part V_NAME(WIDE, load_part)
#define v_store_part V_NAME(WIDE, store_part)
#define v_lanes V_NAME(WIDE, lanes)
#define v_add V_NAME(WIDE, add)
#define v_sub V_NAME(WIDE, sub)
#define v_mul V_NAME(WIDE, mul)
#define v_div V_NAME(WIDE, div)
#define v_fma V_NAME(WIDE, fma)
#define v_fnma V_NAME(WIDE, fnma)
#define v_min V_NAME(WIDE, min)
#define v_max V_NAME(WIDE, max)
#define v_abs V_NAME(WIDE, abs)
#define v_minus_abs V_NAME(WIDE, minus_abs)
#define v_with_sign V_NAME(WIDE, with_sign)
#define v_shift_exponent V_NAME(WIDE, shift_exponent)
#define v_lt V_NAME(WIDE, lt)
#define v_choose V_NAME(WIDE, choose)
#define v_choose_by_sign V_NAME(WIDE, choose_by_sign)
#define v_where V_NAME(WIDE, where)
#define v_unless V_NAME(WIDE, unless)
#define v_sum V_NAME(WIDE, sum)

/* functions_wide.h */
#define v_exp_le V_NAME(WIDE, exp_le)
#define v_exp V_NAME(WIDE, exp)
#define v_erf V_NAME(WIDE, erf)
#define v_gelu V_NAME(WIDE, gelu)
#define v_tanh V_NAME(WIDE, tanh)
#define v_sigmoid V_NAME(WIDE, sigmoid)

/* act_wide.h */
#define v_relu V_NAME(WIDE, relu)
#define v_tanh_form_of_gelu V_NAME(WIDE, tanh_form_of_gelu)
#define v_gelu_rational V_NAME(WIDE, gelu_rational)
#define v_act_one_by_one V_NAME(WIDE, act_one_by_one)
#define v_act V_NAME(WIDE, act)

/* gemm/epilogue_wide.h */
#define v_load_some V_NAME(WIDE, load_some)
#define v_store_some V_NAME(WIDE, store_some)
#define v_epilogue_of V_NAME(WIDE, epilogue_of)

#endif
