/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/move.c -- resizes, mirrors, crops and places the picture that the transforms work on, together
 * with its label map, boxes and masks.
 */
#include "datasets/image/resize.h"
#include "datasets/pipeline/transform.h"

/* ---- resizing ---------------------------------------------------------------------------------------------------- */

DfResampling df_resampling(int backend, int filter)
{
    return (DfResampling){ (DfBackend)backend, (DfPilFilter)filter };
}

int df_check_resampling(DfResampling how, const DfNode *dict)
{
    const bool bilinear_only = how.backend == DF_BACKEND_CV2 || how.backend == DF_BACKEND_TORCH_FLOATS;
    if (bilinear_only && how.filter != DF_PIL_BILINEAR)
        return df_node_fail(dict, DF_EVALUE, "backend '%s' resizes bilinearly: want interpolation = 'bilinear', or "
                            "backend = 'pillow' or 'torch'", how.backend == DF_BACKEND_CV2 ? "cv2" : "torch_floats");
    return DF_OK;
}

static DfAntialias antialias_of(DfBackend backend)
{
    if (backend == DF_BACKEND_TORCH)
        return DF_ANTIALIAS_TORCH;
    return backend == DF_BACKEND_PILLOW13 ? DF_ANTIALIAS_PILLOW13 : DF_ANTIALIAS_PILLOW;
}

static int resize_bytes(DfGrid *out, const DfGrid *in, int height, int width, DfResampling how)
{
    const DfImage image = { in->height, in->width, 3, in->at };
    const DfAntialias library = antialias_of(how.backend);
    DfImage resized;
    const int error = how.backend == DF_BACKEND_CV2
                          ? df_resize_cv2(&resized, &image, height, width)
                          : df_resize_antialiased(&resized, &image, height, width, how.filter, library);
    *out = (DfGrid){ 0 };
    if (error == DF_OK) {
        *out = df_grid_of_image(&resized);
        out->borrowed = false;
    }
    return error;
}

static int resize_floats(DfGrid *out, DfWork *work, int height, int width)
{
    const int error = df_work_own_floats(work);
    return error < 0 ? error : df_resize_torch_floats(out, &work->picture, height, width);
}

static int resize_picture(DfWork *work, int height, int width, DfResampling how)
{
    DfGrid resized;
    int error;
    if (how.backend == DF_BACKEND_TORCH_FLOATS)
        error = resize_floats(&resized, work, height, width);
    else if (work->picture.cell == DF_WORK_BYTES)
        error = resize_bytes(&resized, &work->picture, height, width, how);
    else if (how.backend == DF_BACKEND_CV2)
        error = df_resize_cv2_floats(&resized, &work->picture, height, width);
    else
        error = df_fail(DF_EVALUE, "an antialiased resize of a picture of floats: want it before Normalize, or "
                                   "backend = 'cv2' or 'torch_floats'");
    if (error == DF_OK)
        df_grid_replace(&work->picture, resized);
    return error;
}

static int resize_map(DfWork *work, int height, int width, DfBackend backend)
{
    DfGrid resized;
    if (!work->map.at)
        return DF_OK;
    const DfNearest which = backend == DF_BACKEND_CV2 ? DF_NEAREST_CV2 : DF_NEAREST_PIL;
    const int error = df_grid_nearest(&resized, &work->map, height, width, which);
    if (error == DF_OK)
        df_grid_replace(&work->map, resized);
    return error;
}

int df_work_resize(DfWork *work, int height, int width, DfResampling how, bool clip)
{
    int error = df_work_settle(work);
    if (error < 0)
        return error;
    const int from[2] = { work->picture.height, work->picture.width };
    const int to[2] = { height, width };
    const float x = (float)((double)width / from[1]);
    const float y = (float)((double)height / from[0]);
    error = resize_picture(work, height, width, how);
    if (error == DF_OK)
        error = resize_map(work, height, width, how.backend);
    if (error == DF_OK)
        error = df_objects_resize(work, from, to, x, y);
    if (error == DF_OK && clip)
        df_work_clip_boxes(work, height, width);
    for (int i = 0; i < 4; i += 2) {
        work->scale_factor[i] = x;
        work->scale_factor[i + 1] = y;
    }
    work->resized = true;
    return error;
}

/* ---- moving ------------------------------------------------------------------------------------------------------ */

int df_work_flip(DfWork *work, DfFlip flip)
{
    const bool x = flip == DF_FLIP_HORIZONTAL || flip == DF_FLIP_DIAGONAL;
    const bool y = flip == DF_FLIP_VERTICAL || flip == DF_FLIP_DIAGONAL;
    int error = work->padded ? df_work_settle(work) : DF_OK;
    if (error == DF_OK && work->map.at && (error = df_grid_own(&work->map)) == DF_OK)
        df_grid_flip(&work->map, x, y);
    if (error == DF_OK)
        error = df_objects_flip(work, x, y);
    work->mirror_x ^= x;
    work->mirror_y ^= y;
    return error;
}

static int cut(DfGrid *grid, int x, int y, int height, int width)
{
    DfGrid part;
    if (!grid->at || (height == grid->height && width == grid->width))
        return DF_OK;
    const int error = df_grid_cut(&part, grid, x, y, height, width);
    if (error == DF_OK)
        df_grid_replace(grid, part);
    return error;
}

/* SegRescale makes it smaller, for a network that is compared with small maps; it is of no use to a crop then. */
int df_work_check_map(const DfWork *work)
{
    const DfGrid *map = &work->map;
    if (!map->at || (map->height == df_work_height(work) && map->width == df_work_width(work)))
        return DF_OK;
    return df_fail(DF_EVALUE, "a label map of %d x %d, cropped with a picture of %d x %d: want SegRescale after it",
                   map->height, map->width, df_work_height(work), df_work_width(work));
}

/* In a mirrored picture the part lies at the other side. */
int df_work_cut(DfWork *work, int x, int y, int height, int width)
{
    int error = work->padded ? df_work_settle(work) : DF_OK;
    if (error == DF_OK)
        error = df_work_check_map(work);
    if (error < 0)
        return error;
    const int from_x = work->mirror_x ? work->picture.width - x - width : x;
    const int from_y = work->mirror_y ? work->picture.height - y - height : y;
    error = df_objects_cut(work, x, y, height, width);
    if (error == DF_OK)
        error = cut(&work->picture, from_x, from_y, height, width);
    return error < 0 ? error : cut(&work->map, x, y, height, width);
}

static int place(DfGrid *grid, const DfPlacing *p, const void *fill_with)
{
    DfGrid placed;
    const int error = df_grid_place(&placed, grid, p->x, p->y, p->height, p->width, fill_with);
    if (error == DF_OK)
        df_grid_replace(grid, placed);
    return error;
}

int df_work_place_map(DfWork *work, const DfPlacing *p)
{
    const uint8_t narrow = (uint8_t)p->map_fill;
    const uint16_t wide = (uint16_t)p->map_fill;
    if (!work->map.at)
        return DF_OK;
    return place(&work->map, p, work->map.cell == 1 ? (const void *)&narrow : &wide);
}

int df_work_place(DfWork *work, const DfPlacing *p)
{
    uint8_t bytes[3];
    int error = df_work_settle(work);
    df_work_colour(bytes, p->fill, work);
    if (error == DF_OK)
        error = place(&work->picture, p, work->picture.cell == DF_WORK_BYTES ? (const void *)bytes : p->fill);
    if (error == DF_OK)
        error = df_work_place_map(work, p);
    return error < 0 ? error : df_objects_place(work, p);
}
