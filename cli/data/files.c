/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/files.c -- reads and writes datasets for the subcommands, and reports about it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data/data.h"

/* ---- options ----------------------------------------------------------------------------------------------------- */

static int read_form(const char *option, const char *name, DfLabelledForm *out)
{
    *out = DF_LABELLED_ANY;
    if (!name || df_labelled_form(out, name))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "%s %s: want " DF_LABELLED_FORMS, option, name);
}

static int read_task(DfYoloTask *out)
{
    static const char *const names[] = { "", "detect", "segment", "pose", "obb" };
    *out = DF_YOLO_BEST;
    for (size_t i = 1; cli_data.task && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], cli_data.task) == 0)
            *out = (DfYoloTask)i;
    if (cli_data.task && *out == DF_YOLO_BEST)
        return df_fail(CLI_EUSAGE, "--task %s: want detect, segment, pose or obb", cli_data.task);
    return DF_OK;
}

int cli_data_check(const char *in, const char *out)
{
    DfLabelledForm form;
    DfYoloTask task;
    int error = read_form("--to", cli_data.to, &form);
    if (error == DF_OK)
        error = read_task(&task);
    if (error == DF_OK && cli_data.copy && cli_data.link)
        error = df_fail(CLI_EUSAGE, "--copy and --link: want one of them");
    if (error == DF_OK && cli_is_same_file(in, out))
        error = df_fail(CLI_EUSAGE, "%s is the input: want another place to write to", out);
    return error;
}

int cli_data_range(const char *option, const char *text, double range[2])
{
    range[0] = -INFINITY;
    range[1] = INFINITY;
    if (!text)
        return DF_OK;
    const char *colon = strchr(text, ':');
    char *end = NULL;
    bool right = colon != NULL;
    if (right && colon > text) {
        range[0] = df_strtod(text, &end);
        right = end == colon;
    }
    if (right && colon[1]) {
        range[1] = df_strtod(colon + 1, &end);
        right = !*end;
    }
    if (right && range[0] <= range[1])
        return DF_OK;
    return df_fail(CLI_EUSAGE, "%s %s: want LOW:HIGH, as in 1024: or 0:32", option, text);
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const char *part)
{
    bool wanted = cli_data.parts.n == 0;
    for (int i = 0; i < cli_data.parts.n; i++)
        wanted |= strcmp(cli_data.parts.v[i], part) == 0;
    return wanted;
}

static int keep_parts(DfLabelled *set, const char *path)
{
    bool *keep = df_calloc((size_t)set->n_pictures + 1, sizeof *keep);
    int kept = 0;
    if (!keep)
        return df_fail_memory("a choice of a dataset");
    for (int i = 0; i < set->n_pictures; i++)
        kept += keep[i] = is_wanted(set->parts[set->pictures[i].part].name);
    int error = df_labelled_keep(set, &(DfLabelledChoice){ .pictures = keep });
    if (error == DF_OK && !kept)
        error = df_fail(DF_EVALUE, "%s: no pictures of the part %s", path, cli_data.parts.v[0]);
    df_free(keep);
    return error;
}

int cli_data_read(DfLabelled *set, const char *path)
{
    DfLabelledSource source = { .pictures = cli_data.images, .whole = cli_data.whole };
    *set = (DfLabelled){ 0 };
    int error = read_form("--from", cli_data.from, &source.form);
    if (error == DF_OK)
        error = df_labelled_read(set, path, &source);
    if (error == DF_OK && cli_data.parts.n)
        error = keep_parts(set, path);
    return error;
}

int cli_data_choose(DfLabelled *set, const int *part_of, int part)
{
    bool *keep = df_calloc((size_t)set->n_pictures + 1, sizeof *keep);
    if (!keep)
        return df_fail_memory("a choice of a dataset");
    for (int i = 0; i < set->n_pictures; i++)
        keep[i] = part_of[i] == part;
    const int error = df_labelled_keep(set, &(DfLabelledChoice){ .pictures = keep });
    df_free(keep);
    return error;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

static const char *form_words(DfLabelledForm form)
{
    static const char *const words[] = { "", "COCO", "LVIS", "YOLO", "PASCAL VOC", "label maps" };
    return words[form];
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* One sentence: what the form cannot hold. */
static int say_losses(DfLabelledForm form, const DfLabelledReport *report)
{
    DfTextbuf text = { 0 };
    char *said;
    for (int i = 0; i < DF_LOST_KINDS; i++)
        if (report->lost[i]) {
            df_textbuf_add(&text, "%s", text.n ? ", " : "");
            df_labelled_loss_words(&text, (DfLabelledLoss)i, report->lost[i]);
        }
    const bool any = text.n > 0;
    const int error = df_textbuf_take(&text, &said);
    if (error == DF_OK && any)
        cli_say("%s cannot hold everything; lost: %s", form_words(form), said);
    df_free(error == DF_OK ? said : NULL);
    return error;
}

static int say(const DfLabelled *set, const char *path, const DfLabelledTarget *target, const DfLabelledReport *report)
{
    static const char *const done[] = { "pictures stay where they are", "copied", "linked" };
    if (cli.quiet)
        return DF_OK;
    const size_t pictures = (size_t)set->n_pictures;
    cli_say("%s: %zu picture%s, %zu object%s of %d class%s as %s; %s", path, pictures, plural(pictures), set->n_objects,
            plural(set->n_objects), set->n_classes, set->n_classes == 1 ? "" : "es", form_words(target->form),
            done[target->pictures]);
    return say_losses(target->form, report);
}

static const char *const loss_keys[DF_LOST_KINDS] = {
    [DF_LOST_CROWDS] = "crowds", [DF_LOST_CROWD_MARKS] = "crowd_marks", [DF_LOST_NO_BOX] = "objects_without_box",
    [DF_LOST_OUTSIDE] = "objects_outside", [DF_LOST_CUT] = "objects_cut", [DF_LOST_NO_MASK] = "objects_without_mask",
    [DF_LOST_MASKS] = "masks", [DF_LOST_HIDDEN] = "masks_covered", [DF_LOST_INSTANCES] = "instances",
    [DF_LOST_KEYPOINTS] = "keypoints", [DF_LOST_IDS] = "ids", [DF_LOST_MEMBERS] = "other_members",
    [DF_LOST_FEDERATION] = "federation", [DF_LOST_IGNORED] = "ignore_marks", [DF_LOST_DECIMALS] = "decimals",
};

static int write_json(const DfLabelled *set, const char *path, const DfLabelledTarget *target,
                      const DfLabelledReport *report)
{
    DfJsonWriter w = { 0 };
    df_json_begin(&w, NULL, '{');
    df_json_put_text(&w, "path", path);
    df_json_put_text(&w, "form", df_labelled_form_name(target->form));
    df_json_put_number(&w, "images", set->n_pictures);
    df_json_put_number(&w, "annotations", (double)set->n_objects);
    df_json_put_number(&w, "categories", set->n_classes);
    df_json_put_number(&w, "files", (double)report->files);
    df_json_put_number(&w, "pictures", (double)report->pictures);
    df_json_begin(&w, "parts", '{');
    for (int p = 0; p < set->n_parts; p++) {
        int n = 0;
        for (int i = 0; i < set->n_pictures; i++)
            n += set->pictures[i].part == p;
        df_json_put_number(&w, set->parts[p].name, n);
    }
    df_json_end(&w);
    df_json_begin(&w, "lost", '{');
    for (int i = 0; i < DF_LOST_KINDS; i++)
        if (report->lost[i])
            df_json_put_number(&w, loss_keys[i], (double)report->lost[i]);
    df_json_end(&w);
    df_json_end(&w);
    return cli_write_json(&w, cli_data.json);
}

int cli_data_write(const DfLabelled *set, const char *path)
{
    DfLabelledTarget target = { .boxes_only = cli_data.boxes_only, .whole_pixels = cli_data.whole_pixels,
                                .compact = cli_data.compact };
    DfLabelledReport report = { 0 };
    int error = read_form("--to", cli_data.to, &target.form);
    if (error == DF_OK)
        error = read_task(&target.task);
    if (cli_data.copy || cli_data.link)
        target.pictures = cli_data.copy ? DF_PICTURES_COPIED : DF_PICTURES_LINKED;
    if (target.form == DF_LABELLED_ANY)
        target.form = set->form;
    if (error == DF_OK)
        error = cli_check_output(cli_data.json);
    if (error == DF_OK)
        error = df_labelled_write(set, path, &target, &report);
    if (error == DF_OK)
        error = say(set, path, &target, &report);
    return error == DF_OK ? write_json(set, path, &target, &report) : error;
}
