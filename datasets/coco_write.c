/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_write.c -- writes some pictures of a dataset and their annotations as an annotation file.
 */
#include <string.h>

#include "datasets/coco.h"

/* Gives the text so far to the file, which keeps memory small. */
static void flush(DfTextbuf *text, DfWriter *file)
{
    if (text->n)
        df_write(file, text->at, text->n);
    text->n = 0;
}

static void write_image(DfTextbuf *text, const DfCocoImage *image)
{
    df_textbuf_add(text, "{\"id\": %lld, \"file_name\": ", (long long)image->id);
    df_textbuf_json(text, image->file_name);
    if (image->height && image->width)
        df_textbuf_add(text, ", \"height\": %d, \"width\": %d", image->height, image->width);
    df_textbuf_add(text, "}");
}

static void write_numbers(DfTextbuf *text, const double *v, size_t n)
{
    df_textbuf_add(text, "[");
    for (size_t i = 0; i < n; i++) {
        df_textbuf_add(text, "%s", i ? ", " : "");
        df_textbuf_number(text, v[i]);
    }
    df_textbuf_add(text, "]");
}

static void write_mask(DfTextbuf *text, const DfObjectMask *mask)
{
    if (mask->form == DF_MASK_NONE)
        return;
    df_textbuf_add(text, ", \"segmentation\": ");
    if (mask->form == DF_MASK_POLYGONS) {
        for (size_t i = 0; i < mask->n_polygons; i++) {
            df_textbuf_add(text, "%s", i ? ", " : "[");
            write_numbers(text, mask->polygons[i].xy, 2 * mask->polygons[i].n);
        }
        df_textbuf_add(text, "]");
        return;
    }
    df_textbuf_add(text, "{\"size\": [%u, %u], \"counts\": [", mask->runs.height, mask->runs.width);
    for (size_t i = 0; i < mask->runs.n; i++)
        df_textbuf_add(text, "%s%u", i ? ", " : "", mask->runs.runs[i]);
    df_textbuf_add(text, "]}");
}

static void write_box(DfTextbuf *text, const DfCocoBox *box)
{
    df_textbuf_add(text, "{\"id\": %lld, \"image_id\": %lld, \"category_id\": %lld, \"bbox\": ", (long long)box->id,
                   (long long)box->image_id, (long long)box->category_id);
    write_numbers(text, box->bbox, 4);
    df_textbuf_add(text, ", \"area\": ");
    df_textbuf_number(text, box->area);
    df_textbuf_add(text, ", \"iscrowd\": %d%s", box->crowd, box->ignore ? ", \"ignore\": 1" : "");
    write_mask(text, &box->mask);
    df_textbuf_add(text, "}");
}

static void write_categories(DfTextbuf *text, const DfCocoDataset *coco)
{
    df_textbuf_add(text, "],\n\"categories\": [");
    for (int i = 0; i < coco->n_categories; i++) {
        df_textbuf_add(text, "%s{\"id\": %lld, \"name\": ", i ? ", " : "", (long long)coco->categories[i].id);
        df_textbuf_json(text, coco->categories[i].name);
        df_textbuf_add(text, "}");
    }
}

int df_coco_dataset_write(const DfCocoDataset *coco, const int *images, int n, const char *path)
{
    DfWriter *file;
    DfTextbuf text = { 0 };
    const int error = df_writer_open(&file, path);
    if (error < 0)
        return error;
    const char *between = "";
    df_textbuf_add(&text, "{\"images\": [");
    for (int i = 0; i < n; i++, between = ",\n") {
        df_textbuf_add(&text, "%s", between);
        write_image(&text, &coco->images[images[i]]);
        flush(&text, file);
    }
    write_categories(&text, coco);
    df_textbuf_add(&text, "],\n\"annotations\": [");
    between = "";
    for (int i = 0; i < n; i++)
        for (int k = 0; k < coco->images[images[i]].n; k++, between = ",\n") {
            df_textbuf_add(&text, "%s", between);
            write_box(&text, &coco->boxes[coco->images[images[i]].first + k]);
            flush(&text, file);
        }
    df_textbuf_add(&text, "]}\n");
    flush(&text, file);
    const bool failed = text.failed;
    df_free(text.at);
    if (!failed)
        return df_writer_commit(file);
    df_writer_drop(file);
    return df_fail_memory("an annotation file");
}
