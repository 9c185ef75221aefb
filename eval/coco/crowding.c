/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/crowding.c -- CrowdPose's AP for images in which people cover one another little, more and most (Li et
 * al., CVPR 2019). Each image of the ground truth has a crowdIndex: easy below 0.2, medium below 0.8, else hard.
 */
#include <math.h>

#include "eval/coco/evaluate.h"

bool df_coco_is_crowdpose(const DfCoco *gt)
{
    bool is = gt->with_keypoints && gt->n_annotations > 0;
    for (size_t i = 0; is && i < gt->images.n; i++)
        is = !gt->image_listed[i] || !isnan(gt->crowd_index[i]);
    for (size_t i = 0; is && i < gt->n_annotations; i++)
        is = !(gt->annotations[i].has & HAS_AREA);
    return is;
}

static size_t part_of(double crowd_index)
{
    if (crowd_index < 0.2)
        return 0;
    return crowd_index < 0.8 ? 1 : 2;
}

static int choose_images(const DfCoco *gt, size_t part, bool *chosen)
{
    for (size_t i = 0; i < gt->images.n; i++) {
        if (gt->image_listed[i] && isnan(gt->crowd_index[i]))
            return df_fail(DF_EFORMAT, "%s: image %s has no crowdIndex, which CrowdPose's scores need", gt->name,
                           df_id_text(gt->images.ids[i]));
        chosen[i] = gt->image_listed[i] && part_of(gt->crowd_index[i]) == part;
    }
    return DF_OK;
}

/* The mean over all of precision at the first area, what is -1 too, in four digits: round(numpy.mean(..), 4). */
static double rounded_mean(const DfCocoEval *e)
{
    double sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < e->n_classes; k++)
        for (size_t m = 0; m < e->n_max_dets; m++)
            for (size_t i = 0; i < e->n_ious * e->n_recalls; i++, n++)
                sum += e->precision[df_coco_curve_place(e, k, 0, m, 0) + i];
    return n ? nearbyint(sum / (double)n * 1e4) / 1e4 : -1;
}

int df_coco_by_crowding(double out[3], const DfCocoResults *dt, const DfCocoParams *params, DfPool *pool)
{
    DfCocoParams p = *params;
    bool *chosen = df_calloc(dt->gt->images.n + 1, sizeof *chosen);
    int error = chosen ? DF_OK : df_fail_memory("the evaluation");
    p.all_curves = true;
    p.n_areas = 1;
    p.image_ids = NULL; /* crowdposetools takes all images for these, whatever was chosen */
    for (size_t part = 0; error == DF_OK && part < 3; part++) {
        DfCocoEval *e = NULL;
        error = choose_images(dt->gt, part, chosen);
        if (error == DF_OK)
            error = df_coco_evaluate_images(&e, dt, &p, chosen, pool);
        if (error == DF_OK)
            out[part] = rounded_mean(e);
        df_coco_eval_free(e);
    }
    df_free(chosen);
    return error;
}
