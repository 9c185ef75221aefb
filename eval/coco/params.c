/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/params.c -- the thresholds of the COCO challenge, as numpy.linspace() rounds them: 0.9 is
 * 0.8999999999999999 here.
 */
#include "eval/eval.h"

static const double ious[] = { 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95 };

static const double recalls[] = {
    0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07,
    0.08, 0.09, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15,
    0.16, 0.17, 0.18, 0.19, 0.2, 0.21, 0.22, 0.23,
    0.24, 0.25, 0.26, 0.27, 0.28, 0.29, 0.3, 0.31,
    0.32, 0.33, 0.34, 0.35000000000000003, 0.36, 0.37, 0.38, 0.39,
    0.4, 0.41000000000000003, 0.42, 0.43, 0.44, 0.45, 0.46, 0.47000000000000003,
    0.48, 0.49, 0.5, 0.51, 0.52, 0.53, 0.54, 0.55,
    0.56, 0.5700000000000001, 0.58, 0.59, 0.6, 0.61, 0.62, 0.63,
    0.64, 0.65, 0.66, 0.67, 0.68, 0.6900000000000001, 0.7000000000000001, 0.71,
    0.72, 0.73, 0.74, 0.75, 0.76, 0.77, 0.78, 0.79,
    0.8, 0.81, 0.8200000000000001, 0.8300000000000001, 0.84, 0.85, 0.86, 0.87,
    0.88, 0.89, 0.9, 0.91, 0.92, 0.93, 0.9400000000000001, 0.9500000000000001,
    0.96, 0.97, 0.98, 0.99, 1.0
};

static const int max_dets[] = { 1, 10, 100 };

static const int proposal_max_dets[] = { 1, 10, 100, 1000 };

static const DfAreaRange areas[] = {
    { "all", 0, 1e10 },
    { "small", 0, 32 * 32 },
    { "medium", 32 * 32, 96 * 96 },
    { "large", 96 * 96, 1e10 }
};

DfCocoParams df_coco_params(void)
{
    return (DfCocoParams){ .n_ious = 10,
                           .n_recalls = 101,
                           .n_max_dets = 3,
                           .n_areas = 4,
                           .ious = ious,
                           .recalls = recalls,
                           .max_dets = max_dets,
                           .areas = areas,
                           .use_categories = true };
}

DfCocoParams df_lvis_params(void)
{
    static const int most[] = { DF_LVIS_MOST };
    DfCocoParams p = df_coco_params();
    p.max_dets = most;
    p.n_max_dets = 1;
    return p;
}

/* Nobody labels the keypoints of small people. */
DfCocoParams df_coco_keypoint_params(void)
{
    static const DfAreaRange of_people[] = {
        { "all", 0, 1e10 },
        { "medium", 32 * 32, 96 * 96 },
        { "large", 96 * 96, 1e10 },
    };
    static const int most[] = { 20 };
    DfCocoParams p = df_coco_params();
    p.type = DF_COCO_KEYPOINTS;
    p.areas = of_people;
    p.n_areas = 3;
    p.max_dets = most;
    p.n_max_dets = 1;
    return p;
}

DfCocoParams df_crowdpose_params(void)
{
    DfCocoParams p = df_coco_keypoint_params();
    p.crowdpose = true;
    return p;
}

DfCocoParams df_coco_proposal_params(void)
{
    DfCocoParams p = df_coco_params();
    p.use_categories = false;
    p.max_dets = proposal_max_dets;
    p.n_max_dets = 4;
    return p;
}
