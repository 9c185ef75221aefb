/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_panoptic.c -- panoptic ground truth, results and two small maps, with a zero
 * byte between them: counted and scored if they can be read. Counts add up, and a quality is a
 * number of 0 to 1 unless an area of the file is a lie.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 12 /* bytes of the maps */ };

/* What stands before the next zero byte; moves behind it. */
static DfJson *next_json(const uint8_t **at, const uint8_t *end, const char *name)
{
    const size_t left = (size_t)(end - *at);
    const uint8_t *const zero = left ? memchr(*at, 0, left) : NULL;
    const uint8_t *const from = *at;
    DfJson *json = NULL;
    *at = zero ? zero + 1 : end;
    df_json_open_text(&json, (const char *)from, (size_t)((zero ? zero : end) - from), name);
    return json;
}

static void make_text(int (*make)(const DfPanopticResult *, char **), const DfPanopticResult *r)
{
    char *text = NULL;
    if (make(r, &text) < 0 || !text)
        abort();
    df_free(text);
}

static void look(const DfPanoptic *p)
{
    DfPanopticResult *r;
    if (df_panoptic_result(&r, p) < 0)
        return;
    for (size_t k = 0; k < r->n_classes; k++)
        if (r->classes[k].tp + r->classes[k].fp + r->classes[k].fn > 0 && !(r->classes[k].rq >= 0 && r->classes[k].rq <= 1))
            abort();
    if (r->all.n != r->things.n + r->stuff.n)
        abort();
    make_text(df_panoptic_table, r);
    make_text(df_panoptic_class_table, r);
    make_text(df_panoptic_json, r);
    df_panoptic_result_free(r);
}

/* Both maps are cut from the same bytes. */
static void count(DfPanoptic *p, const uint8_t *bytes, size_t size)
{
    DfPanopticRoom *room;
    const size_t pixels = (size < MOST ? size : MOST) / 6;
    if (df_panoptic_check(p) < 0 || df_panoptic_room_new(&room) < 0)
        return;
    for (size_t i = 0; i < df_panoptic_images(p) && i < 8; i++) {
        const DfPanopticMaps maps = df_panoptic_maps(p, i);
        if (!maps.truth || !maps.found)
            abort();
        if (df_panoptic_count(p, room, i, bytes, bytes + 3 * pixels, pixels) < 0 && !df_error()[0])
            abort();
    }
    df_panoptic_room_free(room);
    look(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    const uint8_t *const end = data + size;
    DfPanoptic *p = NULL;
    DfJson *gt = next_json(&at, end, "gt");
    DfJson *dt = next_json(&at, end, "dt");
    const int error = gt && dt ? df_panoptic_read(&p, gt) : DF_ENOMEM;
    if (error < 0 ? p != NULL || !df_error()[0] : !p)
        abort();
    if (error == DF_OK && df_panoptic_add_json(p, dt) == DF_OK)
        count(p, at, (size_t)(end - at));
    df_panoptic_free(p);
    df_json_close(gt);
    df_json_close(dt);
    return 0;
}
