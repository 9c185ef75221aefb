/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/points.c -- checks the keypoints of a record, and its oriented box.
 */
#include <math.h>

#include "eval/check/data.h"

/* ---- keypoints ------------------------------------------------------------------------------------------------- */

/* The extent of the points that count: of an annotation those with a visibility above 0, of a detection all. */
static bool extent_of(const DfCocoRecord *r, bool all, double box[4])
{
    const DfCocoNumbers *k = &r->keypoints;
    double low[2] = { INFINITY, INFINITY };
    double high[2] = { -INFINITY, -INFINITY };
    for (size_t i = 0; i + 2 < k->n; i += 3)
        for (size_t d = 0; d < 2 && (all || k->at[i + 2] > 0); d++) {
            low[d] = fmin(low[d], k->at[i + d]);
            high[d] = fmax(high[d], k->at[i + d]);
        }
    for (int d = 0; d < 2; d++) {
        box[d] = low[d];
        box[2 + d] = high[d] - low[d];
    }
    return isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]);
}

static size_t visible(const DfCocoRecord *r)
{
    size_t n = 0;
    for (size_t i = 2; i < r->keypoints.n; i += 3)
        n += r->keypoints.at[i] > 0;
    return n;
}

static bool flags_are_flags(const DfCocoRecord *r)
{
    for (size_t i = 2; i < r->keypoints.n; i += 3) {
        const double flag = r->keypoints.at[i];
        if (flag < 0 || flag > 2 || flag > floor(flag))
            return false;
    }
    return true;
}

/* As many as the first annotation has. */
static int look_at_number(DfCheck *c, const DfCocoRecord *r)
{
    const size_t n = r->keypoints.n;
    const bool odd = c->odd & DF_COCO_POINTS;
    if (odd && n > 0)
        return df_check_record(c, DF_CHECK_ERROR, "keypoints_number", r,
                               "has %zu numbers of keypoints: want x, y and visibility of each", n);
    if (odd)
        return df_check_record(c, DF_CHECK_ERROR, "keypoints_number", r, "has keypoints that are no list of numbers");
    if (!c->n_keypoints && r->list == DF_COCO_ANNOTATIONS)
        c->n_keypoints = n / 3;
    if (c->n_keypoints && n / 3 != c->n_keypoints)
        return df_check_record(c, DF_CHECK_ERROR, "keypoints_number", r,
                               "has %zu keypoints, and the first annotation %zu", n / 3, c->n_keypoints);
    return DF_OK;
}

static int look_at_flags(DfCheck *c, const DfCocoRecord *r)
{
    const size_t n = visible(r);
    if (!flags_are_flags(r))
        return df_check_record(c, DF_CHECK_WARNING, "keypoints_visibility", r,
                               "has a keypoint whose visibility is none of 0, 1 and 2: want x, y and visibility of "
                               "each");
    if ((r->has & DF_COCO_NUM_POINTS) && (r->num_keypoints < (double)n || r->num_keypoints > (double)n))
        return df_check_record(c, DF_CHECK_WARNING, "keypoints_disagree", r,
                               "has num_keypoints %g, and %zu keypoints with a visibility above "
                               "0%s", r->num_keypoints, n,
                               r->num_keypoints > 0 ? "" : ": it is ignored");
    return DF_OK;
}

int df_check_points(DfCheck *c, const DfCocoRecord *r, bool *has, double box[4])
{
    const bool result = r->list == DF_COCO_RESULTS;
    *has = false;
    if (!((r->has | c->odd) & DF_COCO_POINTS))
        return DF_OK;
    int error = look_at_number(c, r);
    if (error < 0 || !(r->has & DF_COCO_POINTS))
        return error;
    *has = extent_of(r, result, box);
    c->visible += result ? 0 : visible(r);
    return result ? DF_OK : look_at_flags(c, r);
}

/* ---- oriented boxes -------------------------------------------------------------------------------------------- */

/* The upright box around it. */
int df_check_oriented(DfCheck *c, const DfCocoRecord *r, bool *has, double box[4])
{
    const double *o = r->obb;
    *has = (r->has & DF_COCO_OBB) && isfinite(o[0] + o[1] + o[2] + o[3] + o[4]);
    if (!*has)
        return DF_OK;
    box[2] = fabs(o[2] * cos(o[4])) + fabs(o[3] * sin(o[4]));
    box[3] = fabs(o[2] * sin(o[4])) + fabs(o[3] * cos(o[4]));
    box[0] = o[0] - box[2] / 2;
    box[1] = o[1] - box[3] / 2;
    if (fabs(o[4]) > 20) /* three whole turns */
        return df_check_record(c, DF_CHECK_ERROR, "angle_degrees", r,
                               "has an oriented box with the angle %g: want radians, and degrees they seem to "
                               "be", o[4]);
    return DF_OK;
}
