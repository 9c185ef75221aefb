/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/maps.c -- checks label maps and predictions of semantic segmentation: different sizes, grey levels
 * instead of classes, classes counted from another number.
 */
#include "eval/check/maps.h"

#include <math.h>
#include <string.h>

#include "eval/check/data.h"

enum { VALUES = 256, NONE = -1, OUTSIDE = -2 };

struct CheckMaps {
    uint64_t pixels[VALUES][VALUES];                            /* of label, of prediction */
    uint64_t of_label[VALUES], of_pred[VALUES], all;
    const char *label_file[VALUES], *pred_file[VALUES];         /* the first with a value  */
    size_t pairs;
};

/* What values of labels and of predictions mean: a class, NONE (it does not count), or OUTSIDE. */
typedef struct {
    int label[VALUES], pred[VALUES];
} Meaning;

/* ---- a pair ---------------------------------------------------------------------------------------------------- */

static int fail_size(DfCheck *c, const DfCheckPair *p)
{
    const bool turned = p->pred_height == p->label_width && p->pred_width == p->label_height;
    return df_check_find(c, DF_CHECK_ERROR, "map_size", CHECK_WHOLE_FILE, "is %d x %d, and %s is %d x %d%s",
                         p->pred_width, p->pred_height, p->label_name, p->label_width, p->label_height,
                         turned ? ": width and height seem to be exchanged"
                                : ": want a prediction of the size of the labels");
}

static void note_files(CheckMaps *m, const char *label, const char *pred)
{
    for (int v = 0; v < VALUES; v++) {
        if (m->of_label[v] && !m->label_file[v])
            m->label_file[v] = label;
        if (m->of_pred[v] && !m->pred_file[v])
            m->pred_file[v] = pred;
    }
}

static void count(CheckMaps *m, const DfCheckPair *p)
{
    const size_t n = (size_t)p->label_height * (size_t)p->label_width;
    for (size_t i = 0; i < n; i++) {
        m->pixels[p->label[i]][p->pred[i]]++;
        m->of_label[p->label[i]]++;
        m->of_pred[p->pred[i]]++;
    }
    m->all += n;
    m->pairs++;
}

int df_check_pair(DfCheck *c, const DfCheckPair *p)
{
    if (!c->maps && !(c->maps = df_calloc(1, sizeof *c->maps)))
        return df_fail_memory("counters");
    int error = df_check_begin_file(c, p->label_name);
    const char *label = c->file;
    if (error == DF_OK)
        error = df_check_begin_file(c, p->pred_name);
    if (error < 0)
        return error;
    if (p->label_height != p->pred_height || p->label_width != p->pred_width)
        return fail_size(c, p);
    count(c->maps, p);
    note_files(c->maps, label, c->file);
    return DF_OK;
}

int df_check_map_fails(DfCheck *c, const char *name)
{
    char sentence[400];
    df_snprintf(sentence, sizeof sentence, "%.399s", df_error());
    const int error = df_check_begin_file(c, name);
    return error < 0 ? error : df_check_find(c, DF_CHECK_ERROR, "map_file", CHECK_WHOLE_FILE, "%s", sentence);
}

/* ---- what values mean ------------------------------------------------------------------------------------------ */

static int label_means(const DfMiouParams *p, int v)
{
    int k = v;
    if (p->reduce_zero_label)
        k = v == 0 || v == 255 ? 255 : v - 1;
    if (k == p->ignore_index)
        return NONE;
    return k < p->classes ? k : OUTSIDE;
}

static Meaning as_given(const DfMiouParams *p)
{
    Meaning m;
    for (int v = 0; v < VALUES; v++) {
        m.label[v] = label_means(p, v);
        m.pred[v] = v < p->classes ? v : OUTSIDE;
    }
    return m;
}

static void shift(int means[VALUES], int by, int classes)
{
    for (int v = 0; v < VALUES; v++) {
        const int k = v + by;
        means[v] = k >= 0 && k < classes ? k : OUTSIDE;
    }
}

/* Mean IoU of the classes that labels or predictions have; or of those that labels have, which no reading of the
 * predictions changes. */
static double mean_iou(const CheckMaps *maps, const Meaning *m, int classes, bool labelled)
{
    uint64_t both[VALUES] = { 0 }, label[VALUES] = { 0 }, pred[VALUES] = { 0 };
    double sum = 0;
    int n = 0;
    for (int v = 0; v < VALUES; v++)
        for (int w = 0; m->label[v] != NONE && w < VALUES; w++) {
            const uint64_t pixels = maps->pixels[v][w];
            if (m->label[v] >= 0)
                label[m->label[v]] += pixels;
            if (m->pred[w] >= 0)
                pred[m->pred[w]] += pixels;
            if (m->label[v] >= 0 && m->label[v] == m->pred[w])
                both[m->label[v]] += pixels;
        }
    for (int k = 0; k < classes; k++)
        if (label[k] + (labelled ? 0 : pred[k]) > 0) {
            sum += (double)both[k] / (double)(label[k] + pred[k] - both[k]);
            n++;
        }
    return n ? sum / n : 0;
}

/* ---- grey levels ----------------------------------------------------------------------------------------------- */

/* Are the values black, white and evenly between, as when classes are drawn to be looked at? Of 0 and 1 or of 0 to 10
 * they are not. `ranks` gets the class that each is then. */
static bool are_grey_levels(const uint64_t of[VALUES], int classes, int ranks[VALUES])
{
    int values[VALUES];
    int n = 0;
    for (int v = 0; v < VALUES; v++) {
        ranks[v] = OUTSIDE;
        if (of[v])
            values[n++] = v;
    }
    if (n < 2 || n > 16 || n > classes || values[n - 1] != 255)
        return false;
    for (int i = 0; i < n; i++) {
        if (fabs(values[i] - 255.0 * i / (n - 1)) > 1)
            return false;
        ranks[values[i]] = i;
    }
    return true;
}

/* "class 1 coin, class 2" of the first classes without a labelled pixel. */
static void name_absent(const CheckMaps *maps, const Meaning *m, int classes, const char *const *names, char *text,
                        size_t room)
{
    uint64_t label[VALUES] = { 0 };
    int shown = 0;
    text[0] = 0;
    for (int v = 0; v < VALUES; v++)
        if (m->label[v] >= 0)
            label[m->label[v]] += maps->of_label[v];
    for (int k = 0; k < classes && shown < 3; k++)
        if (!label[k]) {
            const size_t used = strlen(text);
            df_snprintf(text + used, room - used, "%sclass %d%s%.60s", shown ? " or " : "", k, names ? " " : "",
                        names ? names[k] : "");
            shown++;
        }
}

static double ignored_share(const CheckMaps *maps, const Meaning *m)
{
    uint64_t ignored = 0;
    for (int v = 0; v < VALUES; v++)
        ignored += m->label[v] == NONE ? maps->of_label[v] : 0;
    return maps->all ? (double)ignored / (double)maps->all : 0;
}

static int look_for_grey_levels(DfCheck *c, const DfMiouParams *p, const char *const *names, bool *named)
{
    const CheckMaps *maps = c->maps;
    const Meaning given = as_given(p);
    Meaning grey = given;
    char absent[256];
    char ignored[320] = "";
    int ranks[VALUES];
    const bool labels = are_grey_levels(maps->of_label, p->classes, ranks);
    if (labels)
        memcpy(grey.label, ranks, sizeof ranks);
    const bool preds = are_grey_levels(maps->of_pred, p->classes, ranks);
    if (preds)
        memcpy(grey.pred, ranks, sizeof ranks);
    *named = labels || preds;
    if (!*named)
        return DF_OK;
    name_absent(maps, &given, p->classes, names, absent, sizeof absent);
    if (labels)
        df_snprintf(ignored, sizeof ignored, "%.0f%% of pixels are ignored; no pixel of %s: ",
                    100 * ignored_share(maps, &given), absent[0] ? absent : "other classes");
    c->file = labels ? maps->label_file[255] : maps->pred_file[255];
    return df_check_find(c, DF_CHECK_ERROR, "maps_grey", CHECK_WHOLE_FILE,
                         "%s%s seem to hold grey levels up to 255 and not classes. mIoU %.2f would be %.2f if the "
                         "levels were classes from 0 on",
                         ignored,
                         labels && preds ? "labels and predictions"
                         : labels        ? "the labels"
                                         : "the predictions",
                         100 * mean_iou(maps, &given, p->classes, false),
                         100 * mean_iou(maps, &grey, p->classes, false));
}

/* ---- other readings -------------------------------------------------------------------------------------------- */

/* A predicted value stands for the class that it shares most with, if that class shares most with it: so no two are
 * the same. */
static void likeliest(const CheckMaps *maps, const DfMiouParams *p, Meaning *m)
{
    int of_pred[VALUES], of_class[VALUES];
    uint64_t most_of_pred[VALUES] = { 0 }, most_of_class[VALUES] = { 0 };
    for (int v = 0; v < VALUES; v++)
        for (int w = 0; w < VALUES; w++) {
            const int k = m->label[v];
            const uint64_t shared = k >= 0 && k < p->classes ? maps->pixels[v][w] : 0;
            if (shared > most_of_pred[w]) {
                most_of_pred[w] = shared;
                of_pred[w] = k;
            }
            if (shared > 0 && shared > most_of_class[k]) {
                most_of_class[k] = shared;
                of_class[k] = w;
            }
        }
    for (int w = 0; w < VALUES; w++)
        m->pred[w] = most_of_pred[w] && of_class[of_pred[w]] == w ? of_pred[w] : OUTSIDE;
}

typedef enum { FROM_1, FROM_MINUS_1, KEPT, REDUCED, SHUFFLED, READINGS } Reading;
static const char *const readings[READINGS] = {
    [FROM_1] = "if 1 were subtracted from the predictions: they seem to count classes from 1, want them from 0",
    [FROM_MINUS_1] = "if 1 were added to the predictions: they seem to be a class too low",
    [KEPT] = "with --no-reduce-zero-label: the labels seem to count classes from 0",
    [REDUCED] = "with --reduce-zero-label: the labels seem to count classes from 1",
    [SHUFFLED] = "if the classes of the predictions were in another order",
};

/* A reading that leaves pixels out is worth less. */
static double try_reading(const CheckMaps *maps, const DfMiouParams *p, Reading reading)
{
    Meaning m = as_given(p);
    DfMiouParams other = *p;
    other.reduce_zero_label = reading == REDUCED;
    if ((reading == KEPT && !p->reduce_zero_label) || (reading == REDUCED && p->reduce_zero_label))
        return 0;
    if (reading == KEPT || reading == REDUCED)
        m = as_given(&other);
    if (reading == FROM_1 || reading == FROM_MINUS_1)
        shift(m.pred, reading == FROM_1 ? -1 : 1, p->classes);
    if (reading == SHUFFLED)
        likeliest(maps, p, &m);
    return mean_iou(maps, &m, p->classes, true) * (1 - ignored_share(maps, &m));
}

static int look_for_readings(DfCheck *c, const DfMiouParams *p, bool *named)
{
    const CheckMaps *maps = c->maps;
    const Meaning given = as_given(p);
    const double counted = 1 - ignored_share(maps, &given);
    const double before = mean_iou(maps, &given, p->classes, true) * counted;
    double after = before;
    Reading best = READINGS;
    for (Reading reading = 0; reading < READINGS; reading++) {
        const double iou = try_reading(maps, p, reading);
        if (iou > after * (reading == SHUFFLED ? 1.2 : 1)) {
            after = iou;
            best = reading;
        }
    }
    *named = best != READINGS && after >= 0.1 && after >= 2 * before + 0.05;
    if (!*named)
        return DF_OK;
    return df_check_find(c, DF_CHECK_ERROR, best == SHUFFLED ? "classes_shuffled" : "classes_shifted", CHECK_WHOLE_FILE,
                         "mIoU (an ignored pixel counts as wrong) is "
                         "%.2f, and would be %.2f %s", 100 * before, 100 * after, readings[best]);
}

/* ---- what is outside, ignored, or always the same -------------------------------------------------------------- */

static int look_outside(DfCheck *c, const uint64_t of[VALUES], const int means[VALUES], const char *const file[VALUES],
                        bool labels)
{
    uint64_t outside = 0;
    int first = NONE;
    for (int v = 0; v < VALUES; v++)
        if (of[v] && means[v] == OUTSIDE) {
            outside += of[v];
            first = first == NONE ? v : first;
        }
    if (!outside)
        return DF_OK;
    c->file = file[first];
    return df_check_find(c, DF_CHECK_ERROR, labels ? "labels_outside" : "predictions_outside", CHECK_WHOLE_FILE,
                         "has the value %d, which is no class%s; %llu pixels of all %s have such values", first,
                         labels ? " and is not ignored" : "", (unsigned long long)outside,
                         labels ? "labels" : "predictions");
}

static int look_at_ignored(DfCheck *c, const Meaning *given)
{
    const double share = ignored_share(c->maps, given);
    if (share >= 1)
        return df_check_find(c, DF_CHECK_ERROR, "maps_ignored", CHECK_WHOLE_FILE,
                             "all pixels are ignored: there is no score");
    if (share > 0.5)
        return df_check_find(c, DF_CHECK_WARNING, "maps_ignored", CHECK_WHOLE_FILE, "%.0f%% of pixels are ignored",
                             100 * share);
    return DF_OK;
}

static int look_at_constant(DfCheck *c)
{
    const CheckMaps *maps = c->maps;
    int values = 0;
    int value = 0;
    int labels = 0;
    for (int v = 0; v < VALUES; v++) {
        labels += maps->of_label[v] > 0;
        if (maps->of_pred[v]) {
            values++;
            value = v;
        }
    }
    if (values != 1 || labels < 2)
        return DF_OK;
    return df_check_find(c, DF_CHECK_WARNING, "predictions_constant", CHECK_WHOLE_FILE,
                         "all predictions have the value %d at every pixel", value);
}

static void count_right(DfCheck *c, const Meaning *given)
{
    c->hits = (CheckHits){ 0 };
    for (int v = 0; v < VALUES; v++)
        for (int w = 0; given->label[v] != NONE && w < VALUES; w++) {
            c->hits.n += (size_t)c->maps->pixels[v][w];
            c->hits.on_class += given->label[v] == given->pred[w] ? (size_t)c->maps->pixels[v][w] : 0;
        }
}

int df_check_maps(DfCheck *c, const char *labels, const DfMiouParams *p, const char *const *names)
{
    bool named = false;
    int error = df_check_begin_file(c, labels);
    const char *folder = c->file;
    if (error < 0 || !c->maps || !c->maps->all)
        return error;
    const Meaning given = as_given(p);
    c->concluded = true;
    count_right(c, &given);
    error = look_for_grey_levels(c, p, names, &named);
    c->file = folder;
    if (error == DF_OK && !named)
        error = look_for_readings(c, p, &named);
    if (error == DF_OK && !named)
        error = look_outside(c, c->maps->of_label, given.label, c->maps->label_file, true);
    if (error == DF_OK && !named)
        error = look_outside(c, c->maps->of_pred, given.pred, c->maps->pred_file, false);
    c->file = folder;
    if (error == DF_OK && !named)
        error = look_at_ignored(c, &given);
    return error == DF_OK ? look_at_constant(c) : error;
}
