/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_training_page.c -- the page of a training run: whole, escaped, and without anything that loads from
 * elsewhere or runs.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

enum { POINTS = 1000 };
static double step[POINTS], loss[POINTS], score[3] = { 0.1, NAN, 0.3 };

static void fill(DfTrainingPage *page, int reload)
{
    static DfCurve curves[] = { { "loss <x>", step, loss, POINTS }, { "empty", step, loss, 0 } };
    static DfCurve scores[] = { { "bbox_mAP", step, score, 3 } };
    static const DfTrainingChart charts[] = {
        { .title = "Loss", .lead = "of \"all\"", .curves = curves, .n = 2, .smooth = true, .from_first = true },
        { .title = "Scores", .lead = "", .curves = scores, .n = 1, .percent = true },
    };
    static const char *const names[] = { "done", "loss" };
    static const char *const values[] = { "50%", "0.5 & more" };
    static const DfTrainingPicture pictures[] = { { "a<b>.jpg", "samples/0_labelled.jpg", "samples/0_found.jpg?step=5" } };
    for (int i = 0; i < POINTS; i++) {
        step[i] = i + 1;
        loss[i] = i == 3 ? (double)INFINITY : 1000.0 / (i + 1);
    }
    *page = (DfTrainingPage){ .title = "A <run>", .state = "Step 5 of 10", .reload = reload, .card_names = names,
                              .card_values = values, .n_cards = 2, .charts = charts, .n_charts = 2,
                              .pictures = pictures, .n_pictures = 1, .pictures_lead = "seen" };
}

Test(training_page, has_everything)
{
    DfTrainingPage page;
    char *text;
    fill(&page, 10);
    cr_assert_eq(df_report_training(&page, &text), DF_OK, "%s", df_error());
    cr_expect(strstr(text, "A &lt;run&gt;") && strstr(text, "loss &lt;x&gt;") && strstr(text, "a&lt;b&gt;.jpg"));
    cr_expect(strstr(text, "0.5 &amp; more") && strstr(text, "of &quot;all&quot;") && strstr(text, "Step 5 of 10"));
    cr_expect(strstr(text, "http-equiv=refresh content=10"));
    cr_expect_eq(count(text, "<svg "), 2);
    cr_expect_eq(count(text, "<svg "), count(text, "</svg>"));
    cr_expect_eq(count(text, "<div"), count(text, "</div>"));
    cr_expect_eq(count(text, "<section id="), count(text, "</section>"));
    cr_expect_eq(count(text, "<path class=\"curve\""), 2);
    cr_expect_eq(count(text, "<img "), 2);
    cr_expect(!strstr(text, "<script") && !strstr(text, "http://") && !strstr(text, "https://"));
    cr_expect(!strstr(text, "nan") && !strstr(text, ">inf"));
    cr_expect(df_ends_with(text, "</html>\n"));
    df_free(text);
}

Test(training_page, curves_as_a_drawing)
{
    DfTrainingPage page;
    char *text;
    fill(&page, 0);
    cr_assert_eq(df_report_curves(page.charts, page.n_charts, &text), DF_OK, "%s", df_error());
    cr_expect(df_starts_with(text, "<svg xmlns=\"http://www.w3.org/2000/svg\"") && df_ends_with(text, "</svg>\n"));
    cr_expect_eq(count(text, "<g "), 2);
    cr_expect_eq(count(text, "<g "), count(text, "</g>"));
    cr_expect_eq(count(text, "<text"), count(text, "</text>"));
    cr_expect_eq(count(text, "<path class=\"curve\""), 2);
    cr_expect(strstr(text, "loss &lt;x&gt;") && !strstr(text, "nan") && !strstr(text, "inf<"));
    df_free(text);
    cr_assert_eq(df_report_curves(NULL, 0, &text), DF_OK);
    df_free(text);
}

Test(training_page, of_a_run_that_is_over_does_not_load_again)
{
    DfTrainingPage page;
    char *text;
    fill(&page, 0);
    cr_assert_eq(df_report_training(&page, &text), DF_OK, "%s", df_error());
    cr_expect(!strstr(text, "http-equiv=refresh") && strstr(text, "The run is over."));
    df_free(text);
}

Test(training_page, empty)
{
    char *text;
    const DfTrainingPage page = { .title = "", .state = "", .pictures_lead = "" };
    cr_assert_eq(df_report_training(&page, &text), DF_OK, "%s", df_error());
    cr_expect_eq(count(text, "<svg "), 0);
    df_free(text);
}

/* A value that never changes, nothing but zeros, one point, values below zero. */
Test(training_page, odd_curves)
{
    static const double at[] = { 7, 8 }, same[] = { 3, 3 }, zeros[] = { 0, 0 }, below[] = { -2, -1 };
    const double *const all[] = { same, zeros, below };
    for (int i = 0; i < 6; i++) {
        const DfCurve curve = { "x", at, all[i % 3], i < 3 ? 2 : 1 };
        const DfTrainingChart chart = { .title = "t", .lead = "", .curves = &curve, .n = 1, .percent = i == 4 };
        const DfTrainingPage page = { .title = "", .state = "", .charts = &chart, .n_charts = 1, .pictures_lead = "" };
        char *text;
        cr_assert_eq(df_report_training(&page, &text), DF_OK, "%s", df_error());
        cr_expect(!strstr(text, "nan") && !strstr(text, "inf "), "%d", i);
        df_free(text);
    }
}

Test(training_page, every_allocation_fails_once)
{
    DfTrainingPage page;
    fill(&page, 10);
    int error = DF_ENOMEM;
    for (size_t n = 1; error == DF_ENOMEM; n++) {
        char *text = NULL;
        df_memory_fail_at(n, false);
        error = df_report_training(&page, &text);
        df_memory_fail_at(0, false);
        df_free(text);
    }
    cr_expect_eq(error, DF_OK, "%s", df_error());
}
