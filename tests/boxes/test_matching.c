/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boxes/test_matching.c -- linear assignment against all permutations, and for what one knows without looking.
 * Against SciPy and the official matcher: tests/heads/test_set_criterion.c.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "boxes/boxes.h"

enum { MOST = 6 };

static double least(const double *cost, size_t rows, size_t columns, size_t row, unsigned used, size_t skips)
{
    if (row == rows)
        return 0;
    double best = skips ? least(cost, rows, columns, row + 1, used, skips - 1) : INFINITY;
    for (size_t j = 0; j < columns; j++)
        if (!(used >> j & 1))
            best = fmin(best, cost[row * columns + j] + least(cost, rows, columns, row + 1, used | 1u << j, skips));
    return best;
}

static double total(const double *cost, size_t rows, size_t columns, const int *column_of_row)
{
    unsigned used = 0;
    size_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        if (column_of_row[i] >= 0) {
            cr_assert_lt((size_t)column_of_row[i], columns);
            cr_assert(!(used >> column_of_row[i] & 1), "a column twice");
            used |= 1u << column_of_row[i];
            sum += cost[i * columns + (size_t)column_of_row[i]];
            n++;
        }
    cr_assert_eq(n, rows < columns ? rows : columns);
    return sum;
}

Test(assignment, all_permutations)
{
    DfRandom random = df_random(1, 2);
    for (size_t rows = 1; rows <= MOST; rows++)
        for (size_t columns = 1; columns <= MOST; columns++)
            for (int kind = 0; kind < 8; kind++) {
                double cost[MOST * MOST];
                int of[MOST];
                for (size_t i = 0; i < rows * columns; i++)
                    cost[i] = kind % 2 ? df_normal(&random) : floor(3 * df_uniform(&random)); /* with ties */
                cr_assert_eq(df_linear_assignment(rows, columns, cost, of), DF_OK);
                const double want = least(cost, rows, columns, 0, 0, rows > columns ? rows - columns : 0);
                cr_expect_float_eq(total(cost, rows, columns, of), want, 1e-12);
            }
}

Test(assignment, forbidden)
{
    int of[2];
    cr_expect_eq(df_linear_assignment(2, 2, (const double[]){ INFINITY, 5, 1, 0 }, of), DF_OK);
    cr_expect(of[0] == 1 && of[1] == 0);
    cr_expect_eq(df_linear_assignment(2, 2, (const double[]){ INFINITY, 5, INFINITY, 0 }, of), DF_EVALUE);
    cr_expect_eq(df_linear_assignment(1, 2, (const double[]){ NAN, 5 }, of), DF_EVALUE);
    cr_expect_eq(df_linear_assignment(2, 0, NULL, of), DF_OK);
    cr_expect(of[0] == -1 && of[1] == -1);
    cr_expect_eq(df_linear_assignment(0, 2, NULL, NULL), DF_OK);
}

Test(matcher, refuses_a_class_that_is_not)
{
    const DfSetMatcher m = df_set_matcher();
    const float logits[3] = { 0 }, box[4] = { 0.5f, 0.5f, 0.2f, 0.2f };
    int of;
    cr_expect_eq(df_set_match(&m, 1, 3, logits, box, 1, (const int[]){ 3 }, box, &of), DF_EVALUE);
    cr_expect_eq(df_set_match(&m, 1, 3, logits, box, 1, (const int[]){ 2 }, box, &of), DF_OK);
    cr_expect_eq(of, 0);
}
