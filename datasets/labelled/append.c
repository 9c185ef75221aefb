/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/append.c -- appends one set to another; classes are joined by name, pictures by path.
 */
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"

typedef struct {
    DfLabelled *set;
    const DfLabelled *from;
    const char *prefix;
    DfLabelledMerge *merge;
    int *label_to, *picture_to;   /* [of `from`]                     */
    DfIds names;                  /* of the pictures of `set`        */
    int before;                   /* how many there were             */
} Append;

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static bool id_is_free(const DfLabelled *set, DfId id)
{
    for (int i = 0; i < set->n_classes; i++)
        if (df_id_compare(set->classes[i].id, id) == 0)
            return false;
    return true;
}

/* Its own id, if no class before has that; else the next one. */
static DfId free_id(const Append *a, DfId id)
{
    if (id_is_free(a->set, id))
        return id;
    DfId next = { 1, NULL };
    while (!id_is_free(a->set, next))
        next.number++;
    a->merge->new_category_ids++;
    return next;
}

static int append_classes(Append *a)
{
    for (int i = 0; i < a->from->n_classes; i++) {
        DfLabelledClass class = a->from->classes[i];
        const int known = df_labelled_find_class(a->set, class.name);
        if (known >= 0) {
            a->merge->same_classes++;
            a->merge->differing += strcmp(a->set->classes[known].rest, class.rest) != 0;
            a->label_to[i] = known;
            continue;
        }
        class.id = free_id(a, class.id);
        a->label_to[i] = df_labelled_add_class(a->set, &class);
        if (a->label_to[i] < 0)
            return a->label_to[i];
    }
    return DF_OK;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

/* Both files are there and differ. */
static int differ(const char *one, const char *other, bool *yes)
{
    DfFile a, b;
    *yes = false;
    if (!df_is_file(one) || !df_is_file(other))
        return DF_OK;
    int error = df_file_open(&a, one, DF_IMAGE_MAX_FILE);
    if (error < 0)
        return error;
    error = df_file_open(&b, other, DF_IMAGE_MAX_FILE);
    if (error == DF_OK) {
        *yes = a.size != b.size || memcmp(a.data, b.data, a.size) != 0;
        df_file_close(&b);
    }
    df_file_close(&a);
    return error;
}

static const char *whole_path(const DfLabelled *set, int i)
{
    const DfLabelledPicture *picture = &set->pictures[i];
    return picture->path[0] || set->parts[picture->part].pictures[0] ? df_labelled_path(set, i) : "";
}

static int check_same(const Append *a, int i, int known)
{
    const DfLabelledPicture *one = &a->set->pictures[known];
    const DfLabelledPicture *other = &a->from->pictures[i];
    const bool sized = one->height && one->width && other->height && other->width;
    bool yes = sized && (one->height != other->height || one->width != other->width);
    const char *path = whole_path(a->set, known);
    const char *again = whole_path(a->from, i);
    int error = path && again ? DF_OK : DF_EVALUE;
    if (error == DF_OK && !yes && path[0] && again[0])
        error = differ(path, again, &yes);
    if (error == DF_OK && yes)
        error = df_fail(DF_EVALUE,
                        "two pictures are called '%s' and differ: --prefix puts the pictures of each dataset into a "
                        "folder of its own",
                        other->name);
    return error;
}

/* Of a part of that name with another folder of pictures, names are below the folder that both have, "": not known. */
static int append_part(Append *a, int part)
{
    const int to = df_labelled_add_part(a->set, a->from->parts[part].name);
    if (to < 0)
        return to;
    DfLabelledPart *known = &a->set->parts[to];
    const DfLabelledPart *from = &a->from->parts[part];
    const char *pictures = df_arena_copy(a->set->arena, from->pictures, strlen(from->pictures));
    const char *head = df_arena_copy(a->set->arena, from->head, strlen(from->head));
    if (!pictures || !head)
        return df_fail_memory("a dataset");
    if (!known->pictures[0])
        known->pictures = pictures;
    if (!known->head[0])
        known->head = head;
    return to;
}

static bool map_labels(const Append *a, int **labels, int n)
{
    int *mapped = n ? df_arena_alloc(a->set->arena, (size_t)n, sizeof *mapped) : NULL;
    for (int i = 0; mapped && i < n; i++)
        mapped[i] = a->label_to[(*labels)[i]];
    *labels = mapped;
    return mapped || !n;
}

static const char *key_of(const Append *a, int part, const char *name)
{
    return df_arena_text(a->set->arena, "%s/%s", a->set->parts[part].name, name);
}

static int append_picture(Append *a, int i, const int *part_to)
{
    DfLabelledPicture picture = a->from->pictures[i];
    uint32_t place;
    picture.part = part_to[picture.part];
    if (a->prefix)
        picture.name = df_arena_text(a->set->arena, "%s/%s", a->prefix, picture.name);
    const char *path = whole_path(a->from, i);
    const char *key = picture.name ? key_of(a, picture.part, picture.name) : NULL;
    if (!key || !path || !map_labels(a, &picture.absent, picture.n_absent) ||
        !map_labels(a, &picture.incomplete, picture.n_incomplete))
        return path ? df_fail_memory("a list of pictures") : DF_EVALUE;
    const size_t before = a->names.n;
    int error = df_ids_add(&a->names, (DfId){ 0, key }, &place);
    if (error == DF_OK && place < before) {
        a->picture_to[i] = (int)place;
        a->merge->same_pictures++;
        return check_same(a, i, (int)place);
    }
    if (error == DF_OK) {
        picture.path = path[0] ? path : picture.path;
        a->picture_to[i] = df_labelled_add_picture(a->set, &picture);
        error = a->picture_to[i] < 0 ? a->picture_to[i] : DF_OK;
    }
    return error;
}

static int append_pictures(Append *a)
{
    int error = DF_OK;
    int *part_to = df_malloc(((size_t)a->from->n_parts + 1) * sizeof *part_to);
    if (!part_to)
        return df_fail_memory("a dataset");
    for (int i = 0; error == DF_OK && i < a->from->n_parts; i++) {
        part_to[i] = append_part(a, i);
        error = part_to[i] < 0 ? part_to[i] : DF_OK;
    }
    for (int i = 0; error == DF_OK && i < a->before; i++) {
        const DfLabelledPicture *picture = &a->set->pictures[i];
        const char *key = key_of(a, picture->part, picture->name);
        uint32_t place;
        error = key ? df_ids_add(&a->names, (DfId){ 0, key }, &place) : df_fail_memory("a list of pictures");
        if (error == DF_OK && place != (uint32_t)i)
            error = df_fail(DF_EVALUE, "two pictures of one dataset are called '%s'", picture->name);
    }
    for (int i = 0; error == DF_OK && i < a->from->n_pictures; i++)
        error = append_picture(a, i, part_to);
    df_free(part_to);
    return error;
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static bool is_there(const Append *a, const DfLabelledObject *o)
{
    const DfLabelledPicture *picture = &a->set->pictures[o->picture];
    for (size_t k = 0; o->picture < a->before && k < picture->n; k++) {
        const DfLabelledObject *other = &a->set->objects[a->set->order[picture->first + k]];
        if (other->label == o->label && other->has_box == o->has_box && other->crowd == o->crowd &&
            memcmp(other->box, o->box, sizeof o->box) == 0 && other->mask.form == o->mask.form)
            return true;
    }
    return false;
}

static int append_objects(Append *a)
{
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < a->from->n_objects; k++) {
        DfLabelledObject o = a->from->objects[k];
        o.picture = a->picture_to[o.picture];
        o.label = a->label_to[o.label];
        const bool there = is_there(a, &o);
        a->merge->same_objects += there;
        if (!there)
            error = df_labelled_add_object(a->set, &o);
    }
    return error;
}

static void renumber(DfLabelled *set)
{
    for (int i = 0; i < set->n_pictures; i++)
        set->pictures[i].id = (DfId){ i + 1, NULL };
    for (size_t k = 0; k < set->n_objects; k++)
        set->objects[k].id = (DfId){ (int64_t)k + 1, NULL };
}

int df_labelled_append(DfLabelled *set, const DfLabelled *from, const char *prefix, DfLabelledMerge *merge)
{
    Append a = { .set = set, .from = from, .prefix = prefix, .merge = merge, .before = set->n_pictures };
    a.label_to = df_malloc(((size_t)from->n_classes + 1) * sizeof *a.label_to);
    a.picture_to = df_malloc(((size_t)from->n_pictures + 1) * sizeof *a.picture_to);
    int error = a.label_to && a.picture_to ? DF_OK : df_fail_memory("a dataset");
    if (error == DF_OK)
        error = df_labelled_group(set);
    if (error == DF_OK)
        error = append_classes(&a);
    if (error == DF_OK)
        error = append_pictures(&a);
    if (error == DF_OK)
        error = append_objects(&a);
    if (error == DF_OK)
        error = df_labelled_note_all(set, from);
    df_free(a.label_to);
    df_free(a.picture_to);
    df_ids_done(&a.names);
    if (error < 0)
        return error;
    renumber(set);
    return df_labelled_group(set);
}
