/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/segmentor.c -- the views of a picture become tensors, and the class of every pixel a label map.
 */
#include "cli/common/segmentor.h"

#include <string.h>

#include "cli/common/detector.h"

static bool slides(const CliSession *s)
{
    const DfNode *test_cfg = df_node_at(s->root, "model.test_cfg");
    return strcmp(df_node_text(df_node_get(test_cfg ? test_cfg : df_node_get(s->root, "test_cfg"), "mode"), "whole"), "slide") == 0;
}

static int segment(CliSession *s, const DfViews *views, uint16_t *labels)
{
    DfTensor *images[CLI_VIEWS];
    DfImageMeta metas[CLI_VIEWS];
    if (views->n > CLI_VIEWS)
        return df_fail(DF_EVALUE, "the test pipeline gives %d views of an image: want at most %d", views->n, CLI_VIEWS);
    const int error = cli_take_views(s, views, !slides(s), images, metas);
    return error < 0 ? error : df_model_segment(s->model, s->c, images, metas, views->n, labels);
}

int cli_segment(CliSession *s, const DfSample *sample, uint16_t **labels)
{
    const DfView *first = &sample->views.view[0];
    *labels = df_malloc((size_t)first->meta.ori_h * (size_t)first->meta.ori_w * sizeof **labels);
    int error = *labels ? segment(s, &sample->views, *labels) : df_fail_memory("a label map");
    if (error == DF_OK)
        return DF_OK;
    df_free(*labels);
    *labels = NULL;
    return df_fail_in(error, "%s: ", sample->path);
}

int cli_aug_test(void)
{
    static const char *const sets[] = { "data.test.pipeline.1.img_ratios=[0.5, 0.75, 1.0, 1.25, 1.5, 1.75]", "data.test.pipeline.1.flip=True" };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (cli.n_set == CLI_SETS)
            return df_fail(CLI_EUSAGE, "more than %d overrides", CLI_SETS);
        cli.set[cli.n_set++] = sets[i];
    }
    return DF_OK;
}

static int make_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return DF_OK;
    *slash = 0;
    const int error = path[0] ? df_make_directory(path) : DF_OK;
    *slash = '/';
    return error;
}

int cli_write_classes(const char *folder, const char *name, const uint16_t *labels, int height, int width, int first)
{
    DfImage map = { 0 };
    char *stem = cli_join(folder, name), *path = NULL;
    int error = stem ? df_image_new(&map, height, width, 1) : df_fail_memory("a path");
    if (error == DF_OK && !(path = df_malloc(strlen(stem) + sizeof ".png")))
        error = df_fail_memory("a path");
    for (size_t i = 0; error == DF_OK && i < (size_t)height * (size_t)width; i++)
        map.pixels[i] = (uint8_t)(labels[i] + first);
    if (error == DF_OK) {
        memcpy(path, stem, strlen(stem));
        memcpy(path + strlen(stem), ".png", sizeof ".png");
        error = make_folder_of(path);
    }
    if (error == DF_OK)
        error = df_image_write(&map, path, 0);
    df_image_free(&map);
    df_free(stem);
    df_free(path);
    return error;
}
