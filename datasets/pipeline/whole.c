/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/whole.c -- the bytes of a picture as an image.
 */
#include "datasets/pipeline/whole.h"

int df_whole_bytes(DfWork *work, DfImage *view, const char *transform)
{
    const int error = df_work_is_float(work) ? df_fail(DF_EVALUE, "%s behind Normalize: want it before", transform)
                                             : df_work_own(work);
    *view = (DfImage){ 0 };
    if (error < 0)
        return error;
    if (df_work_objects(work) || work->map.at)
        return df_fail(DF_EVALUE, "%s: want a picture that has a class, and no boxes or label map", transform);
    *view = (DfImage){ work->picture.height, work->picture.width, 3, work->picture.at };
    return DF_OK;
}

void df_whole_replace(DfWork *work, DfImage image)
{
    df_grid_free(&work->picture);
    work->picture = (DfGrid){ .height = image.height, .width = image.width, .cell = 3, .at = image.pixels };
}

static bool is_side(const DfNode *node)
{
    return node && node->kind == DF_NODE_INT && node->integer >= 1 && node->integer <= DF_IMAGE_MAX_SIDE;
}

int df_whole_size(int size[2], const DfNode *node, const DfNode *dict)
{
    const bool pair = node && node->kind == DF_NODE_LIST && node->n == 2;
    const DfNode *first = pair ? node->first : node;
    const DfNode *second = pair ? first->next : node;
    if (!is_side(first) || !is_side(second))
        return df_node_fail(node ? node : dict, DF_EVALUE, "want a size in pixels: a number, or (height, width)");
    size[0] = (int)first->integer;
    size[1] = (int)second->integer;
    return DF_OK;
}
