/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/synth.c -- draws and writes scenes. Pictures are tasks of the pool; their annotations are written in
 * order.
 */
#include "datasets/synth/synth.h"

#include <stdio.h>
#include <string.h>

#include "datasets/coco.h"
#include "datasets/dataset_config.h"
#include "datasets/image/image_file.h"
#include "datasets/synth/world.h"

enum { BATCH = 64 };

const char *const df_synth_classes[DF_SYNTH_CLASSES] = {
    "sky", "grass", "sand", "water", "tiles", "wood", "wall", "clutter",
    "sports ball", "kite", "bottle", "cup", "banana", "apple", "pizza", "donut", "clock", "umbrella",
};

typedef struct {
    int height, width, error;
    char sentence[512];         /* of an error: the sentence belongs to the thread that met it */
    char *annotations;
} Done;

typedef struct {
    const char *folder, *part;
    const DfSynth *o;
    int first, n;               /* pictures of this batch, counted from 1 */
    bool val;
    Done done[BATCH];
} Batch;

static int path_in(char path[DF_PATH], const char *folder, const char *inner, const char *name)
{
    if (snprintf(path, DF_PATH, "%s/%s/%s", folder, inner, name) >= DF_PATH)
        return df_fail(DF_EVALUE, "%s: the path is too long", folder);
    return DF_OK;
}

/* ---- a picture --------------------------------------------------------------------------------------------------- */

static int write_picture(const Batch *b, const SynthDrawn *drawn, int number)
{
    char path[DF_PATH], inner[64], name[32];
    snprintf(name, sizeof name, "%012d.jpg", number);
    int error = path_in(path, b->folder, b->part, name);
    if (error == DF_OK)
        error = df_image_write(&drawn->picture, path, 92);
    snprintf(inner, sizeof inner, "annotations/%s", b->part);
    snprintf(name, sizeof name, "%012d.png", number);
    if (error == DF_OK)
        error = path_in(path, b->folder, inner, name);
    return error == DF_OK ? df_image_write(&drawn->classes, path, 92) : error;
}

static int make_picture(Batch *b, int number, SynthScene *scene, SynthDrawn *drawn, Done *done)
{
    DfRandom random = df_random(b->o->seed, 2 * (uint64_t)number + (b->val ? 1 : 0));
    DfTextbuf text = { 0 };
    df_synth_scene(scene, &random, b->o);
    int error = df_synth_draw(drawn, scene);
    done->height = scene->height;
    done->width = scene->width;
    if (error == DF_OK)
        error = write_picture(b, drawn, number);
    if (error == DF_OK)
        error = df_synth_annotate(&text, drawn, number);
    df_synth_drawn_free(drawn);
    const int taken = df_textbuf_take(&text, &done->annotations);
    return error < 0 ? error : taken;
}

typedef struct {
    SynthScene scene;
    SynthDrawn drawn;
} Room;

static void task(void *arg, size_t i, void *scratch)
{
    Batch *b = arg;
    Room *room = scratch;
    Done *done = &b->done[i];
    done->error = make_picture(b, b->first + (int)i, &room->scene, &room->drawn, done);
    if (done->error < 0)
        snprintf(done->sentence, sizeof done->sentence, "%s", df_error());
}

/* ---- a part ------------------------------------------------------------------------------------------------------ */

static void write_categories(DfWriter *file, bool coco)
{
    static const SynthKind by_id[DF_SYNTH_THINGS] = { UMBRELLA, BALL,  KITE,  BOTTLE, CUP,
                                                      BANANA,   APPLE, PIZZA, DONUT,  CLOCK };
    df_writef(file, "\"categories\": [");
    for (int i = 0; i < (coco ? DF_COCO_CLASSES : DF_SYNTH_THINGS); i++)
        df_writef(file, "%s\n{\"id\": %d, \"name\": \"%s\"}", i ? "," : "",
                  coco ? df_coco_category_id(i) : df_synth_category(by_id[i]),
                  coco ? df_coco_classes[i] : df_synth_classes[GROUNDS + 1 + by_id[i]]);
    df_writef(file, "]");
}

/* What was said of each picture, and a line about the picture itself. */
static int hand_over(Batch *b, DfWriter *file, DfTextbuf *images, bool *any)
{
    int error = DF_OK;
    for (int i = 0; i < b->n; i++) {
        Done *done = &b->done[i];
        if (done->error < 0 && error == DF_OK)
            error = df_fail(done->error, "%s", done->sentence);
        const char *text = done->annotations ? done->annotations : "";
        if (text[0])
            df_writef(file, "%s", *any || text[0] != ',' ? text : text + 1);
        *any |= text[0] != 0;
        const int number = b->first + i;
        df_textbuf_add(images, "%s\n{\"id\": %d, \"file_name\": \"%012d.jpg\", \"height\": %d, \"width\": %d}",
                       number > 1 ? "," : "", number, number, done->height, done->width);
        df_free(done->annotations);
    }
    return error;
}

static int write_pictures(Batch *b, DfPool *pool, DfWriter *file, DfTextbuf *images, int n)
{
    bool any = false;
    int error = DF_OK;
    for (int first = 1; error == DF_OK && first <= n; first += BATCH) {
        b->first = first;
        b->n = n - first + 1 < BATCH ? n - first + 1 : BATCH;
        memset(b->done, 0, sizeof b->done);
        error = df_parallel(pool, (size_t)b->n, sizeof(Room), task, b);
        if (error == DF_OK)
            error = hand_over(b, file, images, &any);
    }
    return error;
}

static int write_file(Batch *b, DfPool *pool, DfWriter *file, int n)
{
    DfTextbuf images = { 0 };
    char *text = NULL;
    df_writef(file, "{\"info\": {\"description\": \"things drawn by Deformer\"},\n");
    write_categories(file, b->o->coco);
    df_writef(file, ",\n\"annotations\": [");
    int error = write_pictures(b, pool, file, &images, n);
    const int taken = df_textbuf_take(&images, &text);
    error = error < 0 ? error : taken;
    if (error == DF_OK)
        df_writef(file, "],\n\"images\": [%s]}\n", text);
    df_free(text);
    return error;
}

static int make_folder(const char *folder, const char *inner, const char *name)
{
    char path[DF_PATH];
    const int error = path_in(path, folder, inner, name);
    return error < 0 ? error : df_make_directory(path);
}

static int write_part(const char *folder, const DfSynth *o, DfPool *pool, bool val)
{
    Batch *b = df_calloc(1, sizeof *b);
    char path[DF_PATH];
    DfWriter *file = NULL;
    if (!b)
        return df_fail_memory("a batch of pictures");
    *b = (Batch){ .folder = folder, .part = val ? "val2017" : "train2017", .o = o, .val = val };
    int error = make_folder(folder, "annotations", b->part);
    if (error == DF_OK)
        error = make_folder(folder, b->part, "");
    if (error == DF_OK)
        error = path_in(path, folder, "annotations", val ? "instances_val2017.json" : "instances_train2017.json");
    if (error == DF_OK)
        error = df_writer_open(&file, path);
    if (error == DF_OK)
        error = write_file(b, pool, file, val ? o->val : o->train);
    df_free(b);
    if (error == DF_OK)
        return df_writer_commit(file);
    df_writer_drop(file);
    return error;
}

static int write_classes(const char *folder)
{
    char path[DF_PATH];
    DfWriter *file;
    int error = path_in(path, folder, "", "classes.txt");
    if (error == DF_OK)
        error = df_writer_open(&file, path);
    if (error < 0)
        return error;
    for (int i = 0; i < DF_SYNTH_CLASSES; i++)
        df_writef(file, "%s\n", df_synth_classes[i]);
    return df_writer_commit(file);
}

/* ---- checked ----------------------------------------------------------------------------------------------------- */

static int check(const DfSynth *o)
{
    if (o->train < 0 || o->val < 0 || o->train > DF_SYNTH_MOST || o->val > DF_SYNTH_MOST - o->train ||
        o->train + o->val < 1)
        return df_fail(DF_EVALUE, "%d and %d pictures: want 1..%d together", o->train, o->val, DF_SYNTH_MOST);
    if (!o->least[0] && !o->least[1] && !o->most[0] && !o->most[1])
        return DF_OK;
    for (int i = 0; i < 2; i++)
        if (o->least[i] < DF_SYNTH_LEAST_SIDE || o->most[i] > DF_SYNTH_MOST_SIDE || o->least[i] > o->most[i])
            return df_fail(DF_EVALUE, "pictures of %dx%d to %dx%d: want sides of %d..%d, the smaller size first",
                           o->least[1], o->least[0], o->most[1], o->most[0], DF_SYNTH_LEAST_SIDE, DF_SYNTH_MOST_SIDE);
    return DF_OK;
}

int df_synth_write(const char *folder, const DfSynth *o, DfPool *pool)
{
    int error = check(o);
    if (error == DF_OK)
        error = make_folder(folder, "annotations", "");
    if (error == DF_OK && o->train > 0)
        error = write_part(folder, o, pool, false);
    if (error == DF_OK && o->val > 0)
        error = write_part(folder, o, pool, true);
    return error == DF_OK ? write_classes(folder) : error;
}
