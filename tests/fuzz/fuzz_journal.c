/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_journal.c -- lines of results.jsonl that a run left, taken over, added to, written as COCO results,
 * and opened again; and the lines of a classifier's results.rankings.txt.
 */
#include <stdlib.h>
#include <string.h>

#include "inference/journal.h"
#include "inference/rankings.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IMAGES = 3 };
static DfCocoImage images[IMAGES] = { { .id = 7 }, { .id = 9 }, { .id = 1 } };
static int64_t category_ids[] = { 1, 3 };
static const DfCocoDataset dataset = { .n_images = IMAGES, .n_classes = 2, .images = images, .category_ids = category_ids };
static const DfJournalOf of = { "config.py", "weights.pth", 1, 2, 3, NULL };

static void write_journal(const uint8_t *data, size_t size)
{
    static const char header[] = "{\"config\": \"config.py\", \"checkpoint\": \"weights.pth\", \"settings\": \"0000000000000001\", "
                                 "\"weights\": \"0000000000000002\", \"dataset\": \"0000000000000003\"}\n";
    const bool bare = size && data[0] == '!'; /* without our first line */
    const size_t n = bare ? 0 : sizeof header - 1;
    char *text = malloc(n + size + 1);
    if (!text)
        abort();
    memcpy(text, header, n);
    if (size)
        memcpy(text + n, data, size);
    fuzz_write("run/results.jsonl", text, n + size);
    free(text);
}

static void write_rankings(const uint8_t *data, size_t size)
{
    static const char header[] = "rankings of 3 pictures, 0000000000000007\n";
    char *text = malloc(sizeof header + size);
    if (!text)
        abort();
    memcpy(text, header, sizeof header - 1);
    if (size)
        memcpy(text + sizeof header - 1, data, size);
    fuzz_write("run/results.rankings.txt", text, sizeof header - 1 + size);
    free(text);
}

static void try_rankings(const uint8_t *data, size_t size)
{
    static const int32_t best[DF_TOP] = { 3, 0, 2, 1, -1 };
    DfRankings r;
    write_rankings(data, size);
    if (df_rankings_open(&r, fuzz_path("run"), IMAGES, 4, 7, false) == DF_OK && df_rankings_add(&r, 1, best) < 0)
        abort();
    df_rankings_close(&r);
    if (df_rankings_open(&r, fuzz_path("run"), IMAGES, 4, 7, false) < 0 || !r.done[1] || r.best[1][0] != 3)
        abort();
    df_rankings_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DfDetection one = { .box = { 1, 2, 3, 4 }, .score = 0.5f, .label = 1 };
    const DfDetections found = { .n = 1, .v = &one };
    const bool chosen[IMAGES] = { true, true, true };
    bool done[IMAGES] = { false };
    DfJournal *journal;
    try_rankings(data, size);
    write_journal(data, size);
    if (df_journal_open(&journal, fuzz_path("run"), &of, &dataset, false, done) < 0)
        return 0;
    (void)df_journal_export(journal, chosen, true, fuzz_path("results.json"));
    if (df_journal_add(journal, 1, &found) < 0)
        abort();
    df_journal_close(journal);
    if (df_journal_open(&journal, fuzz_path("run"), &of, &dataset, false, done) < 0 || !done[1])
        abort(); /* what one run wrote the next one reads */
    df_journal_close(journal);
    return 0;
}
