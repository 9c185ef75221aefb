/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/source_coco.c -- datasets of objects in training: selects the pictures and objects that are learnt
 * from, as mmdet does.
 */
#include <math.h>
#include <string.h>

#include "datasets/training/source.h"

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* CocoDataset._filter_imgs(): a picture of none of the classes is empty; crowds count as objects there. */
static bool is_kept(const DfCocoDataset *coco, int i, const DfCocoFilter *filter)
{
    const DfCocoImage *image = &coco->images[i];
    bool some = !filter->filter_empty_gt;
    for (int k = 0; k < image->n; k++)
        some = some || coco->boxes[image->first + k].label >= 0;
    if (image->height == 0 || image->width == 0) /* the file does not tell */
        return some;
    return some && image->height >= filter->min_size && image->width >= filter->min_size;
}

static int keep(DfSource *source, const DfCocoFilter *filter)
{
    const DfCocoDataset *coco = source->set;
    source->kept = df_arena_alloc(source->arena, (size_t)coco->n_images + 1, sizeof *source->kept);
    if (!source->kept)
        return df_fail_memory("a training set");
    for (int i = 0; i < coco->n_images; i++)
        if (is_kept(coco, i, filter))
            source->kept[source->n++] = i;
    if (source->n)
        return DF_OK;
    return df_fail(DF_EVALUE, "%s: none of its %d pictures has objects to learn%s", coco->path, coco->n_images,
                   filter->min_size > 1 ? " and is large enough" : "");
}

static bool some_mask(const DfCocoDataset *coco)
{
    for (int i = 0; i < coco->n_boxes; i++)
        if (coco->boxes[i].mask.form != DF_MASK_NONE)
            return true;
    return false;
}

static int open_set(DfSource *source, const char *data_dir, int part)
{
    DfCocoDataset *coco;
    DfCocoFilter filter;
    const DfDictOf of = { data_dir, part, source->masks };
    const int error = df_coco_dataset_for_training(&coco, &filter, source->dict, &of);
    if (error < 0)
        return error;
    source->set = coco;
    source->counts_learnt = filter.counts_learnt;
    source->classes = (DfClasses){ .n = coco->n_classes, .name = coco->classes };
    if (source->masks && coco->n_boxes && !some_mask(coco))
        return df_fail(DF_EVALUE, "%s: none of its objects has a mask (\"segmentation\"), and the pipeline wants masks",
                       coco->path);
    return keep(source, &filter);
}

static void close_set(DfSource *source)
{
    df_coco_dataset_free(source->set);
}

static const char *path(const DfSource *source, int i)
{
    const DfCocoDataset *coco = source->set;
    return coco->picture[df_source_at(source, i)];
}

static void size(const DfSource *source, int i, int *height, int *width)
{
    const DfCocoDataset *coco = source->set;
    const DfCocoImage *image = &coco->images[df_source_at(source, i)];
    *height = image->height;
    *width = image->width;
}

/* ---- objects ---------------------------------------------------------------------------------------------------- */

/* CocoDataset._parse_ann_info() */
static bool is_learnt(const DfCocoBox *box, int height, int width)
{
    const double *b = box->bbox;
    const double inter_w = fmin(b[0] + b[2], width) - fmax(b[0], 0);
    const double inter_h = fmin(b[1] + b[3], height) - fmax(b[1], 0);
    if (box->ignore || box->label < 0)
        return false;
    return inter_w > 0 && inter_h > 0 && box->area > 0 && b[2] >= 1 && b[3] >= 1;
}

static int take(DfAnnotations *out, size_t k, const DfCocoBox *box)
{
    float *corners = out->boxes + 4 * k;
    corners[0] = (float)box->bbox[0];
    corners[1] = (float)box->bbox[1];
    corners[2] = (float)(box->bbox[0] + box->bbox[2]);
    corners[3] = (float)(box->bbox[1] + box->bbox[3]);
    out->labels[k] = box->label;
    out->ids[k] = box->id;
    out->areas[k] = box->area;
    out->crowd[k] = out->ignore[k] = box->crowd;
    return out->masks ? df_object_mask_copy(&out->masks[k], &box->mask, out->arena) : DF_OK;
}

static int annotations(const DfSource *source, int i, int height, int width, DfAnnotations *out)
{
    const DfCocoDataset *coco = source->set;
    const DfCocoImage *image = &coco->images[df_source_at(source, i)];
    const DfCocoBox *boxes = coco->boxes + image->first;
    const int h = image->height ? image->height : height;
    const int w = image->width ? image->width : width;
    size_t n = 0;
    for (int k = 0; k < image->n; k++)
        n += is_learnt(&boxes[k], h, w);
    int error = df_annotations_init(out, n, source->masks);
    n = 0;
    for (int k = 0; error == DF_OK && k < image->n; k++)
        if (is_learnt(&boxes[k], h, w))
            error = take(out, n++, &boxes[k]);
    if (error < 0)
        df_annotations_done(out);
    return error;
}

/* get_cat_ids(): mmdet 2.x counts every annotation of the file, of other classes too (here: -1), 3.x those that are
 * learnt from. */
static void classes_in(const DfSource *source, int i, void (*tell)(void *, int), void *arg)
{
    const DfCocoDataset *coco = source->set;
    const DfCocoImage *image = &coco->images[df_source_at(source, i)];
    for (int k = 0; k < image->n; k++) {
        const DfCocoBox *box = &coco->boxes[image->first + k];
        if (!source->counts_learnt || is_learnt(box, image->height, image->width))
            tell(arg, box->label);
    }
}

const DfSourceKind df_source_coco = {
    .learning = DF_LEARN_OBJECTS,
    .open = open_set,
    .close = close_set,
    .path = path,
    .size = size,
    .annotations = annotations,
    .classes_in = classes_in,
};
