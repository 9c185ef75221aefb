/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_points_page.c -- the page of points: numbers that are whole, and names that are no HTML.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "report/report.h"

Test(points_page, places_and_weights_keep_their_values)
{
    for (int i = 0; i <= 175; i++) {
        const double x = -320 + 7.3 * i;
        cr_expect_float_eq((df_page_place((float)x, 640) / 65535.0 * 2 - 0.5) * 640, x, 640 / 65535.0 + 1e-4, "%g", x);
    }
    for (int i = 0; i <= 76; i++)
        cr_expect_float_eq(df_page_weight((float)(0.013 * i)) / 65535.0, 0.013 * i, 0.5 / 65535 + 1e-7, "%d", i);
    cr_expect(df_page_place(-1e30f, 640) == 0 && df_page_place(1e30f, 640) == 65535 && df_page_place(NAN, 640) == 0);
    cr_expect(df_page_weight(-1) == 0 && df_page_weight(INFINITY) == 65535 && df_page_weight(NAN) == 0);
}

Test(points_page, has_its_data_and_no_foreign_script)
{
    int id[] = { 7 };
    uint16_t at[] = { 0x0102, 0xffff };
    uint16_t read[] = { 1, 2, 3 };
    const DfPointsLayerPage layer = { "stages.2", true, 9, 1, 1, 1, 1, 1, id, at, read };
    const DfPointsDetection found = { "</div><script>alert(1)</script>", 0.5f, { 1, 2, NAN, 4 }, 7 };
    const DfPointsPage page = { "<b>", "data:,", 20, 10, &layer, 1, &found, 1 };
    char *html;
    cr_assert_eq(df_report_points(&page, &html), DF_OK, "%s", df_error());
    cr_expect(strstr(html, "&quot;at&quot;:&quot;AgH//w==&quot;"), "little-endian, in base64");
    cr_expect(strstr(html, "&quot;read&quot;:&quot;AQACAAMA&quot;"));
    cr_expect(strstr(html, "&quot;box&quot;:[1,2,null,4]"));
    cr_expect(!strstr(html, "alert(1)</script>") && !strstr(html, "<b>") && !strstr(html, "src=http"));
    df_free(html);
}
