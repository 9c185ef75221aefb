/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/voc_masks.c -- reads the masks of objects from PASCAL VOC's SegmentationObject/NAME.png.
 */
#include "datasets/voc_masks.h"

#include "datasets/image/image_file.h"

enum { BORDER = 255 };

int df_voc_masks_open(DfVocMasks *m, const char *path, int height, int width)
{
    *m = (DfVocMasks){ 0 };
    if (!df_is_file(path))
        return DF_OK;
    int error = df_image_read_labels(&m->map, path);
    if (error < 0)
        return error;
    const int h = m->map.height;
    const int w = m->map.width;
    if ((height && h != height) || (width && w != width))
        error = df_fail(DF_EVALUE, "%s is %d x %d and its picture %d x %d: want one size", path, w, h, width, height);
    else if (!(m->pixels = df_malloc(df_image_bytes(&m->map))))
        error = df_fail_memory("a mask");
    if (error < 0)
        df_voc_masks_close(m);
    return error;
}

int df_voc_mask(DfVocMasks *m, size_t i, DfObjectMask *out, double *area, DfArena *arena)
{
    DfMask mask;
    bool any = false;
    *out = (DfObjectMask){ .form = DF_MASK_NONE };
    if (!m->pixels || i + 1 >= BORDER)
        return DF_OK;
    for (size_t k = 0; k < df_image_bytes(&m->map); k++) {
        m->pixels[k] = m->map.pixels[k] == i + 1;
        any |= m->pixels[k];
    }
    if (!any)
        return DF_OK;
    int error = df_mask_encode(&mask, m->pixels, (uint32_t)m->map.height, (uint32_t)m->map.width);
    if (error < 0)
        return error;
    const DfObjectMask whole = { .form = DF_MASK_RUNS, .runs = mask };
    error = df_object_mask_copy(out, &whole, arena);
    *area = (double)df_mask_area(&mask);
    df_mask_done(&mask);
    return error;
}

void df_voc_masks_close(DfVocMasks *m)
{
    df_image_free(&m->map);
    df_free(m->pixels);
    *m = (DfVocMasks){ 0 };
}
