/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/data/draw.c -- deformer data draw: draws annotations on pictures.
 */
#include <string.h>

#include "cli/data/split.h"

typedef struct {
    const DfLabelled *set;
    const char *out;
    const char **names;    /* [classes] */
    int failed;
} Drawing;

/* Masks of one picture, which live until it is drawn. */
typedef struct {
    DfDrawnBox *boxes;
    DfMask *masks;
    int n;
} Drawn;

static int take_object(const DfLabelledObject *o, const DfImage *image, Drawn *d)
{
    if (!o->has_box)
        return DF_OK;
    DfDrawnBox *box = &d->boxes[d->n];
    DfMask *mask = &d->masks[d->n++];
    *box = (DfDrawnBox){ .label = o->label, .score = -1 };
    for (int k = 0; k < 2; k++) {
        box->box[k] = (float)o->box[k];
        box->box[2 + k] = (float)(o->box[k] + o->box[2 + k]);
    }
    if (o->mask.form == DF_MASK_NONE || cli_data.no_masks)
        return DF_OK;
    const int error = df_object_mask_runs(mask, &o->mask, (uint32_t)image->height, (uint32_t)image->width);
    box->runs = mask->runs;
    box->n_runs = mask->n;
    return error;
}

static int draw_objects(const Drawing *d, const DfLabelledPicture *picture, DfImage *image)
{
    Drawn drawn = { 0 };
    drawn.boxes = df_calloc(picture->n + 1, sizeof *drawn.boxes);
    drawn.masks = df_calloc(picture->n + 1, sizeof *drawn.masks);
    int error = drawn.boxes && drawn.masks ? DF_OK : df_fail_memory("objects to draw");
    for (size_t k = 0; error == DF_OK && k < picture->n; k++)
        error = take_object(&d->set->objects[d->set->order[picture->first + k]], image, &drawn);
    if (error == DF_OK)
        error = df_draw_boxes(image, drawn.boxes, drawn.n, d->names, d->set->n_classes);
    for (int k = 0; drawn.masks && k < drawn.n; k++)
        df_mask_done(&drawn.masks[k]);
    df_free(drawn.boxes);
    df_free(drawn.masks);
    return error;
}

/* The folder of the file that is going to be written. */
static int make_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return DF_OK;
    *slash = 0;
    const int error = df_is_directory(path) ? DF_OK : df_make_directory(path);
    *slash = '/';
    return error;
}

static int target_of(const Drawing *d, const DfLabelledPicture *picture, char **path)
{
    const char *part = d->set->parts[picture->part].name;
    char *below = df_path_join(part, picture->name);
    int error = below ? df_path_below(path, d->out, below) : df_fail_memory("a path");
    df_free(below);
    return error == DF_OK ? make_folder(*path) : error;
}

static int draw_picture(Drawing *d, int i)
{
    DfImage image = { 0 };
    const DfLabelledPicture *picture = &d->set->pictures[i];
    char *path = NULL;
    const char *from = df_labelled_path(d->set, i);
    int error = from ? target_of(d, picture, &path) : DF_EVALUE;
    if (error == DF_OK)
        error = df_image_read(&image, from);
    if (error == DF_OK)
        error = draw_objects(d, picture, &image);
    if (error == DF_OK)
        error = df_image_write(&image, path, 95);
    df_image_free(&image);
    df_free(path);
    return error;
}

/* No drawing replaces a picture that is still to be drawn. */
static int check_targets(const Drawing *d)
{
    int error = df_labelled_note_pictures(d->set);
    for (int i = 0; error == DF_OK && i < d->set->n_pictures; i++) {
        char *path = NULL;
        error = target_of(d, &d->set->pictures[i], &path);
        if (error == DF_OK)
            error = df_labelled_check_target(d->set, path);
        df_free(path);
    }
    return error;
}

static int draw_all(Drawing *d)
{
    CliProgress shown = cli_progress("pictures", d->set->n_pictures, 0);
    int error = DF_OK;
    for (int i = 0; i < d->set->n_pictures && !cli_interrupted(); i++) {
        error = draw_picture(d, i);
        if (error == DF_ENOMEM)
            return error;
        d->failed += error < 0;
        if (error < 0)
            cli_say("%s", df_error());
        cli_progress_step(&shown, i + 1);
    }
    cli_progress_end(&shown);
    if (d->failed)
        return df_fail(DF_EIO, "%d of %d pictures could not be drawn", d->failed, d->set->n_pictures);
    if (!cli.quiet)
        cli_say("%s: %d pictures with %zu objects", d->out, d->set->n_pictures, d->set->n_objects);
    return DF_OK;
}

static int choose_some(DfLabelled *set)
{
    if (cli_data.number < 0 || cli_data.number >= set->n_pictures)
        return DF_OK;
    const double share[2] = { (double)cli_data.number, (double)set->n_pictures - (double)cli_data.number };
    const DfLabelledShares shares = { .n = 2, .share = share, .seed = (uint64_t)cli_data.seed,
                                      .stratify = cli_data.stratify };
    int *part_of = df_malloc(((size_t)set->n_pictures + 1) * sizeof *part_of);
    int error = part_of ? df_labelled_divide(set, &shares, part_of) : df_fail_memory("a sample");
    if (error == DF_OK)
        error = cli_data_choose(set, part_of, 0);
    df_free(part_of);
    return error;
}

static int name_classes(Drawing *d)
{
    d->names = df_arena_alloc(d->set->arena, (size_t)d->set->n_classes + 1, sizeof *d->names);
    for (int i = 0; d->names && i < d->set->n_classes; i++)
        d->names[i] = d->set->classes[i].name;
    return d->names ? DF_OK : df_fail_memory("class names");
}

static int run(int n, const char *const *args)
{
    (void)n;
    DfLabelled set = { 0 };
    Drawing d = { .set = &set, .out = args[1] };
    int error = cli_data_check(args[0], args[1]);
    if (error == DF_OK)
        error = cli_data_read(&set, args[0]);
    if (error == DF_OK)
        error = choose_some(&set);
    if (error == DF_OK && set.n_pictures && !df_labelled_path(&set, 0))
        error = DF_EIO;
    if (error == DF_OK)
        error = name_classes(&d);
    if (error == DF_OK)
        error = df_make_directory(args[1]);
    if (error == DF_OK)
        error = check_targets(&d);
    if (error == DF_OK)
        error = draw_all(&d);
    df_labelled_done(&set);
    return error;
}

const CliSubcommand cli_data_draw = { "draw", "IN OUT", 2, 2, run };
