/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/write.c -- what all writers share: names, files, pictures, and counting what is lost.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/private.h"

/* ---- what is lost ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *one, *many;
} losses[DF_LOST_KINDS] = {
    [DF_LOST_CROWDS] = { "crowd", "crowds" },
    [DF_LOST_CROWD_MARKS] = { "crowd flag", "crowd flags" },
    [DF_LOST_NO_BOX] = { "object without a box or without area", "objects without a box or without area" },
    [DF_LOST_OUTSIDE] = { "object outside of its picture", "objects outside of their pictures" },
    [DF_LOST_CUT] = { "object cut at the border of its picture", "objects cut at the border of their pictures" },
    [DF_LOST_NO_MASK] = { "object without a mask", "objects without a mask" },
    [DF_LOST_MASKS] = { "mask", "masks" },
    [DF_LOST_HIDDEN] = { "mask partly covered by another", "masks partly covered by others" },
    [DF_LOST_INSTANCES] = { "object merged with another of its class", "objects merged with others of their class" },
    [DF_LOST_KEYPOINTS] = { "object's keypoints", "objects' keypoints" },
    [DF_LOST_IDS] = { "id", "ids" },
    [DF_LOST_MEMBERS] = { "record's extra fields", "records' extra fields" },
    [DF_LOST_FEDERATION] = { "picture's LVIS class lists", "pictures' LVIS class lists" },
    [DF_LOST_IGNORED] = { "ignore flag", "ignore flags" },
    [DF_LOST_DECIMALS] = { "box rounded to whole pixels", "boxes rounded to whole pixels" },
};

void df_labelled_loss_words(DfTextbuf *to, DfLabelledLoss loss, size_t n)
{
    df_textbuf_add(to, "%zu %s", n, n == 1 ? losses[loss].one : losses[loss].many);
}

static void count_members(DfLabelledOut *out, const char *rest, const char *const *known)
{
    DfTextbuf left = { 0 };
    out->report->lost[DF_LOST_MEMBERS] += !df_labelled_without(&left, rest, known);
    df_free(left.at);
}

void df_labelled_count_members(DfLabelledOut *out, const char *const *known)
{
    const DfLabelled *set = out->set;
    for (int i = 0; i < set->n_classes; i++)
        count_members(out, set->classes[i].rest, known);
    for (int i = 0; i < set->n_parts; i++)
        count_members(out, set->parts[i].head, known);
    for (int i = 0; i < set->n_pictures; i++) {
        count_members(out, set->pictures[i].rest, known);
        out->report->lost[DF_LOST_FEDERATION] += set->pictures[i].federated;
    }
    for (size_t k = 0; k < set->n_objects; k++) {
        count_members(out, set->objects[k].rest, known);
        out->report->lost[DF_LOST_IGNORED] += set->objects[k].ignore;
    }
}

static bool is_number(DfId id, int64_t number)
{
    return !id.text && id.number == number;
}

void df_labelled_count_ids(DfLabelledOut *out, const uint32_t *order)
{
    const DfLabelled *set = out->set;
    size_t *lost = &out->report->lost[DF_LOST_IDS];
    int64_t object = 0;
    for (int i = 0; i < set->n_classes; i++)
        *lost += !is_number(set->classes[i].id, i + 1);
    for (int i = 0; i < set->n_pictures; i++) {
        const DfLabelledPicture *picture = &set->pictures[order[i]];
        *lost += !is_number(picture->id, i + 1);
        for (size_t k = 0; k < picture->n; k++)
            *lost += !is_number(set->objects[set->order[picture->first + k]].id, ++object);
    }
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *part, *name;
    uint32_t picture;
} Name;

static int by_part_and_name(const void *a, const void *b)
{
    const Name *x = a;
    const Name *y = b;
    const int part = strcmp(x->part, y->part);
    const int name = part ? part : strcmp(x->name, y->name);
    return name ? name : (x->picture > y->picture) - (x->picture < y->picture);
}

int df_labelled_by_name(const DfLabelled *set, uint32_t **order)
{
    const size_t n = (size_t)set->n_pictures;
    Name *names = df_malloc((n + 1) * sizeof *names);
    *order = df_malloc((n + 1) * sizeof **order);
    if (!names || !*order) {
        df_free(names);
        return df_fail_memory("a list of pictures");
    }
    for (size_t i = 0; i < n; i++)
        names[i] = (Name){ set->parts[set->pictures[i].part].name, set->pictures[i].name, (uint32_t)i };
    qsort(names, n, sizeof *names, by_part_and_name);
    for (size_t i = 0; i < n; i++)
        (*order)[i] = names[i].picture;
    df_free(names);
    return DF_OK;
}

/* Without what is behind the last dot. */
static int stem_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strrchr(slash ? slash : name, '.');
    return (int)(dot && dot > name && dot[-1] != '/' ? (size_t)(dot - name) : strlen(name));
}

int df_labelled_check_stems(const DfLabelledOut *out, bool by_part)
{
    DfIds seen = { 0 };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < out->set->n_pictures; i++) {
        const DfLabelledPicture *picture = &out->set->pictures[i];
        const char *part = by_part ? out->set->parts[picture->part].name : "";
        const char *stem = df_arena_text(out->set->arena, "%s/%.*s", part, stem_length(picture->name), picture->name);
        const size_t before = seen.n;
        uint32_t place;
        error = stem ? df_ids_add(&seen, (DfId){ 0, stem }, &place) : df_fail_memory("a list of pictures");
        if (error == DF_OK && place < before)
            error = df_fail(DF_EVALUE, "two pictures are called '%.*s', and so would be their annotations: want names "
                            "that differ in more than their ending", stem_length(picture->name), picture->name);
    }
    df_ids_done(&seen);
    return error;
}

const char *df_labelled_target(const DfLabelledOut *out, const char *folder, const char *part, const char *name,
                               const char *ending)
{
    const int stem = ending ? stem_length(name) : (int)strlen(name);
    const char *below = df_arena_text(out->set->arena, "%s%s%s%s%.*s%s", folder, folder[0] ? "/" : "", part,
                                      part[0] ? "/" : "", stem, name, ending ? ending : "");
    char *path = NULL;
    if (!below)
        df_fail_memory("a path");
    if (!below || df_labelled_check_name(name) < 0 || df_path_below(&path, out->dir, below) < 0)
        return NULL;
    const char *kept = df_arena_copy(out->set->arena, path, strlen(path));
    char *slash = strrchr(path, '/');
    *slash = 0;
    const bool made = df_is_directory(path) || df_make_directory(path) == DF_OK;
    df_free(path);
    if (!kept)
        df_fail_memory("a path");
    return made && kept && df_labelled_check_target(out->set, kept) == DF_OK ? kept : NULL;
}

int df_labelled_put_file(DfLabelledOut *out, const char *path)
{
    DfWriter *file;
    if (out->text.failed)
        return df_fail_memory("annotations");
    const int error = path ? df_writer_open(&file, path) : DF_EVALUE;
    if (error < 0)
        return error;
    df_write(file, out->text.at, out->text.n);
    out->text.n = 0;
    out->report->files++;
    return df_writer_commit(file);
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int copy_picture(const char *from, const char *to)
{
    DfFile file;
    DfWriter *writer;
    int error = df_file_open(&file, from, DF_IMAGE_MAX_FILE);
    if (error < 0)
        return error;
    error = df_writer_open(&writer, to);
    if (error == DF_OK) {
        df_write(writer, file.data, file.size);
        error = df_writer_commit(writer);
    }
    df_file_close(&file);
    return error;
}

/* A link is made under another name first, so that what was there is replaced at once or stays. */
static int link_picture(const char *from, const char *to)
{
    char *whole = df_path_absolute(from);
    char *name = whole ? df_temporary_name(to) : NULL;
    int error = whole ? DF_OK : DF_EIO;
    if (error == DF_OK && !name)
        error = df_fail_memory("a path");
    if (error == DF_OK && symlink(whole, name) != 0)
        error = df_fail_errno("%s: cannot be linked", to);
    if (error == DF_OK && rename(name, to) < 0) {
        error = df_fail_errno("%s: cannot be linked", to);
        unlink(name);
    }
    df_free(whole);
    df_free(name);
    return error;
}

/* A link that is already there, made by an earlier run, leads out of the folder, and is replaced. */
static int put_picture(DfLabelledOut *out, const char *from, const char *to)
{
    if (is_same_file(from, to))
        return DF_OK;
    struct stat there;
    const bool link = lstat(to, &there) == 0 && S_ISLNK(there.st_mode);
    if (link && out->target->pictures == DF_PICTURES_COPIED && unlink(to) < 0)
        return df_fail_errno("%s", to);
    out->report->pictures++;
    return out->target->pictures == DF_PICTURES_COPIED ? copy_picture(from, to) : link_picture(from, to);
}

int df_labelled_put_pictures(DfLabelledOut *out, const char *folder, bool by_part)
{
    const DfLabelled *set = out->set;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures && out->target->pictures != DF_PICTURES_STAY; i++) {
        const DfLabelledPicture *picture = &set->pictures[i];
        const char *from = df_labelled_path(set, i);
        const char *part = by_part ? set->parts[picture->part].name : "";
        if (!from)
            return DF_EVALUE;
        if (!df_is_file(from))
            return df_fail(DF_EIO, "%s: there is no picture of that name", from);
        /* The name of a link of an earlier run must not be followed: its folder is what must stay inside. */
        const char *beside = df_labelled_target(out, folder, part, picture->name, ".picture");
        const char *to = beside ? df_arena_text(set->arena, "%.*s%s", (int)(strlen(beside) - strlen(".picture")),
                                                beside, picture->name + stem_length(picture->name))
                                : NULL;
        error = to ? put_picture(out, from, to) : DF_EVALUE;
    }
    return error;
}


/* ---- the whole --------------------------------------------------------------------------------------------------- */

static int check_names(const DfLabelled *set)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++)
        error = df_labelled_check_name(set->pictures[i].name);
    for (int i = 0; error == DF_OK && i < set->n_parts; i++)
        if (strchr(set->parts[i].name, '/') || strcmp(set->parts[i].name, "..") == 0)
            error = df_fail(DF_EVALUE, "a part is called '%s': want a plain name", set->parts[i].name);
    return error;
}

/* Its files are many, so they are waited for once. */
static int write_folder(int (*write)(DfLabelledOut *), DfLabelledOut *out)
{
    df_writers_hurry();
    const int error = write(out);
    const int settled = df_writers_settle(error == DF_OK ? out->dir : NULL);
    return error < 0 ? error : settled;
}

int df_labelled_write(const DfLabelled *set, const char *path, const DfLabelledTarget *target,
                      DfLabelledReport *report)
{
    static int (*const writers[])(DfLabelledOut *) = {
        [DF_LABELLED_COCO] = df_labelled_write_coco, [DF_LABELLED_LVIS] = df_labelled_write_coco,
        [DF_LABELLED_YOLO] = df_labelled_write_yolo, [DF_LABELLED_VOC] = df_labelled_write_voc,
        [DF_LABELLED_MAPS] = df_labelled_write_maps,
    };
    DfLabelledTarget known = *target;
    if (known.form == DF_LABELLED_ANY)
        known.form = set->form;
    DfLabelledOut out = { .set = set, .target = &known, .report = report, .dir = path };
    int error = check_names(set);
    const bool file = df_ends_with(path, ".json");
    if (error == DF_OK && file && known.form != DF_LABELLED_COCO && known.form != DF_LABELLED_LVIS)
        error = df_fail(DF_EVALUE, "%s: want the name of a folder for the form %s", path,
                        df_labelled_form_name(known.form));
    if (error == DF_OK && !file)
        error = df_make_directory(path);
    if (error == DF_OK)
        error = file ? writers[known.form](&out) : write_folder(writers[known.form], &out);
    df_free(out.text.at);
    return error;
}
