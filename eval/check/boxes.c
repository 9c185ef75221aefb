/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/boxes.c -- guesses how the boxes of results were meant if they are wrong: centres, corners, x and y
 * exchanged, relative to the image, or in pixels of the network's input. Each reading is tried on the best detections;
 * the one that puts most of them on objects is reported if the gain is large enough.
 */
#include <math.h>
#include <string.h>

#include "eval/check/judge.h"

/* ---- a reading ------------------------------------------------------------------------------------------------- */

/* In the units of the file. */
static void to_sides(MeantFormat format, const double b[4], double out[4])
{
    const bool y_first = format >= MEANT_Y_FIRST;
    const double x = y_first ? b[1] : b[0];
    const double y = y_first ? b[0] : b[1];
    const double x2 = y_first ? b[3] : b[2];
    const double y2 = y_first ? b[2] : b[3];
    const bool corners = format == MEANT_CORNERS || format == MEANT_CORNERS_Y_FIRST;
    const bool centre = format == MEANT_CENTRE || format == MEANT_CENTRE_Y_FIRST;
    out[0] = centre ? x - x2 / 2 : x;
    out[1] = centre ? y - y2 / 2 : y;
    out[2] = corners ? x2 - x : x2;
    out[3] = corners ? y2 - y : y2;
}

/* How the image stands in the network's input: x' = scale x + offset. */
typedef struct {
    double scale[2], offset[2];
} Placed;

static Placed placed(const Meant *m, double width, double height)
{
    const double longer = fmax(width, height);
    const double shorter = fmin(width, height);
    Placed p = { { 1, 1 }, { 0, 0 } };
    switch (m->unit) {
    case UNIT_RELATIVE:
        p.scale[0] = 1 / width;
        p.scale[1] = 1 / height;
        return p;
    case UNIT_STRETCHED:
        p.scale[0] = m->x / width;
        p.scale[1] = m->y / height;
        return p;
    case UNIT_LONGER:
    case UNIT_PADDED: p.scale[0] = m->x / longer; break;
    case UNIT_SHORTER: p.scale[0] = fmin(m->x / shorter, m->x * 1333 / 800 / longer); break;
    case UNIT_FACTOR: p.scale[0] = 1 / m->x; break;
    default: break;
    }
    p.scale[1] = p.scale[0];
    if (m->unit == UNIT_PADDED) {
        p.offset[0] = (m->x - width * p.scale[0]) / 2;
        p.offset[1] = (m->x - height * p.scale[1]) / 2;
    }
    return p;
}

void df_check_meant(const Meant *m, const double box[4], double width, double height, double out[4])
{
    to_sides(m->format, box, out);
    if (m->unit == UNIT_PIXELS)
        return;
    if (m->unit != UNIT_FACTOR && !(width > 0 && height > 0)) { /* nobody knows: it lies nowhere */
        memset(out, 0, 4 * sizeof *out);
        return;
    }
    const Placed p = placed(m, width, height);
    for (int i = 0; i < 4; i++)
        out[i] = (out[i] - (i < 2 ? p.offset[i] : 0)) / p.scale[i % 2];
}

/* ---- how well it fits ------------------------------------------------------------------------------------------ */

/* Some of the best detections, spread over the files, that lie over so many objects: enough to choose by. */
enum { SAMPLE_PAIRS = 2500, SAMPLE = 400 };
typedef struct {
    const Judge *judge;
    uint32_t detections[SAMPLE];
    size_t n;
} Sample;

typedef struct {
    Meant meant;
    size_t hits;
    double iou;     /* the sum over the hits */
} Fit;

static void take_sample(Sample *s, const Judge *j)
{
    size_t pairs = 0;
    s->judge = j;
    for (size_t i = 0; i < j->n_best; i++) {
        const uint32_t image = j->check->detections[j->best[i]].image;
        pairs += j->start[image + 1] - j->start[image];
    }
    const size_t by_pairs = pairs / SAMPLE_PAIRS + 1;
    const size_t by_number = j->n_best / SAMPLE + 1;
    const size_t step = by_pairs > by_number ? by_pairs : by_number;
    for (size_t i = 0; i < j->n_best && s->n < SAMPLE; i += step)
        s->detections[s->n++] = j->best[i];
}

static Fit fit(const Sample *s, Meant meant)
{
    Fit f = { .meant = meant };
    for (size_t i = 0; i < s->n; i++) {
        const CheckDetection *d = &s->judge->check->detections[s->detections[i]];
        const Lies lies = df_check_lies(s->judge, &meant, d, d->image);
        f.hits += lies.on_object;
        f.iou += lies.on_object ? lies.iou : 0;
    }
    return f;
}

/* Points have neither centre nor corners. */
static bool is_format_of(const Sample *s, MeantFormat format)
{
    return !s->judge->check->judges_points || format == MEANT_AS_IS || format == MEANT_Y_FIRST;
}

/* A reading that is tried later must be clearly better: the usual mistakes come first. */
static void take_if_better(Fit *best, const Fit *f, double by)
{
    if (f->iou > best->iou * by)
        *best = *f;
}

/* ---- sizes of the network's input ------------------------------------------------------------------------------ */

/* Half of the box may be missed, so steps of 3 percent find any size. */
static Fit scan(const Sample *s, Meant meant, double from, double to, double ratio)
{
    Fit best = { .meant = meant };
    for (double size = from; size < to; size *= 1.03) {
        meant.x = size;
        meant.y = size * ratio;
        const Fit f = fit(s, meant);
        take_if_better(&best, &f, 1);
    }
    return best;
}

/* To the nearest multiple; of a factor, to a whole number or one part of 1. */
static Meant rounded(Meant m, double step)
{
    if (m.unit == UNIT_FACTOR) {
        m.x = m.x < 1 ? 1 / round(1 / m.x) : round(m.x);
        return m;
    }
    m.x = fmax(1, round(m.x / step)) * step;
    m.y = fmax(1, round(m.y / step)) * step;
    return m;
}

/* A usual size, if it is as good. */
static void round_size(const Sample *s, Fit *best)
{
    static const double steps[] = { 32, 100, 50, 10, 1 };
    Fit usual = { .iou = 0 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const Fit f = fit(s, rounded(best->meant, steps[i]));
        take_if_better(&usual, &f, 1.01);
    }
    if (usual.iou > 0.98 * best->iou)
        *best = usual;
}

/* In steps of a five-hundredth, one axis after the other. */
static void finish_size(const Sample *s, Fit *best)
{
    const int axes = best->meant.unit == UNIT_STRETCHED ? 2 : 1;
    for (int axis = 0; axis < axes; axis++) {
        const Meant from = best->meant;
        for (int i = -20; i <= 20; i++) {
            Meant m = from;
            *(axis ? &m.y : &m.x) *= 1 + 0.002 * i;
            const Fit f = fit(s, m);
            take_if_better(best, &f, 1);
        }
    }
    round_size(s, best);
}

/* ---- all readings ---------------------------------------------------------------------------------------------- */

static void try_one(const Sample *s, Fit *best, Meant meant)
{
    if (!is_format_of(s, meant.format))
        return;
    const Fit f = fit(s, meant);
    take_if_better(best, &f, 1.02);
}

/* Could the numbers be relative to an image? */
static bool is_small(const double box[4])
{
    return fabs(box[0]) <= 2 && fabs(box[1]) <= 2 && fabs(box[2]) <= 2 && fabs(box[3]) <= 2;
}

static bool are_small(const Sample *s, bool of_truth)
{
    const DfCheck *c = s->judge->check;
    for (size_t i = 0; !of_truth && i < s->n; i++)
        if (!is_small(c->detections[s->detections[i]].box))
            return false;
    for (size_t i = 0; of_truth && i < c->n_truths; i++)
        if (c->truths[i].has_box && !is_small(c->truths[i].box))
            return false;
    return true;
}

static void try_formats(const Sample *s, Fit *best)
{
    for (int of_truth = 0; of_truth < 2; of_truth++)
        for (MeantFormat format = MEANT_CENTRE; format < MEANT_FORMATS; format++)
            try_one(s, best, (Meant){ .format = format, .of_truth = of_truth });
    for (int of_truth = 0; of_truth < 2; of_truth++)
        for (MeantFormat format = MEANT_AS_IS; are_small(s, of_truth) && format < MEANT_FORMATS; format++) {
            try_one(s, best, (Meant){ .format = format, .unit = UNIT_RELATIVE, .of_truth = of_truth });
            try_one(s, best, (Meant){ .format = format, .unit = UNIT_LONGER, .x = 1, .of_truth = of_truth });
        }
}

/* There are many sizes, of which one always fits a little better than none. */
static double wanted_gain(const Fit *best)
{
    return best->meant.unit >= UNIT_STRETCHED ? 1.02 : 1.15;
}

static void try_sizes_of(const Sample *s, Fit *best, MeantFormat format)
{
    static const double ratios[] = { 1, 3.0 / 4, 4.0 / 3, 9.0 / 16, 16.0 / 9, 0.5, 2, 2.0 / 3, 1.5 };
    const double least = 30; /* pixels of the smallest input, and of the largest */
    const double most = 4200;
    Fit f;
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        f = scan(s, (Meant){ .format = format, .unit = UNIT_STRETCHED }, least, most, ratios[i]);
        take_if_better(best, &f, wanted_gain(best));
    }
    for (MeantUnit unit = UNIT_LONGER; unit <= UNIT_PADDED; unit++) {
        f = scan(s, (Meant){ .format = format, .unit = unit }, least, most, 1);
        take_if_better(best, &f, wanted_gain(best));
    }
    f = scan(s, (Meant){ .format = format, .unit = UNIT_FACTOR }, 1.0 / 64, 64, 1);
    take_if_better(best, &f, wanted_gain(best));
}

static bool same(const Meant *a, const Meant *b)
{
    return a->format == b->format && a->unit == b->unit && a->of_truth == b->of_truth && !(a->x < b->x || a->x > b->x);
}

/* Where a format alone explains most, the sizes of no other one are tried. */
static void try_sizes(const Sample *s, Fit *best)
{
    const Meant formats = best->meant;
    const bool most = best->hits * 5 >= s->n * 3;
    for (MeantFormat format = MEANT_AS_IS; format < MEANT_FORMATS; format++)
        if (is_format_of(s, format) &&
            (!most || (format == formats.format && formats.unit == UNIT_PIXELS && !formats.of_truth)))
            try_sizes_of(s, best, format);
    if (best->meant.unit >= UNIT_STRETCHED && !same(&best->meant, &formats))
        finish_size(s, best);
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

static const char *const formats[MEANT_FORMATS] = {
    [MEANT_AS_IS] = "x y width height",
    [MEANT_CENTRE] = "centre x, centre y, width, height",
    [MEANT_CORNERS] = "corners x1 y1 x2 y2",
    [MEANT_Y_FIRST] = "y x height width, with x and y exchanged",
    [MEANT_CORNERS_Y_FIRST] = "corners y1 x1 y2 x2, with x and y exchanged",
    [MEANT_CENTRE_Y_FIRST] = "centre y, centre x, height, width, with x and y exchanged",
};

static bool is_relative(const Meant *m)
{
    return m->unit == UNIT_RELATIVE || (m->unit == UNIT_LONGER && m->x <= 1);
}

static const char *code_of(const Meant *m)
{
    static const char *const codes[MEANT_FORMATS] = {
        "boxes_resized", "boxes_centre", "boxes_corners", "boxes_exchanged", "boxes_exchanged", "boxes_exchanged",
    };
    if (m->of_truth)
        return "annotation_boxes";
    if (m->unit == UNIT_PIXELS)
        return codes[m->format];
    return is_relative(m) ? "boxes_relative" : "boxes_resized";
}

static void name_unit(const Meant *m, char *text, size_t room)
{
    if (m->unit == UNIT_RELATIVE)
        df_snprintf(text, room, " relative to the size of the image (0..1)");
    else if (is_relative(m))
        df_snprintf(text, room, " relative to the longer side of the image (0..1)");
    else if (m->unit == UNIT_STRETCHED)
        df_snprintf(text, room, " in pixels of a network input of %.0f x %.0f, to which the image is stretched", m->x,
                    m->y);
    else if (m->unit == UNIT_LONGER)
        df_snprintf(text, room, " in pixels of a network input whose longer side is %.0f", m->x);
    else if (m->unit == UNIT_SHORTER)
        df_snprintf(text, room,
                    " in pixels of a network input whose shorter side is %.0f (the longer one %.0f at most)", m->x,
                    m->x * 1333 / 800);
    else if (m->unit == UNIT_PADDED)
        df_snprintf(text, room, " in pixels of a network input of %.0f x %.0f, in whose middle the image stands", m->x,
                    m->x);
    else if (m->unit == UNIT_FACTOR)
        df_snprintf(text, room, " divided by %.3g", m->x);
    else
        text[0] = 0;
}

/* How many lie on an object, as they are and as they may be meant: of all detections, or where most of these are mere
 * guesses, of the best ones. */
typedef struct {
    size_t before, after, n;
    const char *which;
} Gain;

static Gain gain_of(const Judge *j, const Meant *m)
{
    const CheckHits *all = &j->check->hits;
    const Gain of_all = { all->on_object, df_check_on_object(j, m, true), all->n, "" };
    if (2 * of_all.after >= 3 * of_all.before)
        return of_all;
    return (Gain){ df_check_on_object(j, &(Meant){ 0 }, false), df_check_on_object(j, m, false), j->n_best,
                   "among the best detections of each image, as many as it has objects, " };
}

static int say(const Judge *j, const Meant *m)
{
    DfCheck *c = j->check;
    const Gain g = gain_of(j, m);
    const CheckDetection *first = &c->detections[j->best[0]];
    const CheckPlace place = m->of_truth ? CHECK_WHOLE_FILE : first->place;
    const char *whose = m->of_truth ? "the annotations" : "the results";
    const char *order = m->format == MEANT_AS_IS ? "x y visibility" : "y x visibility, with x and y exchanged";
    char unit[160];
    name_unit(m, unit, sizeof unit);
    c->file = m->of_truth ? c->truth_file : c->results_files[first->file];
    if (c->judges_points) /* of these a format says only which number comes first */
        return df_check_find(c, DF_CHECK_ERROR, code_of(m), place,
                             "%sthe keypoints of %zu of %zu detections span those of an object; %zu would if the "
                             "keypoints of %s were %s%s: want x y visibility "
                             "in pixels of the image", g.which, g.before, g.n, g.after, whose,
                             order, unit);
    return df_check_find(c, DF_CHECK_ERROR, code_of(m), place,
                         "%s%zu of %zu detections lie on an object, whatever its class; %zu would if the boxes of %s "
                         "were %s%s: want x y width height in pixels of the "
                         "image", g.which, g.before, g.n, g.after, whose,
                         formats[m->format], unit);
}

/* Of the few readings that have no size to choose, also a poor detector shows which is right. */
static bool is_clear(size_t before, size_t after, size_t n)
{
    return after >= 4 * before + 20 && after * 20 >= n;
}

/* Of thousands of sizes one puts a quarter of a few boxes on objects by chance, but not half of them. */
static bool is_beyond_chance(size_t after, size_t n)
{
    enum { MANY = 200 };
    return n >= MANY || 2 * after >= n;
}

int df_check_try_boxes(Judge *j, bool *named)
{
    const size_t before = df_check_on_object(j, &(Meant){ 0 }, false);
    if (j->n_best < 4 || before * 5 >= j->n_best * 3 || j->check->detections[j->best[0]].boxed_mask)
        return DF_OK;
    Sample *s = df_calloc(1, sizeof *s);
    if (!s)
        return df_fail_memory("a sample of the detections");
    take_sample(s, j);
    Fit best = fit(s, (Meant){ 0 });
    try_formats(s, &best);
    try_sizes(s, &best);
    df_free(s);
    const bool sized = best.meant.unit != UNIT_PIXELS && !is_relative(&best.meant);
    const size_t after = df_check_on_object(j, &best.meant, false);
    *named = df_check_is_gain(before, after, j->n_best);
    if (sized)
        *named = *named && is_beyond_chance(after, j->n_best);
    else
        *named = *named || is_clear(before, after, j->n_best);
    if (!*named)
        return DF_OK;
    j->meant = best.meant;
    df_check_forget(j->check, "result_box_outside");
    if (best.meant.of_truth) {
        df_check_forget(j->check, "box_outside");
        df_check_forget(j->check, "mask_box");
    }
    return say(j, &best.meant);
}
