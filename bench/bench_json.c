/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_json.c -- how fast the streaming JSON reader (core/json.h) goes through
 * files like those of COCO, in MB/s on one core.
 *
 *     build/bench/bench_json [MEGABYTES]
 *
 * Two texts of its own: detections with boxes and scores of 17 digits, and annotations whose polygons are most of the
 * file. Each is read event by event, with lists of numbers at once (as the evaluator reads them), and passed over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "core/core.h"

enum { LINE = 4096, POINTS = 90 };

typedef struct {
    char *text;
    size_t size;
} Text;

typedef size_t WriteRecord(char *to, DfRandom *r, int n);

static size_t write_detection(char *to, DfRandom *r, int n)
{
    double x[5];
    for (int i = 0; i < 5; i++)
        x[i] = df_uniform(r);
    return (size_t)sprintf(to,
                           "{\"image_id\": %d, \"category_id\": %d, \"bbox\": [%.3f, %.3f, %.3f, %.3f], \"score\": "
                           "%.17g}",
                           n / 100 + 139, n % 80 + 1, 600 * x[0], 400 * x[1], 200 * x[2], 200 * x[3], x[4]);
}

static size_t write_annotation(char *to, DfRandom *r, int n)
{
    size_t used = (size_t)sprintf(to, "{\"segmentation\": [[");
    for (int i = 0; i < POINTS; i++)
        used += (size_t)sprintf(to + used, i ? ", %.2f" : "%.2f", 640 * df_uniform(r));
    return used + (size_t)sprintf(to + used,
                                  "]], \"area\": %.4f, \"iscrowd\": 0, \"image_id\": %d, \"bbox\": [1.5, 2.25, 30.1, "
                                  "40.75], \"category_id\": %d, \"id\": %d}",
                                  9000 * df_uniform(r), n / 7 + 139, n % 80 + 1, 900100 + n);
}

static Text make_text(WriteRecord *write, size_t size)
{
    Text t = { df_malloc(size + LINE), 1 };
    DfRandom r = df_random(7, 0);
    if (!t.text)
        abort();
    t.text[0] = '[';
    for (int n = 0; t.size < size; n++) {
        t.size += n ? (size_t)sprintf(t.text + t.size, ", ") : 0;
        t.size += write(t.text + t.size, &r, n);
    }
    t.text[t.size++] = ']';
    return t;
}

static void check(DfJson *j, bool good)
{
    if (!good) {
        fprintf(stderr, "%s\n", df_error());
        exit(1);
    }
    df_json_close(j);
}

static DfJson *open_text(const Text *t)
{
    DfJson *j;
    if (df_json_open_text(&j, t->text, t->size, "text") < 0)
        abort();
    return j;
}

static void by_event(void *arg)
{
    DfJson *const j = open_text(arg);
    DfJsonValue v;
    DfJsonEvent event;
    while ((event = df_json_next(j, &v)) > DF_JSON_END)
        ;
    check(j, event == DF_JSON_END);
}

static void lists_at_once(void *arg)
{
    DfJson *const j = open_text(arg);
    DfJsonValue v;
    DfJsonEvent event;
    double numbers[64];
    size_t n;
    while ((event = df_json_next(j, &v)) > DF_JSON_END)
        while (event == DF_JSON_NUMBER || event == DF_JSON_ARRAY)
            event = df_json_numbers(j, numbers, 64, &n);
    check(j, event == DF_JSON_END);
}

static void skipping(void *arg)
{
    DfJson *const j = open_text(arg);
    check(j, df_json_skip(j) == DF_OK);
}

int main(int argc, char **argv)
{
    const size_t size = (argc > 1 ? (size_t)atol(argv[1]) : 64) << 20;
    BenchRun *const run[] = { by_event, lists_at_once, skipping };
    const struct {
        const char *name;
        WriteRecord *write;
    } texts[] = { { "detections", write_detection }, { "annotations with polygons", write_annotation } };
    printf("MB/s on one core\n\n| text | event by event | lists of numbers at once | passed over "
           "|\n|---|---|---|---|\n");
    for (int i = 0; i < 2; i++) {
        Text t = make_text(texts[i].write, size);
        double seconds[3];
        bench_interleaved(run, &t, 3, 5, 2, seconds);
        printf("| %s |", texts[i].name);
        for (int k = 0; k < 3; k++)
            printf(" %.0f |", 1e-6 * (double)t.size / seconds[k]);
        printf("\n");
        df_free(t.text);
    }
    return 0;
}
