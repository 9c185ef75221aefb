/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/checkpoint/test_checkpoint_array.c -- conversions between element types,
 * against values of the standards written out.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "checkpoint/checkpoint.h"

static const int64_t one[1] = { 1 };

static uint16_t to_16(double value, DfDtype dtype)
{
    const DfArray array = df_array("x", DF_F64, 1, one, &value);
    uint16_t bits;
    df_array_copy(&array, dtype, &bits);
    return bits;
}

static double from_16(uint16_t bits, DfDtype dtype)
{
    const DfArray array = df_array("x", dtype, 1, one, &bits);
    double value;
    df_array_f64(&array, &value);
    return value;
}

/* IEEE 754 binary16: largest, ties to even, subnormals, overflow. */
Test(array, half_precision)
{
    static const struct {
        double value;
        uint16_t bits;
    } cases[] = {
        { 0, 0x0000 }, { -0.0, 0x8000 }, { 1, 0x3c00 }, { -2, 0xc000 }, { 65504, 0x7bff }, { 65519.99, 0x7bff }, { 65520, 0x7c00 },
        { 1e300, 0x7c00 }, { -INFINITY, 0xfc00 }, { 0x1p-14, 0x0400 }, { 0x1p-24, 0x0001 }, { 0x1p-25, 0x0000 }, { 0x1.8p-24, 0x0002 },
        { 0x1.000002p-25, 0x0001 }, { 1 + 0x1p-11, 0x3c00 }, { 1 + 0x1.8p-10, 0x3c02 }, { 1 + 0x1p-11 + 0x1p-40, 0x3c01 },
        { 0x1.ff8p-15, 0x03ff }, { 0x1.ffbp-15, 0x03ff }, { 0x1.ffcp-15, 0x0400 }, { 1.9998, 0x4000 }, { 1.0 / 3, 0x3555 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(to_16(cases[i].value, DF_F16), cases[i].bits, "%a gives %04x, want %04x", cases[i].value,
                     to_16(cases[i].value, DF_F16), cases[i].bits);
    cr_expect(isnan(from_16(to_16(NAN, DF_F16), DF_F16)));
}

Test(array, every_half_survives_the_way_there_and_back)
{
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        const double half = from_16((uint16_t)bits, DF_F16), bfloat = from_16((uint16_t)bits, DF_BF16);
        cr_assert(isnan(half) || to_16(half, DF_F16) == bits, "half %04x", bits);
        cr_assert(isnan(bfloat) || to_16(bfloat, DF_BF16) == bits, "bfloat16 %04x", bits);
    }
    cr_expect_eq(from_16(0x0001, DF_F16), 0x1p-24);
    cr_expect_eq(from_16(0x03ff, DF_F16), 0x1.ff8p-15);
    cr_expect_eq(from_16(0x7c00, DF_F16), INFINITY);
    cr_expect_eq(from_16(0x3f80, DF_BF16), 1);
}

Test(array, bfloat_rounds_once)
{
    cr_expect_eq(to_16(1 + 0x1p-8, DF_BF16), 0x3f80);           /* half way: to even */
    cr_expect_eq(to_16(1 + 0x1p-8 + 0x1p-40, DF_BF16), 0x3f81); /* beyond half way by less than float sees */
    cr_expect_eq(to_16(1 + 0x3p-8 - 0x1p-40, DF_BF16), 0x3f81); /* just below half way to the next */
    cr_expect_eq(to_16(1e300, DF_BF16), 0x7f80);
    cr_expect(isnan(from_16(to_16(NAN, DF_BF16), DF_BF16)));
}

Test(array, integers_saturate)
{
    const double floats[6] = { 1e30, -1e30, NAN, 2.9, -2.9, 300 };
    const int64_t shape[1] = { 6 };
    const DfArray array = df_array("x", DF_F64, 1, shape, floats);
    int64_t wide[6];
    uint8_t narrow[6];
    df_array_i64(&array, wide);
    df_array_copy(&array, DF_U8, narrow);
    cr_expect_eq(memcmp(wide, ((int64_t[]){ INT64_MAX, INT64_MIN, 0, 2, -2, 300 }), sizeof wide), 0);
    cr_expect_eq(memcmp(narrow, ((uint8_t[]){ 255, 0, 0, 2, 0, 255 }), sizeof narrow), 0);
    const int64_t large = INT64_MAX - 1;
    int64_t same;
    const DfArray integer = df_array("x", DF_I64, 0, NULL, &large);
    df_array_i64(&integer, &same);
    cr_expect_eq(same, large); /* not by way of a double */
}

/* Rows longer than what is converted at a time, from a transposed and unaligned source. */
Test(array, strided_and_unaligned)
{
    enum { ROWS = 3, COLUMNS = 700 };
    static unsigned char bytes[1 + sizeof(float) * ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const float x = (float)i;
        memcpy(bytes + 1 + (size_t)i * sizeof x, &x, sizeof x);
    }
    DfArray array = { .name = "x", .dtype = DF_F32, .ndim = 3, .shape = { ROWS, 1, COLUMNS }, .stride = { 1, 5, ROWS }, .data = bytes + 1 };
    static float out[ROWS * COLUMNS];
    df_array_f32(&array, out);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            cr_assert_eq(out[i * COLUMNS + j], (float)(j * ROWS + i));
    cr_expect_not(df_array_is_packed(&array));
    array.shape[0] = 0;
    cr_expect_eq(df_array_count(&array), 0);
    cr_expect(df_array_is_packed(&array));
}
