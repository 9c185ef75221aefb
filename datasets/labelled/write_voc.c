/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/write_voc.c -- writes PASCAL VOC: Annotations/NAME.xml, a list for each part in ImageSets/Main,
 * labels.txt with the classes in order; if there are masks, SegmentationObject/NAME.png with the number of the object
 * (from 1, in the order of the XML file) in every pixel, and SegmentationClass/NAME.png with its class.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/image_file.h"
#include "datasets/labelled/paint.h"

enum { MOST_MASKS = 254 };

typedef struct {
    DfLabelledOut *out;
    bool masks;
    bool by_part;      /* pictures of two parts have one name: a folder for each part */
    size_t *lost;
} Voc;

static const char *target(const Voc *v, const char *folder, int i, const char *ending)
{
    const DfLabelledPicture *picture = &v->out->set->pictures[i];
    const char *part = v->by_part ? v->out->set->parts[picture->part].name : "";
    return df_labelled_target(v->out, folder, part, picture->name, ending);
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

static bool has_size(const DfLabelledObject *o)
{
    return o->has_box && o->box[2] > 0 && o->box[3] > 0;
}

/* From the first pixel, which is 1, to the last one. */
static void set_sides(const Voc *v, const DfLabelledObject *o, double side[4])
{
    bool rounded = false;
    for (int i = 0; i < 2; i++) {
        side[i] = df_labelled_rounded(o->box[i] + 1);
        side[2 + i] = df_labelled_rounded(o->box[i] + o->box[2 + i]);
    }
    for (int i = 0; i < 4 && v->out->target->whole_pixels; i++) {
        rounded |= side[i] != rint(side[i]);
        side[i] = rint(side[i]);
    }
    v->lost[DF_LOST_DECIMALS] += rounded;
}

static int put_object(Voc *v, const DfLabelledObject *o)
{
    const char *name = v->out->set->classes[o->label].name;
    char flag[8];
    DfVocObject line = { .difficult = o->crowd };
    if (strlen(name) > 510)
        return df_fail(DF_EVALUE, "the class '%.40s...' has a name of more than 510 bytes", name);
    memcpy(line.name, name, strlen(name) + 1);
    line.truncated = df_labelled_member(o->rest, "truncated", flag, sizeof flag) && strcmp(flag, "1") == 0;
    line.occluded = df_labelled_member(o->rest, "occluded", flag, sizeof flag) && strcmp(flag, "1") == 0;
    if (!df_labelled_member(o->rest, "pose", line.pose, sizeof line.pose))
        line.pose[0] = 0;
    set_sides(v, o, line.box);
    df_voc_put_object(&v->out->text, &line);
    return DF_OK;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int write_xml(Voc *v, int i, const char *path)
{
    const DfLabelled *set = v->out->set;
    const DfLabelledPicture *picture = &set->pictures[i];
    const char *name = base_of(picture->name);
    DfVocPicture head = { .folder = "JPEGImages" };
    int height, width;
    int error = path ? df_labelled_size(set, i, &height, &width) : DF_EVALUE;
    if (error == DF_OK && strlen(name) > 510)
        error = df_fail(DF_EVALUE, "the picture '%.40s...' has a name of more than 510 bytes", name);
    if (error == DF_OK && df_utf8_span(name, strlen(name)) < strlen(name))
        error = df_fail(DF_EVALUE, "the picture '%s' has a name that is not UTF-8, as XML is: rename it", name);
    if (error < 0)
        return error;
    memcpy(head.file_name, name, strlen(name) + 1);
    head.width = width;
    head.height = height;
    df_voc_put_picture(&v->out->text, &head, v->masks);
    for (size_t k = 0; error == DF_OK && k < picture->n; k++) {
        const DfLabelledObject *o = &set->objects[set->order[picture->first + k]];
        v->lost[DF_LOST_NO_BOX] += !has_size(o);
        if (has_size(o))
            error = put_object(v, o);
    }
    df_voc_put_end(&v->out->text);
    return error == DF_OK ? df_labelled_put_file(v->out, path) : error;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* number[i]: of the objects that the XML file has; class[i]: their classes. 0: no mask. */
static bool number_masks(Voc *v, const DfLabelledPicture *picture, uint8_t *number, uint8_t *class)
{
    const DfLabelled *set = v->out->set;
    int n = 0;
    bool any = false;
    for (size_t k = 0; k < picture->n; k++) {
        const DfLabelledObject *o = &set->objects[set->order[picture->first + k]];
        const bool mask = o->mask.form != DF_MASK_NONE;
        n += has_size(o);
        number[k] = class[k] = 0;
        if (!mask || !has_size(o) || n > MOST_MASKS) {
            v->lost[DF_LOST_MASKS] += mask;
            continue;
        }
        number[k] = (uint8_t)n;
        class[k] = (uint8_t)(o->label < MOST_MASKS ? o->label + 1 : 255);
        any = true;
    }
    return any;
}

/* Masks may be so thin that they have no pixel. */
static bool is_empty(const DfImage *map)
{
    size_t k = 0;
    while (k < df_image_bytes(map) && !map->pixels[k])
        k++;
    return k == df_image_bytes(map);
}

static int write_map(Voc *v, int i, const char *folder, const uint8_t *value, bool *hidden)
{
    const DfLabelled *set = v->out->set;
    const DfLabelledPicture *picture = &set->pictures[i];
    DfImage map = { 0 };
    int height, width;
    const char *path = target(v, folder, i, ".png");
    int error = path ? df_labelled_size(set, i, &height, &width) : DF_EVALUE;
    if (error == DF_OK)
        error = df_image_new(&map, height, width, 1);
    if (error == DF_OK)
        error = df_labelled_paint(&map, set, picture, value, hidden);
    const bool empty = error == DF_OK && is_empty(&map);
    if (error == DF_OK && !empty)
        error = df_image_write(&map, path, 100);
    v->out->report->files += error == DF_OK && !empty;
    df_image_free(&map);
    return error;
}

static int write_masks(Voc *v, int i)
{
    const DfLabelledPicture *picture = &v->out->set->pictures[i];
    uint8_t *number = df_malloc(picture->n + 1);
    uint8_t *class = df_malloc(picture->n + 1);
    bool *hidden = df_calloc(picture->n + 1, sizeof *hidden);
    int error = number && class && hidden ? DF_OK : df_fail_memory("masks");
    if (error == DF_OK && number_masks(v, picture, number, class)) {
        error = write_map(v, i, "SegmentationObject", number, hidden);
        if (error == DF_OK)
            error = write_map(v, i, "SegmentationClass", class, NULL);
    }
    for (size_t k = 0; error == DF_OK && k < picture->n; k++)
        v->lost[DF_LOST_HIDDEN] += hidden[k];
    df_free(number);
    df_free(class);
    df_free(hidden);
    return error < 0 ? df_fail_in(error, "%s: ", picture->name) : DF_OK;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static int write_list(Voc *v, int part, const uint32_t *order)
{
    const DfLabelled *set = v->out->set;
    for (int i = 0; i < set->n_pictures; i++) {
        const DfLabelledPicture *picture = &set->pictures[order[i]];
        const char *dot = strrchr(picture->name, '.');
        const size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - picture->name) : strlen(picture->name);
        if (picture->part == part)
            df_textbuf_add(&v->out->text, "%s%s%.*s\n", v->by_part ? set->parts[part].name : "", v->by_part ? "/" : "",
                           (int)stem, picture->name);
    }
    const char *name = df_arena_text(set->arena, "%s.txt", set->parts[part].name);
    if (!name)
        return df_fail_memory("a path");
    return df_labelled_put_file(v->out, df_labelled_target(v->out, "ImageSets/Main", "", name, NULL));
}

/* The values of SegmentationClass are lines of the list, so that of 0 has one too. */
static int write_names(Voc *v)
{
    df_textbuf_add(&v->out->text, "%s", v->masks ? "background\n" : "");
    for (int i = 0; i < v->out->set->n_classes; i++)
        df_textbuf_add(&v->out->text, "%s\n", v->out->set->classes[i].name);
    return df_labelled_put_file(v->out, df_labelled_target(v->out, "", "", "labels.txt", NULL));
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void look(Voc *v)
{
    const DfLabelled *set = v->out->set;
    for (size_t k = 0; k < set->n_objects; k++) {
        v->masks |= set->objects[k].mask.form != DF_MASK_NONE;
        v->lost[DF_LOST_KEYPOINTS] += strstr(set->objects[k].rest, "\"keypoints\"") != NULL;
    }
    if (!v->out->target->boxes_only || !v->masks)
        return;
    v->masks = false;
    for (size_t k = 0; k < set->n_objects; k++)
        v->lost[DF_LOST_MASKS] += set->objects[k].mask.form != DF_MASK_NONE;
}

static int write_pictures(Voc *v)
{
    const DfLabelled *set = v->out->set;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++) {
        error = write_xml(v, i, target(v, "Annotations", i, ".xml"));
        if (error == DF_OK && v->masks)
            error = write_masks(v, i);
    }
    return error;
}

int df_labelled_write_voc(DfLabelledOut *out)
{
    static const char *const known[] = { "pose", "truncated", "occluded", "keypoints", "num_keypoints", NULL };
    Voc v = { .out = out, .lost = out->report->lost };
    uint32_t *order = NULL;
    look(&v);
    int error = df_labelled_check_stems(out, false);
    v.by_part = error < 0 && out->set->n_parts > 1;
    if (v.by_part)
        error = df_labelled_check_stems(out, true);
    if (error == DF_OK)
        error = df_labelled_by_name(out->set, &order);
    if (error == DF_OK)
        error = write_pictures(&v);
    for (int i = 0; error == DF_OK && i < out->set->n_parts; i++)
        if (out->set->parts[i].name[0])
            error = write_list(&v, i, order);
    if (error == DF_OK)
        error = write_names(&v);
    if (error == DF_OK) {
        df_labelled_count_ids(out, order);
        df_labelled_count_members(out, known);
        error = df_labelled_put_pictures(out, "JPEGImages", v.by_part);
    }
    df_free(order);
    return error;
}
