/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_semantic.c -- mIoU: pairs of label maps of 512 x 683 a second on
 * one core, from PNG files and from memory.
 *
 *     build/bench/bench_semantic [--pairs N] [--folder DIR] [--keep] [--peer COMMAND]
 *
 * Writes its own label maps (seeded): regions around random points, 150 classes, zero for none; a prediction displaces
 * the borders and takes some regions for others. They go to bench_semantic/ here unless --folder says otherwise, and
 * stay for `deformer metric ade20k` with --keep. "decoding" is what reading the PNGs takes alone, the bound of all that
 * starts from files. A peer is given the folder for {folder} (labels/ and predictions/ with the same names) and prints
 * the seconds that it takes for a pair from memory: bench/peers/numpy_miou.py.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/core.h"
#include "datasets/datasets.h"
#include "eval/eval.h"

enum { HEIGHT = 512, WIDTH = 683, REGIONS = 40, CLASSES = 150, MOST_PAIRS = 1000, PATH_LENGTH = 512 };

typedef struct {
    int pairs;
    char path[MOST_PAIRS][2][PATH_LENGTH]; /* label, prediction */
    DfImage image[MOST_PAIRS][2];
    DfMiou *acc;
} Bench;

static void stop(void)
{
    fprintf(stderr, "bench_semantic: %s\n", df_error());
    exit(1);
}

/* Nearest of some points wins; the metric wavers, so that borders do. */
static void draw(DfImage *image, double (*centre)[2], const uint8_t *class, double shift)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            const double wave = 9 * sin(0.07 * y + shift) + 5 * sin(0.23 * x + 2 * shift);
            const double px = x + wave + shift;
            const double py = y - wave;
            double best = HUGE_VAL;
            int nearest = 0;
            for (int k = 0; k < REGIONS; k++) {
                const double d = (px - centre[k][0]) * (px - centre[k][0]) + (py - centre[k][1]) * (py - centre[k][1]);
                nearest = d < best ? k : nearest;
                best = d < best ? d : best;
            }
            image->pixels[y * WIDTH + x] = class[nearest];
        }
}

static void write_pair(Bench *b, int i, const char *folder)
{
    DfRandom r = df_random(150, (uint64_t)i);
    double centre[REGIONS][2];
    uint8_t label[REGIONS], pred[REGIONS];
    for (int k = 0; k < REGIONS; k++) {
        centre[k][0] = df_uniform(&r) * WIDTH;
        centre[k][1] = df_uniform(&r) * HEIGHT;
        label[k] = (uint8_t)(df_uniform(&r) * df_uniform(&r) * (CLASSES + 1));
        pred[k] = df_uniform(&r) < 0.75 && label[k] > 0 ? (uint8_t)(label[k] - 1) : (uint8_t)(df_uniform(&r) * CLASSES);
    }
    for (int k = 0; k < 2; k++) {
        if (df_image_new(&b->image[i][k], HEIGHT, WIDTH, 1) < 0)
            stop();
        draw(&b->image[i][k], centre, k ? pred : label, 3.0 * k);
        snprintf(b->path[i][k], PATH_LENGTH, "%s/%s/pair%04d.png", folder, k ? "predictions" : "labels", i);
        if (df_image_write(&b->image[i][k], b->path[i][k], 0) < 0)
            stop();
    }
}

static void decode(void *arg)
{
    const Bench *const b = arg;
    DfImage image[2] = { { 0 }, { 0 } };
    for (int i = 0; i < b->pairs; i++)
        for (int k = 0; k < 2; k++)
            if (df_image_read_labels_again(&image[k], b->path[i][k]) < 0)
                stop();
    df_image_free(&image[0]);
    df_image_free(&image[1]);
}

static void from_files(void *arg)
{
    const Bench *const b = arg;
    DfImage image[2] = { { 0 }, { 0 } };
    for (int i = 0; i < b->pairs; i++) {
        for (int k = 0; k < 2; k++)
            if (df_image_read_labels_again(&image[k], b->path[i][k]) < 0)
                stop();
        df_miou_add(b->acc, image[1].pixels, image[0].pixels, HEIGHT * WIDTH);
    }
    df_image_free(&image[0]);
    df_image_free(&image[1]);
}

static void from_memory(void *arg)
{
    const Bench *const b = arg;
    for (int i = 0; i < b->pairs; i++)
        df_miou_add(b->acc, b->image[i][1].pixels, b->image[i][0].pixels, HEIGHT * WIDTH);
}

/* The last line that it prints is a number. */
static double run_peer(const char *command, const char *folder)
{
    char line[1024] = "", whole[2 * PATH_LENGTH];
    const char *const at = strstr(command, "{folder}");
    if (at)
        snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - command), command, folder, at + 8);
    else
        snprintf(whole, sizeof whole, "%s", command);
    FILE *const f = popen(whole, "r");
    while (f && fgets(line, sizeof line, f))
        ;
    return f && pclose(f) == 0 ? atof(line) : 0;
}

int main(int argc, char **argv)
{
    static Bench b = { .pairs = 40 };
    const char *folder = "bench_semantic", *peer = NULL;
    bool keep = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc)
            b.pairs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc)
            folder = argv[++i];
        else if (strcmp(argv[i], "--peer") == 0 && i + 1 < argc)
            peer = argv[++i];
        else if (strcmp(argv[i], "--keep") == 0)
            keep = true;
        else
            b.pairs = 0;
    }
    if (b.pairs < 1 || b.pairs > MOST_PAIRS) {
        fprintf(stderr, "usage: %s [--pairs 1..%d] [--folder DIR] [--keep] [--peer COMMAND]\n", argv[0], MOST_PAIRS);
        return 2;
    }
    char labels[PATH_LENGTH], predictions[PATH_LENGTH];
    snprintf(labels, sizeof labels, "%s/labels", folder);
    snprintf(predictions, sizeof predictions, "%s/predictions", folder);
    mkdir(folder, 0777);
    mkdir(labels, 0777);
    mkdir(predictions, 0777);
    if (df_miou_new(&b.acc, 0) < 0)
        stop();
    for (int i = 0; i < b.pairs; i++)
        write_pair(&b, i, folder);
    BenchRun *const run[] = { decode, from_files, from_memory };
    double seconds[3];
    bench_interleaved(run, &b, 3, 5, 5, seconds);
    printf("pairs of %d x %d a second on one core\n\n| | pairs/s |\n|---|---|\n| decoding alone | %.0f |\n| mIoU from "
           "PNG files | %.0f |\n| mIoU from memory | %.0f |\n",
           HEIGHT, WIDTH, b.pairs / seconds[0], b.pairs / seconds[1], b.pairs / seconds[2]);
    const double theirs = peer ? run_peer(peer, folder) : 0;
    if (theirs > 0)
        printf("| peer, from memory | %.0f |\n\nfrom memory %.1f times the peer\n", 1 / theirs,
               theirs * b.pairs / seconds[2]);
    for (int i = 0; i < b.pairs; i++)
        for (int k = 0; k < 2; k++) {
            df_image_free(&b.image[i][k]);
            if (!keep)
                unlink(b.path[i][k]);
        }
    if (!keep && rmdir(labels) == 0 && rmdir(predictions) == 0)
        rmdir(folder);
    df_miou_free(b.acc);
    return theirs == 0 && peer != NULL;
}
