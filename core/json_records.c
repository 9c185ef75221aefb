/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_records.c -- parses the objects of one large array with several threads.
 *
 * Object boundaries are unknown before parsing. So the array is split where '}', ',' and '{' follow one another, which
 * is most likely between two objects. Pieces are parsed in parallel on this guess, and joined in order by whichever
 * thread finds the next one ready. A piece that ends after a comma at depth 1 proves that the next piece started at a
 * boundary. If a piece ends elsewhere, the split after it was inside a text or a nested object: the calling thread
 * parses that piece again, and everything after it. It does the same from a piece that failed, now with the true line
 * numbers, so that the error's sentence is that of a sequential reader.
 */
#include "core/json_reader.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clamp.h"
#include "core/memory.h"

enum {
    PIECES = 64,               /* of an array, if they are not too small or too large */
    LEAST_PIECE = 64 * 1024,   /* bytes */
    MOST_PIECE = 1024 * 1024,
    SEARCH = 4096              /* bytes that are searched for a cut at a time */
};

/* Where the first object behind `from` begins that follows another; `end` if none does before it. */
static uint64_t find_cut(const DfJson *j, uint64_t from, uint64_t end)
{
    unsigned char block[SEARCH];
    ptrdiff_t n;
    int seen = 0; /* of "},{" */
    for (uint64_t at = from; at < end && (n = df_json_read_at(j, block, sizeof block, at)) > 0; at += (uint64_t)n)
        for (ptrdiff_t i = 0; i < n; i++) {
            const unsigned c = block[i];
            if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
                continue;
            if (seen == 2 && c == '{')
                return at + (uint64_t)i < end ? at + (uint64_t)i : end;
            if (c == '}')
                seen = 1;
            else if (seen == 1 && c == ',')
                seen = 2;
            else
                seen = 0;
        }
    return end;
}

/* A piece that was read and waits for those before it. */
typedef struct {
    DfJson *json; /* NULL: nothing is in it */
    size_t slot;
    uint64_t begin;
    bool ready, failed;
} Waiting;

/* Pieces from `joined` on are being read, DF_JSON_SLOTS of them at most. */
typedef struct {
    const DfJsonRecords *how;
    DfJson *main;
    DfJson origin;             /* the main reader as it stood at the beginning of the array     */
    uint64_t begin, end;       /* of the array, as far as known: of the rest of the file        */
    uint64_t size;             /* of a piece                                                    */
    pthread_mutex_t lock;
    pthread_cond_t went_on;
    size_t joined, pieces;
    bool joining;              /* a thread is inside join()                                     */
    bool stopped;              /* by the end of the array, an error, or a wrong guess           */
    Waiting waiting[DF_JSON_SLOTS];
    size_t free_slots[DF_JSON_SLOTS], n_free;
    unsigned char *window[DF_JSON_SLOTS]; /* of a slot, for its next piece; or NULL            */
    uint64_t again;            /* where reading has to begin again, if `stopped` and not closed */
    bool closed;
    int error;                 /* of join()                                                */
    char sentence[512];
} Records;

static void piece_begins(DfJson *piece, bool first, size_t line)
{
    piece->piece = true;
    piece->depth = 1;
    piece->in_object[0] = false;
    piece->state = first ? VALUE_OR_CLOSE : VALUE;
    piece->line = line;
}

static uint64_t begin_of(const Records *r, size_t i)
{
    const uint64_t from = r->begin + i * r->size;
    if (i == 0)
        return r->begin;
    return from < r->end ? find_cut(&r->origin, from, r->end) : r->end;
}

/* The main reader goes on behind the array that the piece closed. */
static void go_on_behind(DfJson *j, const DfJson *piece)
{
    j->position = j->before = df_json_offset(piece);
    j->at = j->end = j->window;
    *j->end = 0;
    df_json_leave(j);
    j->at = j->window; /* df_json_leave() stepped over the bracket */
}

/* Takes the next piece over. The lock is not held: nobody else joins. */
static bool join(Records *r, const Waiting *w)
{
    const DfJson *const piece = w->json;
    if (w->failed) {
        r->again = w->begin;
        return false;
    }
    if (!piece)
        return true;
    if ((r->error = r->how->join(r->how->arg, w->slot, r->main->line - 1, r->pieces)) < 0) {
        snprintf(r->sentence, sizeof r->sentence, "%s", df_error());
        return false;
    }
    r->main->line += piece->line - 1;
    r->closed = piece->depth == 0;
    if (r->closed)
        go_on_behind(r->main, piece);
    return !r->closed;
}

static void join_ready(Records *r)
{
    pthread_mutex_lock(&r->lock);
    for (Waiting *w; !r->joining && !r->stopped && (w = &r->waiting[r->joined % DF_JSON_SLOTS])->ready;) {
        r->joining = true;
        pthread_mutex_unlock(&r->lock);
        const bool go_on = join(r, w);
        df_json_close(w->json);
        pthread_mutex_lock(&r->lock);
        r->joining = false;
        r->stopped = !go_on;
        r->free_slots[r->n_free++] = w->slot;
        *w = (Waiting){ 0 };
        r->joined++;
        pthread_cond_broadcast(&r->went_on);
    }
    pthread_mutex_unlock(&r->lock);
}

/* A slot for piece i, once it is among those that may be read: so the next one to be joined always gets one. */
static bool take_slot(Records *r, size_t i, size_t *slot)
{
    pthread_mutex_lock(&r->lock);
    while (!r->stopped && i >= r->joined + DF_JSON_SLOTS)
        pthread_cond_wait(&r->went_on, &r->lock);
    const bool taken = !r->stopped;
    if (taken)
        *slot = r->free_slots[--r->n_free];
    pthread_mutex_unlock(&r->lock);
    return taken;
}

/* Keeps the piece without its window, of which only the place is needed from now on. */
static bool read_one(Records *r, Waiting *w, size_t i)
{
    const uint64_t end = begin_of(r, i + 1);
    w->begin = begin_of(r, i);
    if (w->begin == end)
        return true;
    unsigned char **const window = &r->window[w->slot];
    const int forked = df_json_fork_at(&w->json, &r->origin, w->begin, end, *window);
    *window = NULL;
    if (forked < 0)
        return false;
    DfJson *const piece = w->json;
    piece_begins(piece, i == 0, 1);
    const int error = r->how->read(r->how->arg, w->slot, piece);
    piece->before = df_json_offset(piece);
    if (piece->capacity == DF_JSON_WINDOW)
        *window = piece->window;
    else /* a long text made it grow */
        df_free(piece->window);
    piece->window = piece->at = piece->end = NULL;
    return error == DF_OK && piece->state == DONE; /* else it failed, or ended in the middle of something */
}

static void read_piece(void *arg, size_t i, void *scratch)
{
    Records *const r = arg;
    Waiting w = { .ready = true };
    (void)scratch;
    if (!take_slot(r, i, &w.slot))
        return;
    w.failed = !read_one(r, &w, i);
    pthread_mutex_lock(&r->lock);
    r->waiting[i % DF_JSON_SLOTS] = w;
    pthread_mutex_unlock(&r->lock);
    join_ready(r);
}

/* From `begin` to the end of the array, by this thread. */
static int read_rest(DfJson *j, const DfJsonRecords *how, uint64_t begin, bool first)
{
    DfJson *piece;
    int error = df_json_fork_at(&piece, j, begin, j->limit, NULL);
    if (error < 0)
        return error;
    piece_begins(piece, first, j->line);
    piece->piece = false;
    if ((error = how->read(how->arg, 0, piece)) == DF_OK)
        error = how->join(how->arg, 0, 0, 1);
    if (error == DF_OK) {
        j->line = piece->line;
        go_on_behind(j, piece);
    }
    df_json_close(piece);
    return error;
}

static uint64_t source_end(const DfJson *j)
{
    if (j->fd < 0)
        return j->limit;
    const off_t size = lseek(j->fd, 0, SEEK_END);
    if (size < 0)
        return 0;
    return (uint64_t)size < j->limit ? (uint64_t)size : j->limit;
}

int df_json_records(DfJson *j, DfPool *pool, const DfJsonRecords *how)
{
    const uint64_t begin = df_json_offset(j);
    const uint64_t end = source_end(j);
    const uint64_t bytes = end > begin ? end - begin : 0;
    Records r = {
        .how = how,
        .main = j,
        .origin = *j,
        .begin = begin,
        .end = end,
        .size = df_clamp_u64(bytes / PIECES, LEAST_PIECE, MOST_PIECE),
        .again = begin + bytes,
        .n_free = DF_JSON_SLOTS,
    };
    for (size_t i = 0; i < DF_JSON_SLOTS; i++)
        r.free_slots[i] = DF_JSON_SLOTS - 1 - i;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.went_on, NULL);
    r.pieces = (size_t)((bytes + r.size - 1) / r.size);
    int error = df_parallel_in_order(pool, r.pieces, 0, read_piece, &r);
    pthread_cond_destroy(&r.went_on);
    pthread_mutex_destroy(&r.lock);
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) {
        df_json_close(r.waiting[i].json);
        df_free(r.window[i]);
    }
    if (r.error < 0)
        error = df_fail(r.error, "%s", r.sentence);
    if (error == DF_OK && !r.closed) /* says what is wrong or missing */
        error = read_rest(j, how, r.again, r.again == begin);
    if (error == DF_OK)
        return DF_OK;
    j->state = FAILED;
    j->broken = error;
    return error;
}
