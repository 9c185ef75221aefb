/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/matcher.c -- which object a detection finds. COCOeval.evaluateImg() of pycocotools, for each area range:
 *
 *     for tind, t in enumerate(p.iouThrs):
 *         for dind, d in enumerate(dt):
 *             iou = min([t, 1 - 1e-10])
 *             m = -1
 *             for gind, g in enumerate(gt):                    # ignored ones stand last
 *                 if gtm[tind, gind] > 0 and not iscrowd[gind]:
 *                     continue                                 # taken
 *                 if m > -1 and gtIg[m] == 0 and gtIg[gind] == 1:
 *                     break                                    # found one that counts
 *                 if ious[dind, gind] < iou:
 *                     continue
 *                 iou = ious[dind, gind]
 *                 m = gind
 *             if m == -1:
 *                 continue
 *             dtIg[tind, dind] = gtIg[m]
 *             dtm[tind, dind] = gt[m]['id']
 *             gtm[tind, m] = d['id']
 *     a = np.array([d['area'] < aRng[0] or d['area'] > aRng[1] for d in dt])
 *     dtIg = np.logical_or(dtIg, np.logical_and(dtm == 0, a))
 *
 * There the thresholds are outside and the detections inside. Here the detection is outside, as what it takes depends
 * on the better ones at the same area range and threshold alone: so a row of overlaps is made once, used, and
 * forgotten.
 */
#include "eval/matcher.h"

#include <math.h>
#include <string.h>

/* ---- one choice ------------------------------------------------------------------------------------------------ */

size_t df_largest_overlap(const double *overlap, const uint32_t *listed, size_t n, double least, MatchTies ties)
{
    size_t match = NO_MATCH;
    double best = least;
    for (size_t i = 0; i < n; i++) {
        const double x = overlap[listed[i]];
        if (ties == LAST_OF_EQUAL && x < best)
            continue;
        if (ties == FIRST_OF_EQUAL && !(match == NO_MATCH ? x >= best : x > best))
            continue;
        best = x;
        match = listed[i];
    }
    return match;
}

/* ---- the objects ----------------------------------------------------------------------------------------------- */

/* pycocotools: iou = min([t, 1 - 1e-10]) */
static double reachable(double threshold)
{
    return threshold < 1 - 1e-10 ? threshold : 1 - 1e-10;
}

static double least_threshold(const DfCocoParams *p)
{
    double least = reachable(p->ious[0]);
    for (size_t t = 1; t < p->n_ious; t++)
        least = p->ious[t] < least ? p->ious[t] : least;
    return least;
}

size_t df_matcher_bytes(const DfCocoParams *p, size_t n)
{
    const size_t flags = 2 + p->n_areas + p->n_areas * p->n_ious; /* crowd, id_is_zero, ignored, taken */
    return n * (sizeof(double) + 2 * sizeof(uint32_t) + flags);
}

Matcher df_matcher_begin(const DfCocoParams *p, size_t n, void *memory)
{
    Matcher m = { .params = p, .least = least_threshold(p), .n = n, .overlap = memory };
    m.near = (uint32_t *)(m.overlap + n);
    m.open = m.near + n;
    m.crowd = (uint8_t *)(m.open + n);
    m.id_is_zero = m.crowd + n;
    m.ignored = m.id_is_zero + n;
    m.taken = m.ignored + p->n_areas * n;
    memset(m.taken, 0, p->n_areas * p->n_ious * n);
    return m;
}

void df_matcher_object(Matcher *m, size_t object, double area, bool crowd, bool id_is_zero)
{
    m->crowd[object] = crowd;
    m->id_is_zero[object] = id_is_zero;
    for (size_t a = 0; a < m->params->n_areas; a++)
        m->ignored[a * m->n + object] = crowd || !df_area_within(area, &m->params->areas[a]);
}

void df_matcher_ignore(Matcher *m, size_t object)
{
    for (size_t a = 0; a < m->params->n_areas; a++)
        m->ignored[a * m->n + object] = true;
}

/* ---- a detection ----------------------------------------------------------------------------------------------- */

/* Most objects are far away: only those that reach the least threshold are looked at again. */
static void list_near(Matcher *m)
{
    m->n_near = 0;
    m->most = -1;
    for (size_t g = 0; g < m->n; g++) {
        const double x = m->overlap[g];
        if (x < m->least)
            continue;
        m->near[m->n_near++] = (uint32_t)g;
        if (isnan(x))
            m->most = HUGE_VAL; /* not below any threshold */
        else if (x > m->most)
            m->most = x;
    }
}

/* Lists the free ones of the near objects: those that count, or those that are ignored. */
static size_t list_open(Matcher *m, const uint8_t *taken, const uint8_t *ignored, bool wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_near; i++) {
        const uint32_t g = m->near[i];
        m->open[n] = g;
        n += ignored[g] == wanted && !taken[g];
    }
    return n;
}

/* What the detection takes at one area range and threshold. */
static size_t choose(Matcher *m, const uint8_t *taken, const uint8_t *ignored, double threshold)
{
    const double least = reachable(threshold);
    if (m->most < least)
        return NO_MATCH;
    const size_t n = list_open(m, taken, ignored, false);
    const size_t match = df_largest_overlap(m->overlap, m->open, n, least, LAST_OF_EQUAL);
    if (match != NO_MATCH)
        return match;
    return df_largest_overlap(m->overlap, m->open, list_open(m, taken, ignored, true), least, LAST_OF_EQUAL);
}

void df_matcher_detection(Matcher *m, double area, uint8_t *outcome)
{
    const DfCocoParams *p = m->params;
    list_near(m);
    for (size_t a = 0; a < p->n_areas; a++, outcome += p->n_ious) {
        const uint8_t *const ignored = m->ignored + a * m->n;
        memset(outcome, df_area_within(area, &p->areas[a]) ? FALSE_POSITIVE : IGNORED, p->n_ious);
        for (size_t t = 0; m->found && t < p->n_ious; t++)
            m->found[a * p->n_ious + t] = DF_NO_OBJECT;
        for (size_t t = 0; m->n_near > 0 && t < p->n_ious; t++) {
            uint8_t *const taken = m->taken + (a * p->n_ious + t) * m->n;
            const size_t match = choose(m, taken, ignored, p->ious[t]);
            if (match == NO_MATCH)
                continue;
            if (m->found)
                m->found[a * p->n_ious + t] = (uint32_t)match;
            taken[match] = !m->crowd[match];
            if (ignored[match])
                outcome[t] = IGNORED;
            else if (!m->id_is_zero[match]) /* dtm holds the id, and 0 means there that nothing was found */
                outcome[t] = TRUE_POSITIVE;
        }
    }
}
