/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/boundary.c -- the boundary of a mask, one bit for each pixel of its box.
 *
 * A run within a column is eroded by shortening its ends. Columns are then combined by AND with their neighbours, in
 * steps that double: with E_1 = E, E_2k(x) = E_k(x) AND E_k(x + k).
 */
#include "boxes/masks/boundary.h"

#include <string.h>

void df_boundary_room_done(DfBoundaryRoom *room)
{
    df_free(room->bits);
    *room = (DfBoundaryRoom){ 0 };
}

/* ---- runs of one column ---------------------------------------------------------------------------------------- */

/* Goes through the foreground, in pieces that lie in one column each and touch no other one in it. */
typedef struct {
    const uint32_t *runs;
    size_t n, at;          /* the next run of foreground        */
    uint64_t from, to;     /* what is left of the present one   */
    uint64_t height, end;  /* end: pixels of the picture        */
} Pieces;

typedef struct {
    uint64_t column, from, to; /* rows from..to-1 */
} Piece;

static Pieces pieces_of(const uint32_t *runs, size_t n, uint32_t height, uint32_t width)
{
    return (Pieces){ .runs = runs, .n = n, .height = height, .end = (uint64_t)height * width };
}

/* The next run of foreground, joined with those that follow without a gap. */
static bool next_run(Pieces *p)
{
    while (p->from >= p->to && p->at < p->n) {
        p->from = p->to + p->runs[p->at];
        p->to = p->from;
        do {
            p->to += p->at + 1 < p->n ? p->runs[p->at + 1] : 0;
            p->at += 2;
        } while (p->at < p->n && p->runs[p->at] == 0);
    }
    p->to = p->to < p->end ? p->to : p->end;
    return p->from < p->to;
}

static bool next_piece(Pieces *p, Piece *piece)
{
    if (!next_run(p))
        return false;
    piece->column = p->from / p->height;
    const uint64_t top = piece->column * p->height;
    const uint64_t below = top + p->height;
    piece->from = p->from - top;
    piece->to = (p->to < below ? p->to : below) - top;
    p->from = top + piece->to;
    return true;
}

/* ---- bits ------------------------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t left, top;    /* of the box in the picture         */
    size_t columns, words; /* its columns, and words of each    */
    size_t rows;
} Box;

static Box box_of(Pieces p)
{
    uint64_t left = UINT64_MAX, top = UINT64_MAX, right = 0, bottom = 0;
    Piece piece;
    while (next_piece(&p, &piece)) {
        left = piece.column < left ? piece.column : left;
        right = piece.column + 1;
        top = piece.from < top ? piece.from : top;
        bottom = piece.to > bottom ? piece.to : bottom;
    }
    if (right == 0)
        return (Box){ 0 };
    const size_t rows = (size_t)(bottom - top);
    return (Box){ left, top, (size_t)(right - left), (rows + 63) / 64, rows };
}

static void set_bits(uint64_t *column, size_t from, size_t to)
{
    for (size_t word = from / 64; word * 64 < to; word++) {
        const size_t low = from > word * 64 ? from - word * 64 : 0;
        const size_t high = to - word * 64 < 64 ? to - word * 64 : 64;
        const uint64_t below_high = high < 64 ? ((uint64_t)1 << high) - 1 : UINT64_MAX;
        column[word] |= below_high & (UINT64_MAX << low);
    }
}

/* The mask, and the mask with the ends of its runs cut. */
static void draw(Pieces p, const Box *b, size_t distance, uint64_t *mask, uint64_t *eroded)
{
    Piece piece;
    while (next_piece(&p, &piece)) {
        const size_t at = (size_t)(piece.column - b->left) * b->words;
        const size_t from = (size_t)(piece.from - b->top);
        const size_t to = (size_t)(piece.to - b->top);
        set_bits(mask + at, from, to);
        if (to - from > 2 * distance)
            set_bits(eroded + at, from + distance, to - distance);
    }
}

/* Every column with the one that is so many columns further on; there is nothing beyond the last. */
static void join(uint64_t *bits, const Box *b, size_t further)
{
    const size_t n = b->columns * b->words;
    const size_t step = further * b->words < n ? further * b->words : n;
    for (size_t i = 0; i + step < n; i++)
        bits[i] &= bits[i + step];
    memset(bits + (n - step), 0, step * sizeof *bits);
}

/* bits(x) becomes the AND of the columns x to x + 2 distance. */
static void erode_rows(uint64_t *bits, const Box *b, size_t distance)
{
    const size_t wanted = 2 * distance + 1;
    size_t joined = 1;
    for (; 2 * joined <= wanted; joined *= 2)
        join(bits, b, joined);
    if (wanted > joined)
        join(bits, b, wanted - joined);
}

/* ---- back to runs ---------------------------------------------------------------------------------------------- */

/* The first row from `from` on whose bit is `wanted`; `rows` if there is none. */
static size_t find_bit(const uint64_t *column, size_t from, size_t rows, bool wanted)
{
    while (from < rows) {
        const uint64_t word = wanted ? column[from / 64] : ~column[from / 64];
        const uint64_t rest = word >> (from % 64);
        if (rest) {
            const size_t found = from + df_bits_below(rest);
            return found < rows ? found : rows;
        }
        from = (from / 64 + 1) * 64;
    }
    return rows;
}

/* Appends foreground [from, to) of the picture; *end is where the list ends so far. */
static bool append(DfRunList *out, uint64_t *end, uint64_t from, uint64_t to)
{
    if (out->n > 0 && out->n % 2 == 0 && from == *end) {
        out->at[out->n - 1] += (uint32_t)(to - from);
    } else {
        if (!df_runs_grow(out, out->n + 3))
            return false;
        out->at[out->n++] = (uint32_t)(from - *end);
        out->at[out->n++] = (uint32_t)(to - from);
    }
    *end = to;
    return true;
}

static bool encode(DfRunList *out, const uint64_t *bits, const Box *b, uint32_t height, uint64_t pixels)
{
    uint64_t end = 0;
    bool room = df_runs_grow(out, 1);
    out->n = 0;
    for (size_t x = 0; room && x < b->columns; x++) {
        const uint64_t *const column = bits + x * b->words;
        const uint64_t top = (b->left + x) * height + b->top;
        for (size_t y = find_bit(column, 0, b->rows, true), to; room && y < b->rows;
             y = find_bit(column, to, b->rows, true)) {
            to = find_bit(column, y, b->rows, false);
            room = append(out, &end, top + y, top + to);
        }
    }
    if (room && (end < pixels || out->n == 0))
        out->at[out->n++] = (uint32_t)(pixels - end);
    return room;
}

/* ---- the boundary ---------------------------------------------------------------------------------------------- */

int df_runs_boundary(DfRunList *out, DfBoundaryRoom *room, const uint32_t *runs, size_t n, uint32_t height,
                     uint32_t width, size_t distance)
{
    const uint64_t pixels = (uint64_t)height * width;
    const Pieces pieces = pieces_of(runs, n, height, width);
    out->n = 0;
    if (pixels > DF_BOUNDARY_PIXELS)
        return df_fail(DF_EVALUE, "a mask of %u x %u pixels: boundaries are found in up to 2^30", (unsigned)width,
                       (unsigned)height);
    const Box b = box_of(pieces);
    const size_t words = b.columns * b.words;
    if (!df_grow((void **)&room->bits, &room->capacity, 2 * words, sizeof *room->bits))
        return df_fail_memory("boundaries");
    uint64_t *const mask = room->bits;
    uint64_t *const eroded = mask + words;
    memset(mask, 0, 2 * words * sizeof *mask);
    draw(pieces, &b, distance, mask, eroded);
    if (b.columns > 2 * distance) {
        erode_rows(eroded, &b, distance);
        for (size_t i = distance * b.words; i < words; i++) /* the square is around its column, not behind it */
            mask[i] &= ~eroded[i - distance * b.words];
    }
    return encode(out, mask, &b, height, pixels) ? DF_OK : df_fail_memory("boundaries");
}
