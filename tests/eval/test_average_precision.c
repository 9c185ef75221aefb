/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_average_precision.c -- precision, its envelope and its interpolation: cases that are answered by
 * hand, and random rankings against accumulate() of pycocotools, written out.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "eval/average_precision.h"
#include "eval/eval.h"

/* ---- by hand ------------------------------------------------------------------------------------------------------ */

Test(average_precision, precision_is_the_part_that_is_right)
{
    cr_expect_eq(df_precision(3, 1, 0), 0.75);
    cr_expect_eq(df_precision(1, 0, DBL_EPSILON), 1 / (0 + 1 + DBL_EPSILON));
    cr_expect_eq(df_precision(0, 0, DBL_EPSILON), 0, "which is what the epsilon is for");
}

Test(average_precision, envelope_is_the_best_from_here_on)
{
    double precision[] = { 0.5, 1, 0.6, 0.7, 0.2, 0.3 };
    static const double wanted[] = { 1, 1, 0.7, 0.7, 0.3, 0.3 };
    PrecisionCurve c = { .n = 6, .precision = precision };
    df_precision_envelope(&c);
    cr_expect_arr_eq(precision, wanted, sizeof wanted);
    df_precision_envelope(&(PrecisionCurve){ .n = 0 });
}

Test(average_precision, hits_that_a_recall_needs)
{
    cr_expect_eq(df_hits_needed(0, 3), 0);
    cr_expect_eq(df_hits_needed(0.01, 3), 1);
    cr_expect_eq(df_hits_needed(1.0 / 3, 3), 1);
    cr_expect_eq(df_hits_needed(0.34, 3), 2);
    cr_expect_eq(df_hits_needed(1, 3), 3);
    cr_expect_eq(df_hits_needed(1.1, 3), 4, "which is never reached");
    cr_expect_eq(df_hits_needed((double)NAN, 3), 4, "likewise");
    cr_expect_eq(df_hits_needed(-1, 3), 0);
}

/* By the division, not by the product: 0.07 * 100 is 7.000000000000001, and 7 / 100 reaches 0.07. */
Test(average_precision, hits_are_those_of_the_division)
{
    const double *const recalls = df_coco_params().recalls;
    for (size_t positives = 1; positives <= 300; positives++)
        for (int r = 0; r <= 100; r++) {
            size_t wanted = 0;
            while (!((double)wanted / (double)positives >= recalls[r]))
                wanted++;
            cr_assert_eq(df_hits_needed(recalls[r], positives), wanted, "recall %g of %zu", recalls[r], positives);
        }
}

/* Right, wrong, right, wrong; three objects. Precision is 1 at recall 1/3 and 2/3 at recall 2/3. So p(r) is 1 at the 34
 * recalls from 0 to 0.33, 2/3 at the 33 from 0.34 to 0.66, and 0 at the rest. */
Test(average_precision, four_detections_and_three_objects)
{
    double precision[] = { df_precision(1, 0, 0), df_precision(2, 1, 0) };
    double at[101];
    double sum = 0;
    size_t needed[101];
    PrecisionCurve c = { .n = 2, .precision = precision };
    for (int r = 0; r <= 100; r++)
        needed[r] = df_hits_needed(df_coco_params().recalls[r], 3);
    df_precision_envelope(&c);
    df_precision_at(&c, needed, 101, at);
    for (int r = 0; r <= 100; r++) {
        cr_expect_eq(at[r], r <= 33 ? 1 : r <= 66 ? 2.0 / 3 : 0, "recall %d / 100: %g", r, at[r]);
        sum += at[r];
    }
    cr_expect_eq(df_average_precision(&c, needed, 101), sum / 101);
    cr_expect_float_eq(sum / 101, (34 + 33 * 2.0 / 3) / 101, 1e-15);
}

/* The first image counts twice: its true positive finds two objects of five, the other one more. */
Test(average_precision, a_point_may_find_several_objects)
{
    static const uint64_t found[] = { 2, 3 };
    static const double recalls[] = { 0, 0.2, 0.4, 0.5, 0.6, 0.8, 1 };
    static const double wanted[] = { 1, 1, 1, 0.75, 0.75, 0, 0 };
    double precision[] = { 1, 0.75 };
    double at[7];
    size_t needed[7];
    const PrecisionCurve c = { .n = 2, .precision = precision, .found = found };
    for (int r = 0; r < 7; r++)
        needed[r] = df_hits_needed(recalls[r], 5);
    df_precision_at(&c, needed, 7, at);
    cr_expect_arr_eq(at, wanted, sizeof wanted);
    cr_expect_eq(df_average_precision(&c, needed, 7), 4.5 / 7);
}

Test(average_precision, without_a_true_positive_it_is_0)
{
    static const size_t needed[] = { 0, 1 };
    double at[2] = { 1, 1 };
    const PrecisionCurve c = { .n = 0 };
    df_precision_at(&c, needed, 2, at);
    cr_expect(at[0] == 0 && at[1] == 0);
    cr_expect_eq(df_average_precision(&c, needed, 2), 0);
}

/* ---- against accumulate(), written out ------------------------------------------------------------------------------ */

enum { MOST = 60 };

/* q of pycocotools, over all detections and not only the true positives. */
static void accumulate(const bool *right, size_t n, size_t npig, double q[101])
{
    double rc[MOST], pr[MOST];
    double tp = 0;
    double fp = 0;
    for (size_t d = 0; d < n; d++) {
        tp += right[d];
        fp += !right[d];
        rc[d] = tp / (double)npig;
        pr[d] = tp / (fp + tp + DBL_EPSILON);
    }
    for (size_t d = n; d-- > 1;)
        if (pr[d] > pr[d - 1])
            pr[d - 1] = pr[d];
    for (int r = 0; r <= 100; r++) {
        size_t at = 0; /* np.searchsorted(rc, recThrs, side='left') */
        while (at < n && rc[at] < df_coco_params().recalls[r])
            at++;
        q[r] = at < n ? pr[at] : 0;
    }
}

Test(average_precision, random_rankings_are_those_of_pycocotools)
{
    DfRandom random = df_random(3, 0);
    for (int i = 0; i < 3000; i++) {
        bool right[MOST];
        double precision[MOST], wanted[101], at[101];
        size_t needed[101];
        uint64_t found[MOST];
        const size_t n = (size_t)(df_uniform(&random) * MOST);
        PrecisionCurve c = { .precision = precision };
        for (size_t d = 0; d < n; d++) {
            right[d] = df_uniform(&random) < 0.5;
            if (!right[d])
                continue;
            const size_t tp = c.n + 1;
            found[c.n] = tp;
            precision[c.n++] = df_precision((double)tp, (double)(d + 1 - tp), DBL_EPSILON);
        }
        const size_t npig = c.n + 1 + (size_t)(df_uniform(&random) * 10);
        for (int r = 0; r <= 100; r++)
            needed[r] = df_hits_needed(df_coco_params().recalls[r], npig);
        accumulate(right, n, npig, wanted);
        df_precision_envelope(&c);
        df_precision_at(&c, needed, 101, at);
        cr_assert_arr_eq(at, wanted, sizeof wanted, "ranking %d", i);
        c.found = found;
        df_precision_at(&c, needed, 101, at);
        cr_assert_arr_eq(at, wanted, sizeof wanted, "ranking %d, with weights of 1", i);
    }
}
