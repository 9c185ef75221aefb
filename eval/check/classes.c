/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/classes.c -- guesses what the category ids of results were meant to be if they are wrong: labels from 0
 * or 1, indices into the list of categories, names, or another order of categories. It compares the classes of
 * detections with the objects that they overlap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eval/check/judge.h"

enum { MOST_CATEGORIES = 4096 };

typedef enum {
    LABEL_FROM_0,
    LABEL_FROM_2,
    RANK_FROM_0,
    RANK_FROM_1,
    PLACE_FROM_0,
    PLACE_FROM_1,
    BY_NAME_FROM_0,
    BY_NAME_FROM_1,
    OF_COCO,
    NAME,
    INTEGER_OF_TEXT,
    SHUFFLED,
    READINGS
} Reading;

static const char *const readings[SHUFFLED] = {
    [LABEL_FROM_0] = "if 1 were added: labels seem to count from 0, want category ids",
    [LABEL_FROM_2] = "if 1 were subtracted: labels seem to count from 1, want category ids",
    [RANK_FROM_0] = "as places among the sorted category ids, counted from 0: want the ids themselves",
    [RANK_FROM_1] = "as places among the sorted category ids, counted from 1: want the ids themselves",
    [PLACE_FROM_0] = "as places in the list of categories, counted from 0: want category ids",
    [PLACE_FROM_1] = "as places in the list of categories, counted from 1: want category ids",
    [BY_NAME_FROM_0] = "as places in the alphabet of the category names, counted from 0: want category ids",
    [BY_NAME_FROM_1] = "as places in the alphabet of the category names, counted from 1: want category ids",
    [OF_COCO] = "as COCO's ids from 1 to 90: the annotations count the 80 classes without gaps",
    [NAME] = "as the names of categories: want their ids",
    [INTEGER_OF_TEXT] = "as integers and not as texts",
};

typedef struct {
    Judge *judge;
    const DfCheck *check;
    size_t n;                               /* categories that are mentioned anywhere */
    uint32_t *by_rank, *by_order, *by_name; /* [listed categories]                    */
    uint32_t *likeliest;                    /* [n]: what lies below what is said      */
    uint32_t *all, *best;                   /* [n][n]: what is said, what is below    */
    size_t *sums;                           /* [n]: of the rows of best               */
} Classes;

static void classes_done(Classes *k)
{
    df_free(k->by_rank);
    df_free(k->by_order);
    df_free(k->by_name);
    df_free(k->likeliest);
    df_free(k->all);
    df_free(k->best);
    df_free(k->sums);
}

/* ---- orders of the categories ---------------------------------------------------------------------------------- */

typedef struct {
    const DfId *id;
    const char *name;
    uint32_t category;
} Ranked;

static int compare_ids(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return df_id_compare(*x->id, *y->id);
}

static int compare_names(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static int order_categories(Classes *k)
{
    const DfCheck *c = k->check;
    const size_t listed = c->n_categories;
    Ranked *list = df_malloc(listed * sizeof *list);
    k->by_rank = df_malloc(listed * sizeof *k->by_rank);
    k->by_order = df_malloc(listed * sizeof *k->by_order);
    k->by_name = df_malloc(listed * sizeof *k->by_name);
    if (!list || !k->by_rank || !k->by_order || !k->by_name) {
        df_free(list);
        return df_fail_memory("categories");
    }
    size_t m = 0;
    for (uint32_t i = 0; i < k->n; i++)
        if (c->categories[i].listed) {
            list[m++] = (Ranked){ &c->category_ids.ids[i], c->categories[i].name, i };
            k->by_order[c->categories[i].order] = i;
        }
    if (m > 0)
        qsort(list, m, sizeof *list, compare_ids);
    for (size_t i = 0; i < m; i++)
        k->by_rank[i] = list[i].category;
    if (m > 0)
        qsort(list, m, sizeof *list, compare_names);
    for (size_t i = 0; i < m; i++)
        k->by_name[i] = list[i].category;
    df_free(list);
    return DF_OK;
}

/* ---- what a label means by a reading --------------------------------------------------------------------------- */

static uint32_t listed(const DfCheck *c, DfId id)
{
    const uint32_t at = df_ids_find(&c->category_ids, id);
    return at != DF_NO_ID && c->categories[at].listed ? at : DF_NO_ID;
}

static uint32_t at_place(const DfCheck *c, const uint32_t *list, int64_t place)
{
    return place >= 0 && (uint64_t)place < c->n_categories ? list[place] : DF_NO_ID;
}

/* The place of an id of COCO's, 1 to 90 with gaps, among the 80 that are used; -1: none. */
static int64_t place_in_coco(int64_t id)
{
    static const int64_t unused[] = { 12, 26, 29, 30, 45, 66, 68, 69, 71, 83 };
    int64_t before = 0;
    if (id < 1 || id > 90)
        return -1;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++) {
        if (id == unused[i])
            return -1;
        before += unused[i] < id;
    }
    return id - 1 - before;
}

static uint32_t of_text(const Classes *k, Reading reading, const char *text)
{
    const DfCheck *c = k->check;
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (reading == INTEGER_OF_TEXT && end != text && !*end && !errno)
        return listed(c, (DfId){ number, NULL });
    for (uint32_t i = 0; reading == NAME && i < k->n; i++)
        if (c->categories[i].listed && c->categories[i].name && strcmp(c->categories[i].name, text) == 0)
            return i;
    return DF_NO_ID;
}

/* The category that is meant by what is said. */
static uint32_t meant(const Classes *k, Reading reading, uint32_t said)
{
    const DfCheck *c = k->check;
    const DfId id = c->category_ids.ids[said];
    if (reading == SHUFFLED)
        return k->likeliest[said];
    if (id.text)
        return df_id_is_text(id) ? of_text(k, reading, id.text) : DF_NO_ID;
    const int64_t less = id.number > INT64_MIN ? id.number - 1 : -1;
    switch (reading) {
    case LABEL_FROM_0: return id.number < INT64_MAX ? listed(c, (DfId){ id.number + 1, NULL }) : DF_NO_ID;
    case LABEL_FROM_2: return id.number > INT64_MIN ? listed(c, (DfId){ id.number - 1, NULL }) : DF_NO_ID;
    case RANK_FROM_0: return at_place(c, k->by_rank, id.number);
    case RANK_FROM_1: return at_place(c, k->by_rank, less);
    case PLACE_FROM_0: return at_place(c, k->by_order, id.number);
    case PLACE_FROM_1: return at_place(c, k->by_order, less);
    case BY_NAME_FROM_0: return at_place(c, k->by_name, id.number);
    case BY_NAME_FROM_1: return at_place(c, k->by_name, less);
    case OF_COCO: return c->n_categories == 80 ? at_place(c, k->by_rank, place_in_coco(id.number)) : DF_NO_ID;
    default: return DF_NO_ID;
    }
}

/* ---- what lies below what is said ------------------------------------------------------------------------------ */

static void count(Classes *k, uint32_t *matrix, const CheckDetection *d)
{
    const Lies lies = df_check_lies(k->judge, &k->judge->meant, d, d->image);
    if (lies.on_object)
        matrix[d->category * k->n + (lies.on_class ? d->category : lies.category)]++;
}

static size_t sum_of(const uint32_t *row, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += row[i];
    return sum;
}

static int count_all(Classes *k)
{
    const DfCheck *c = k->check;
    k->all = df_calloc(k->n * k->n, sizeof *k->all);
    k->best = df_calloc(k->n * k->n, sizeof *k->best);
    k->likeliest = df_malloc(k->n * sizeof *k->likeliest);
    k->sums = df_malloc(k->n * sizeof *k->sums);
    if (!k->all || !k->best || !k->likeliest || !k->sums)
        return df_fail_memory("categories");
    for (size_t i = 0; i < c->hits.n; i++)
        count(k, k->all, &c->detections[i]);
    for (size_t i = 0; i < k->judge->n_best; i++)
        count(k, k->best, &c->detections[k->judge->best[i]]);
    for (size_t i = 0; i < k->n; i++)
        k->sums[i] = sum_of(k->best + i * k->n, k->n);
    return DF_OK;
}

/* What most of a label's detections lie on, where that is clear; else DF_NO_ID. */
static void find_likeliest(Classes *k)
{
    enum { FEWEST = 3 };
    for (uint32_t said = 0; said < k->n; said++) {
        const uint32_t *row = k->best + said * k->n;
        uint32_t most = said;
        for (uint32_t i = 0; i < k->n; i++)
            most = row[i] > row[most] ? i : most;
        const bool clear = row[most] >= FEWEST && 2 * (size_t)row[most] >= k->sums[said];
        k->likeliest[said] = clear ? most : DF_NO_ID;
    }
}

/* Labels that lie on the same category are confused and not exchanged: at most a tenth of the detections may be of
 * such. */
static bool is_permutation(const Classes *k)
{
    size_t clear = 0;
    size_t confused = 0;
    for (size_t a = 0; a < k->n; a++) {
        bool twice = false;
        for (size_t b = 0; b < k->n && k->likeliest[a] != DF_NO_ID; b++)
            twice |= b != a && k->likeliest[a] == k->likeliest[b] &&
                     (k->sums[b] > k->sums[a] || (k->sums[b] == k->sums[a] && b < a));
        clear += k->likeliest[a] != DF_NO_ID ? k->sums[a] : 0;
        confused += twice ? k->sums[a] : 0;
    }
    return confused * 10 <= clear;
}

/* How a reading fits: of the best detections on an object whose label it changes, those that then agree, and that agree
 * as they are. */
typedef struct {
    size_t changed, after, before, total, labels;
    bool unlisted; /* a label that is no category becomes one */
} Fit;

static Fit fit(const Classes *k, Reading reading)
{
    Fit f = { 0 };
    for (uint32_t said = 0; said < k->n; said++) {
        const uint32_t *row = k->best + said * k->n;
        const size_t sum = k->sums[said];
        const uint32_t to = sum ? meant(k, reading, said) : DF_NO_ID;
        const size_t after = to == DF_NO_ID ? 0 : row[to];
        f.total += sum;
        if (!sum || to == said)
            continue;
        f.changed += sum;
        f.after += after;
        f.before += row[said];
        f.labels += after > row[said];
        f.unlisted |= after > 0 && !k->check->categories[said].listed;
    }
    return f;
}

/* One label may lie on another category because the network knows nothing else; not two, each on its own. */
static bool explains(const Fit *f)
{
    const bool enough = f->after >= 10 || (f->after >= 4 && f->after * 4 >= f->total * 3);
    return enough && f->after >= 3 * f->before && f->after * 5 >= f->changed && (f->labels >= 2 || f->unlisted);
}

static size_t agreeing(const Classes *k, const uint32_t *matrix, Reading reading)
{
    size_t sum = 0;
    for (uint32_t said = 0; said < k->n; said++) {
        const uint32_t to = reading == READINGS ? said : meant(k, reading, said);
        sum += to == DF_NO_ID ? 0 : matrix[said * k->n + to];
    }
    return sum;
}

/* ---- what is said ---------------------------------------------------------------------------------------------- */

/* "1 person lies on 18 dog (34 of 36)", of the three labels with most detections. */
static void add_examples(const Classes *k, DfTextbuf *t)
{
    uint32_t shown[3];
    for (size_t n = 0; n < 3; n++) {
        size_t most = 0;
        for (uint32_t said = 0; said < k->n; said++) {
            bool had = k->likeliest[said] == said || k->likeliest[said] == DF_NO_ID;
            for (size_t i = 0; i < n; i++)
                had |= shown[i] == said;
            const size_t on = had ? 0 : k->best[said * k->n + k->likeliest[said]];
            if (on > most) {
                most = on;
                shown[n] = said;
            }
        }
        if (!most)
            return;
        df_textbuf_add(t, "%s%s lies on ", n ? ", " : "", df_check_category_text(k->check, shown[n]));
        df_textbuf_add(t, "%s (%zu of %zu)", df_check_category_text(k->check, k->likeliest[shown[n]]), most,
                       k->sums[shown[n]]);
    }
}

static const CheckDetection *first_wrong(const Classes *k, Reading reading)
{
    const DfCheck *c = k->check;
    for (size_t i = 0; i < k->judge->n_best; i++) {
        const CheckDetection *d = &c->detections[k->judge->best[i]];
        if (meant(k, reading, d->category) != d->category)
            return d;
    }
    return &c->detections[k->judge->best[0]];
}

static int say(Classes *k, Reading reading)
{
    DfCheck *c = k->judge->check;
    const CheckDetection *wrong = first_wrong(k, reading);
    DfTextbuf t = { 0 };
    char *how;
    if (reading == SHUFFLED) {
        df_textbuf_add(&t, "if categories were in another order: ");
        add_examples(k, &t);
    } else {
        df_textbuf_add(&t, "%s", readings[reading]);
    }
    int error = df_textbuf_take(&t, &how);
    if (error < 0)
        return error;
    df_check_forget(c, "result_category_unknown");
    c->file = c->results_files[wrong->file];
    /* of all detections, or where most of these are mere guesses, of the best ones */
    const bool of_all = 2 * agreeing(k, k->all, reading) >= 3 * agreeing(k, k->all, READINGS);
    const uint32_t *matrix = of_all ? k->all : k->best;
    error = df_check_find(c, DF_CHECK_ERROR, reading == SHUFFLED ? "classes_shuffled" : "classes_shifted", wrong->place,
                          "of %zu %sdetections on an object %zu have its class, and %zu would have it %s",
                          sum_of(matrix, k->n * k->n), of_all ? "" : "of the best ", agreeing(k, matrix, READINGS),
                          agreeing(k, matrix, reading), how);
    df_free(how);
    return error;
}

static int try_readings(Classes *k, bool *named)
{
    size_t most = agreeing(k, k->best, READINGS);
    Reading best = READINGS;
    find_likeliest(k);
    for (Reading reading = 0; reading < READINGS; reading++) {
        const Fit f = fit(k, reading);
        const size_t agree = agreeing(k, k->best, reading);
        const bool better = reading == SHUFFLED ? agree * 20 > most * 21 && is_permutation(k) : agree > most;
        if (better && explains(&f)) {
            most = agree;
            best = reading;
        }
    }
    *named = best != READINGS;
    return *named ? say(k, best) : DF_OK;
}

int df_check_try_classes(Judge *j, bool *named)
{
    Classes k = { .judge = j, .check = j->check, .n = j->check->category_ids.n };
    if (j->n_best == 0 || k.n > MOST_CATEGORIES)
        return DF_OK;
    int error = order_categories(&k);
    if (error == DF_OK)
        error = count_all(&k);
    if (error == DF_OK)
        error = try_readings(&k, named);
    classes_done(&k);
    return error;
}
