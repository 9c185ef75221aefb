/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/write_maps.c -- writes label maps: annotations/PART/NAME.png with a class in every pixel, and
 * classes.txt, whose first line is the class of value 0. Where objects overlap, the smaller is on top.
 */
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/paint.h"

enum { LARGEST = 254 };

typedef struct {
    DfLabelledOut *out;
    int value_of[LARGEST + 2]; /* [classes]                                             */
    int largest;
    bool zero;                 /* a class has the value 0: there is no background       */
} Maps;

/* ---- values of classes ------------------------------------------------------------------------------------------- */

/* Their ids, where these can be values; else 1, 2, ... */
static bool ids_are_values(const DfLabelled *set)
{
    bool used[LARGEST + 1] = { false };
    for (int i = 0; i < set->n_classes; i++) {
        const DfId id = set->classes[i].id;
        if (id.text || id.number < 0 || id.number > LARGEST || used[id.number])
            return false;
        used[id.number] = true;
    }
    return true;
}

static int choose_values(Maps *m)
{
    const DfLabelled *set = m->out->set;
    if (set->n_classes > LARGEST)
        return df_fail(DF_EVALUE, "%d classes: want at most %d for label maps of 8 bits", set->n_classes, LARGEST);
    const bool ids = !m->out->target->compact && ids_are_values(set);
    for (int i = 0; i < set->n_classes; i++) {
        m->value_of[i] = ids ? (int)set->classes[i].id.number : i + 1;
        m->largest = m->value_of[i] > m->largest ? m->value_of[i] : m->largest;
        m->zero |= m->value_of[i] == 0;
    }
    return DF_OK;
}

/* Values of no class are called N/A. */
static int write_names(Maps *m)
{
    const DfLabelled *set = m->out->set;
    for (int v = 0; v <= m->largest; v++) {
        const char *name = v ? "N/A" : "background";
        for (int i = 0; i < set->n_classes; i++)
            if (m->value_of[i] == v)
                name = set->classes[i].name;
        if (strchr(name, '\n'))
            return df_fail(DF_EVALUE, "a class is called '%s': want a name of one line for classes.txt", name);
        df_textbuf_add(&m->out->text, "%s\n", name);
    }
    return df_labelled_put_file(m->out, df_labelled_target(m->out, "", "", "classes.txt", NULL));
}

/* ---- one map ----------------------------------------------------------------------------------------------------- */

/* Which of the objects can be painted; a class of the value 0 is painted as 255, and exchanged at the end. */
static void choose_objects(Maps *m, const DfLabelledPicture *picture, uint8_t *value)
{
    const DfLabelled *set = m->out->set;
    size_t *lost = m->out->report->lost;
    int count[LARGEST + 1] = { 0 };
    for (size_t i = 0; i < picture->n; i++) {
        const DfLabelledObject *o = &set->objects[set->order[picture->first + i]];
        const bool mask = o->mask.form != DF_MASK_NONE;
        const int v = m->value_of[o->label];
        value[i] = (uint8_t)(mask ? v + 255 * (v == 0) : 0);
        lost[DF_LOST_NO_MASK] += !mask;
        lost[DF_LOST_CROWD_MARKS] += mask && o->crowd;
        lost[DF_LOST_INSTANCES] += mask && count[v]++ > 0;
    }
}

static int paint(Maps *m, const DfLabelledPicture *picture, DfImage *map)
{
    uint8_t *value = df_malloc(picture->n + 1);
    bool *hidden = df_calloc(picture->n + 1, sizeof *hidden);
    int error = value && hidden ? DF_OK : df_fail_memory("objects to paint");
    if (error == DF_OK) {
        choose_objects(m, picture, value);
        error = df_labelled_paint(map, m->out->set, picture, value, hidden);
    }
    for (size_t i = 0; error == DF_OK && i < picture->n; i++)
        m->out->report->lost[DF_LOST_HIDDEN] += hidden[i];
    for (size_t k = 0; error == DF_OK && m->zero && k < df_image_bytes(map); k++)
        map->pixels[k] = (uint8_t)(map->pixels[k] == 0 ? 255 : map->pixels[k] % 255);
    df_free(value);
    df_free(hidden);
    return error;
}

static int write_map(Maps *m, int i)
{
    const DfLabelled *set = m->out->set;
    const DfLabelledPicture *picture = &set->pictures[i];
    DfImage map = { 0 };
    int height, width;
    const char *part = set->parts[picture->part].name;
    const char *path = df_labelled_target(m->out, "annotations", part, picture->name, ".png");
    int error = path ? df_labelled_size(set, i, &height, &width) : DF_EVALUE;
    if (error == DF_OK)
        error = df_image_new(&map, height, width, 1);
    if (error == DF_OK && (error = paint(m, picture, &map)) < 0)
        df_fail_in(error, "%s: ", picture->name);
    if (error == DF_OK)
        error = df_image_write(&map, path, 100);
    m->out->report->files += error == DF_OK;
    df_image_free(&map);
    return error;
}

static bool has_masks(const DfLabelled *set)
{
    bool found = set->n_objects == 0;
    for (size_t k = 0; !found && k < set->n_objects; k++)
        found = set->objects[k].mask.form != DF_MASK_NONE;
    return found;
}

int df_labelled_write_maps(DfLabelledOut *out)
{
    static const char *const known[] = { NULL };
    Maps m = { .out = out };
    if (!has_masks(out->set))
        return df_fail(DF_EVALUE, "no object has a mask, and label maps hold nothing else");
    int error = choose_values(&m);
    if (error == DF_OK)
        error = df_labelled_check_stems(out, true);
    for (int i = 0; error == DF_OK && i < out->set->n_pictures; i++)
        error = write_map(&m, i);
    if (error == DF_OK)
        error = write_names(&m);
    if (error == DF_OK) {
        df_labelled_count_members(out, known);
        error = df_labelled_put_pictures(out, "images", true);
    }
    return error;
}
