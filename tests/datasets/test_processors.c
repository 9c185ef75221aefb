/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_processors.c -- pictures as torchvision, timm and transformers prepare them, every bit of the floats
 * (tests/scripts/make_processors.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "datasets/datasets.h"

#define IMAGES DF_TEST_DATA "/images/"

static DfPipeline *pipeline_of(const char *transforms)
{
    char text[1024];
    DfConfig *config;
    DfPipeline *pipeline;
    snprintf(text, sizeof text,
             "p = [dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'), %s]\n",
             transforms);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), DF_OK, "%s", df_error());
    df_config_free(config);
    return pipeline;
}

Test(processors, as_the_libraries_prepare_pictures)
{
    FILE *table = fopen(IMAGES "processors.txt", "r");
    cr_assert(table);
    char name[64], transforms[900], path[1024];
    int height, width, rows = 0;
    unsigned long crc;
    for (; fscanf(table, "%63s %d %d %lu %899[^\n]", name, &height, &width, &crc, transforms) == 5; rows++) {
        DfPipeline *pipeline = pipeline_of(transforms);
        DfSample sample;
        snprintf(path, sizeof path, IMAGES "%s", name);
        df_sample_load(&sample, pipeline, path, false);
        cr_assert_eq(sample.error, DF_OK, "%s", sample.message);
        const DfView *view = &sample.views.view[0];
        cr_assert(view->meta.pad_h == height && view->meta.pad_w == width, "%s: %d x %d by %s", name, view->meta.pad_h,
                  view->meta.pad_w, transforms);
        cr_expect_eq(crc32(0, (const Bytef *)view->pixels, (uInt)((size_t)height * (size_t)width * 3 * sizeof(float))), crc,
                     "%s by %s", name, transforms);
        df_sample_free(&sample);
        df_pipeline_free(pipeline);
    }
    fclose(table);
    cr_assert_eq(rows, 55);
}
