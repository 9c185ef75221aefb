/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/undrawn.c -- polygons that were read before the size of their image, and are drawn when all images are
 * read.
 */
#include "eval/coco/undrawn.h"

#include <string.h>

enum { TOGETHER = 64 };

static int add(CocoUndrawn *u, Polygons polygons)
{
    if (!df_grow((void **)&u->at, &u->capacity, u->n, sizeof *u->at))
        return df_fail_memory("masks");
    u->at[u->n++] = polygons;
    return DF_OK;
}

int df_coco_put_aside(CocoUndrawn *u, const DfCocoSegmentation *room, size_t annotation)
{
    double *const numbers = df_coco_bytes_take(&u->bytes, room->n * sizeof *numbers);
    if (!numbers)
        return df_fail_memory("masks");
    if (room->n)
        memcpy(numbers, room->numbers, room->n * sizeof *numbers);
    return add(u, (Polygons){ annotation, numbers, room->n });
}

int df_coco_undrawn_move(CocoUndrawn *to, CocoUndrawn *from, size_t annotations_before)
{
    int error = df_coco_bytes_move(&to->bytes, &from->bytes);
    for (size_t i = 0; error == DF_OK && i < from->n; i++) {
        from->at[i].annotation += annotations_before;
        error = add(to, from->at[i]);
    }
    from->n = 0;
    return error;
}

void df_coco_undrawn_done(CocoUndrawn *u)
{
    df_free(u->at);
    df_coco_bytes_done(&u->bytes);
    *u = (CocoUndrawn){ 0 };
}

typedef struct {
    DfCoco *coco;
    const CocoUndrawn *undrawn;
    CocoBytes *bytes; /* of each task */
    int *errors;
} Drawing;

static void draw_some(void *arg, size_t task, void *scratch)
{
    Drawing *const d = arg;
    const size_t end = (task + 1) * TOGETHER < d->undrawn->n ? (task + 1) * TOGETHER : d->undrawn->n;
    const CocoMask polygons = { .form = DF_MASK_POLYGONS };
    CocoCompareRoom room = { 0 };
    (void)scratch;
    for (size_t i = task * TOGETHER; i < end && d->errors[task] == DF_OK; i++) {
        const Polygons *const p = &d->undrawn->at[i];
        const CocoSize *const size = &d->coco->sizes[d->coco->annotations[p->annotation].image];
        const DfCocoSegmentation read = { .numbers = p->numbers, .n = p->n };
        if (df_coco_drawable(size))
            d->errors[task] = df_coco_keep_truth(d->coco->boundary_ratio, &room, &read, &polygons, size,
                                                 &d->bytes[task], &d->coco->masks[p->annotation]);
    }
    df_coco_compare_room_done(&room);
}

int df_coco_draw_undrawn(DfCoco *coco, const CocoUndrawn *undrawn)
{
    const size_t tasks = (undrawn->n + TOGETHER - 1) / TOGETHER;
    Drawing d = { coco, undrawn, df_calloc(tasks, sizeof *d.bytes), df_calloc(tasks, sizeof *d.errors) };
    int error = d.bytes && d.errors ? df_parallel(coco->pool, tasks, 0, draw_some, &d) : df_fail_memory("masks");
    for (size_t i = 0; d.bytes && d.errors && i < tasks; i++) {
        if (error == DF_OK && d.errors[i] < 0) /* what else can be wrong was looked at before */
            error = df_fail_memory("masks");
        if (error == DF_OK)
            error = df_coco_bytes_move(&coco->bytes, &d.bytes[i]);
        df_coco_bytes_done(&d.bytes[i]);
    }
    df_free(d.bytes);
    df_free(d.errors);
    return error;
}
