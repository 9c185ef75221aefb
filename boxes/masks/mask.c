/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/mask.c -- binary masks as run lengths: made from pixels, texts and polygons; their area, box, union and
 * IoU.
 */
#include "boxes/masks/mask.h"

#include <string.h>

#include "boxes/box_iou.h"
#include "boxes/masks/runs.h"

void df_mask_done(DfMask *mask)
{
    df_free(mask->runs);
    *mask = (DfMask){ 0 };
}

/* Makes a mask of a list, which it takes over. */
static int finish(DfMask *out, DfRunList *runs, int error, uint32_t height, uint32_t width)
{
    if (error == DF_OK && !df_runs_grow(runs, runs->n + 1))
        error = df_fail_memory("a mask");
    if (error < 0)
        df_free(runs->at);
    *out = error < 0 ? (DfMask){ 0 } : (DfMask){ height, width, runs->n, runs->at };
    return error;
}

int df_mask_from_runs(DfMask *out, const uint32_t *from, size_t n, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    const bool room = df_runs_grow(&runs, n);
    if (room && n)
        memcpy(runs.at, from, n * sizeof *from);
    runs.n = n;
    return finish(out, &runs, room ? DF_OK : df_fail_memory("a mask"), height, width);
}

int df_mask_from_text(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    const int error = df_runs_from_text(&runs, text, length);
    return finish(out, &runs, error, height, width);
}

int df_mask_from_polygon(DfMask *out, const double *xy, size_t n_points, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    DfPolygonRoom room = { 0 };
    DfRunFacts facts;
    const int error = df_runs_from_polygon(&runs, &facts, &room, xy, n_points, height, width);
    df_polygon_room_done(&room);
    return finish(out, &runs, error, height, width);
}

int df_mask_from_box(DfMask *out, const double b[4], uint32_t height, uint32_t width)
{
    const double right = b[0] + b[2];
    const double bottom = b[1] + b[3];
    const double corners[8] = { b[0], b[1], b[0], bottom, right, bottom, right, b[1] };
    return df_mask_from_polygon(out, corners, 4, height, width);
}

/* So many columns of pixels or pairs of masks are done before it is asked whether to stop. */
enum { COLUMNS_AT_ONCE = 64, PAIRS_AT_ONCE = 64 };

/* ---- pixels ------------------------------------------------------------------------------------------------------ */

static int check_size(uint32_t height, uint32_t width)
{
    if (height == 0 || width <= UINT32_MAX / height)
        return DF_OK;
    return df_fail(DF_EVALUE, "a mask of %u x %u: want less than 2^32 pixels", (unsigned)height, (unsigned)width);
}

/* How many of n bytes, `step` apart, are foreground from the first on, or background. Mostly they have one value. */
static size_t alike(const uint8_t *at, size_t n, ptrdiff_t step, bool inside)
{
    const uint64_t word = 0x0101010101010101u * (uint64_t)*at;
    size_t i = 0;
    while (step == 1 && (*at != 0) == inside && i + sizeof word <= n &&
           memcmp(at + i, &word, sizeof word) == 0)
        i += sizeof word;
    while (i < n && (at[(ptrdiff_t)i * step] != 0) == inside)
        i++;
    return i;
}

/* The runs of a column, of which the first may go on with the last one of the column before, `open` pixels so far. */
static bool encode_column(DfRunList *runs, const uint8_t *at, size_t height, ptrdiff_t down, uint32_t *open)
{
    for (size_t y = 0; y < height;) {
        const bool inside = runs->n % 2;
        const size_t n = alike(at + (ptrdiff_t)y * down, height - y, down, inside);
        y += n;
        *open += (uint32_t)n;
        if (y == height)
            break;
        if (!df_runs_grow(runs, runs->n + 1))
            return false;
        runs->at[runs->n++] = *open;
        *open = 0;
    }
    return true;
}

int df_mask_encode_strided(DfMask *out, const uint8_t *pixels, uint32_t height, uint32_t width, ptrdiff_t down,
                           ptrdiff_t right)
{
    DfRunList runs = { 0 };
    uint32_t open = 0;
    int error = check_size(height, width);
    for (size_t x = 0; error == DF_OK && x < width; x++) {
        if (!encode_column(&runs, pixels + (ptrdiff_t)x * right, height, down, &open))
            error = df_fail_memory("a mask");
        else if (x % COLUMNS_AT_ONCE == COLUMNS_AT_ONCE - 1)
            error = df_check_patience();
    }
    if (error == DF_OK && !df_runs_grow(&runs, runs.n + 1))
        error = df_fail_memory("a mask");
    if (error == DF_OK)
        runs.at[runs.n++] = open;
    return finish(out, &runs, error, height, width);
}

int df_mask_encode(DfMask *out, const uint8_t *pixels, uint32_t height, uint32_t width)
{
    return df_mask_encode_strided(out, pixels, height, width, (ptrdiff_t)width, 1);
}

static int too_long(const DfMask *mask)
{
    return df_fail(DF_EFORMAT, "the RLE of a mask is longer than its %u x %u pixels", (unsigned)mask->height,
                   (unsigned)mask->width);
}

int df_mask_decode(const DfMask *mask, uint8_t *pixels)
{
    const size_t h = mask->height, w = mask->width;
    size_t at = 0;
    memset(pixels, 0, h * w);
    for (size_t i = 0; i < mask->n; i++) {
        if (mask->runs[i] > h * w - at)
            return too_long(mask);
        for (const size_t end = at + mask->runs[i]; at < end; at++)
            if (i % 2)
                pixels[at % h * w + at / h] = 1;
    }
    return DF_OK;
}

int df_mask_decode_columns(const DfMask *mask, uint8_t *pixels)
{
    const size_t size = (size_t)mask->height * mask->width;
    size_t at = 0;
    for (size_t i = 0; i < mask->n; i++) {
        if (mask->runs[i] > size - at)
            return too_long(mask);
        memset(pixels + at, (int)(i % 2), mask->runs[i]);
        at += mask->runs[i];
    }
    memset(pixels + at, 0, size - at);
    return DF_OK;
}

/* ---- area and box ------------------------------------------------------------------------------------------------ */

uint32_t df_mask_area(const DfMask *mask)
{
    uint32_t area = 0;
    for (size_t i = 1; i < mask->n; i += 2)
        area += mask->runs[i];
    return area;
}

void df_mask_box(const DfMask *mask, double xywh[4])
{
    const DfRunFacts f = df_runs_facts(mask->runs, mask->n, mask->height, mask->width);
    for (int i = 0; i < 4; i++)
        xywh[i] = f.box[i];
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

int df_mask_to_text(const DfMask *mask, char **text)
{
    *text = mask->n > SIZE_MAX / 16 ? NULL : df_malloc(df_runs_text_length(mask->n) + 1);
    if (!*text)
        return df_fail_memory("a mask");
    (*text)[df_runs_to_text(mask->runs, mask->n, *text)] = 0;
    return DF_OK;
}

int df_mask_to_json(const DfMask *mask, char **text)
{
    DfTextbuf json = { 0 };
    char *counts;
    const int error = df_mask_to_text(mask, &counts);
    if (error < 0)
        return error;
    df_textbuf_add(&json, "{\"size\": [%u, %u], \"counts\": ", (unsigned)mask->height, (unsigned)mask->width);
    df_textbuf_json(&json, counts);
    df_textbuf_add(&json, "}");
    df_free(counts);
    return df_textbuf_take(&json, text);
}

/* ---- two masks --------------------------------------------------------------------------------------------------- */

int df_mask_merge(DfMask *out, const DfMask *masks, size_t n, bool intersect)
{
    DfRunList runs = { 0 }, next = { 0 };
    if (n == 0)
        return finish(out, &runs, DF_OK, 0, 0);
    const uint32_t height = masks[0].height, width = masks[0].width;
    for (size_t i = 1; i < n; i++)
        if (masks[i].height != height || masks[i].width != width)
            return finish(out, &runs, DF_OK, 0, 0);
    int error = df_runs_grow(&runs, masks[0].n) ? DF_OK : df_fail_memory("a mask");
    if (error == DF_OK && masks[0].n)
        memcpy(runs.at, masks[0].runs, masks[0].n * sizeof *runs.at);
    runs.n = masks[0].n;
    for (size_t i = 1; error == DF_OK && i < n; i++) {
        const DfRunList other = { masks[i].runs, masks[i].n, masks[i].n };
        if ((error = df_check_patience()) == DF_OK)
            error = df_runs_merge(&next, &runs, &other, intersect);
        const DfRunList swapped = runs;
        runs = next;
        next = swapped;
    }
    df_free(next.at);
    return finish(out, &runs, error, height, width);
}

/* A mask, and what is asked of it for every pair. */
typedef struct {
    const DfMask *mask;
    double box[4];
    uint32_t area;
} Measured;

static Measured measure(const DfMask *mask)
{
    const DfRunFacts f = df_runs_facts(mask->runs, mask->n, mask->height, mask->width);
    return (Measured){ mask, { f.box[0], f.box[1], f.box[2], f.box[3] }, f.area };
}

static double iou_of(const Measured *a, const Measured *b, bool crowd)
{
    const DfMask *dt = a->mask;
    const DfMask *gt = b->mask;
    const double boxes = df_box_iou(a->box, b->box, crowd);
    if (!(boxes > 0))
        return boxes;
    if (dt->height != gt->height || dt->width != gt->width)
        return -1;
    uint32_t both, either;
    df_runs_count(dt->runs, dt->n, gt->runs, gt->n, &both, &either);
    if (both == 0)
        return 0;
    return (double)both / (double)(crowd ? a->area : either);
}

double df_mask_iou(const DfMask *dt, const DfMask *gt, bool crowd)
{
    const Measured a = measure(dt);
    const Measured b = measure(gt);
    return iou_of(&a, &b, crowd);
}

/* One task an object, all by the thread that asks for them: it may be told to stop between two (df_pool_ask()). */
typedef struct {
    double *out;
    const Measured *dt;
    size_t n_dt;
    const DfMask *gt;
    const uint8_t *crowd;
} Compared;

static void compare_with_one(void *arg, size_t k, void *scratch)
{
    const Compared *const c = arg;
    const Measured b = measure(&c->gt[k]);
    (void)scratch;
    for (size_t i = 0; i < c->n_dt; i++) {
        if (i % PAIRS_AT_ONCE == 0 && df_check_patience() < 0)
            return; /* and who waits for the task is told */
        c->out[k * c->n_dt + i] = iou_of(&c->dt[i], &b, c->crowd[k] != 0);
    }
}

int df_mask_ious(double *out, const DfMask *dt, size_t n_dt, const DfMask *gt, size_t n_gt, const uint8_t *crowd)
{
    Measured *a = df_calloc(n_dt + 1, sizeof *a);
    if (!a)
        return df_fail_memory("masks that are compared");
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n_dt; i++) {
        a[i] = measure(&dt[i]);
        error = i % PAIRS_AT_ONCE == 0 ? df_check_patience() : DF_OK;
    }
    Compared c = { out, a, n_dt, gt, crowd };
    if (error == DF_OK)
        error = df_parallel(NULL, n_gt, 0, compare_with_one, &c);
    df_free(a);
    return error;
}
