/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_resize.c -- a photograph of 2000 x 1500 resized to a shorter side of 224, as classifiers want it: every
 * filter of Pillow, with its bits, in milliseconds on one thread.
 *
 *     build/bench/bench_resize [--peer COMMAND]
 *
 * {filter} of COMMAND becomes the name of a filter; it prints the seconds that a resize takes, last:
 * bench/peers/pillow_resize.py. Ours and the peer are timed in turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "datasets/datasets.h"

enum { HEIGHT = 1500, WIDTH = 2000, TO_HEIGHT = 224, TO_WIDTH = 298, ROUNDS = 5, COMMAND = 1024 };

typedef struct {
    DfImage picture;
    DfPilFilter filter;
} Bench;

static void resize(void *arg)
{
    const Bench *b = arg;
    DfImage out;
    if (df_resize_antialiased(&out, &b->picture, TO_HEIGHT, TO_WIDTH, b->filter, DF_ANTIALIAS_PILLOW13) < 0) {
        fprintf(stderr, "bench_resize: %s\n", df_error());
        exit(1);
    }
    df_image_free(&out);
}

/* The last line that it prints is a number. */
static double run_peer(const char *command, const char *filter)
{
    char line[COMMAND] = "", whole[COMMAND];
    const char *at = strstr(command, "{filter}");
    if (at)
        snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - command), command, filter, at + strlen("{filter}"));
    else
        snprintf(whole, sizeof whole, "%s", command);
    FILE *f = popen(whole, "r");
    while (f && fgets(line, sizeof line, f))
        ;
    return f && pclose(f) == 0 ? atof(line) : 0;
}

static void time_filter(Bench *b, const char *name, const char *peer)
{
    BenchRun *const run[] = { resize };
    double ours[ROUNDS], theirs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        bench_interleaved(run, b, 1, 9, 0.2, &ours[i]);
        theirs[i] = peer ? run_peer(peer, name) : 0;
    }
    const double mine = bench_median(ours, ROUNDS), other = bench_median(theirs, ROUNDS);
    printf("| %s | %.2f |", name, 1e3 * mine);
    if (other > 0)
        printf(" %.2f | %.2f |", 1e3 * other, other / mine);
    printf("\n");
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "bilinear", "bicubic", "box", "hamming", "lanczos" }; /* as DfPilFilter */
    const char *peer = argc == 3 && strcmp(argv[1], "--peer") == 0 ? argv[2] : NULL;
    Bench b = { .filter = DF_PIL_BILINEAR };
    if (argc != 1 && !peer) {
        fprintf(stderr, "usage: %s [--peer COMMAND]\n", argv[0]);
        return 2;
    }
    if (df_image_new(&b.picture, HEIGHT, WIDTH, 3) < 0) {
        fprintf(stderr, "bench_resize: %s\n", df_error());
        return 1;
    }
    DfRandom r = df_random(7, 0);
    for (size_t i = 0; i < df_image_bytes(&b.picture); i++)
        b.picture.pixels[i] = (uint8_t)(256 * df_uniform(&r));
    printf("%d x %d to %d x %d, one thread, in ms\n\n| filter | deformer |%s\n|---|---|%s\n", WIDTH, HEIGHT, TO_WIDTH,
           TO_HEIGHT, peer ? " peer | times as fast |" : "", peer ? "---|---|" : "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        b.filter = (DfPilFilter)i;
        time_filter(&b, names[i], peer);
    }
    df_image_free(&b.picture);
    return 0;
}
