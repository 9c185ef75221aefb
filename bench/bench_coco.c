/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_coco.c -- `deformer metric coco` and others on data of the size of val2017, whole processes, in turns.
 *
 *     build/bench/bench_coco [--rounds N] [--threads N] [--program PATH] [--folder DIR]
 *                            [--detections N]... [--masks N]... [--peer NAME COMMAND]...
 *
 * Writes its own data (the same for everybody: seeded): 5000 pictures, 36781 objects of 80 classes with polygons of a
 * few to some hundred points, one in eighty a crowd with runs; N detections as boxes, or N as compressed masks. Every
 * measurement is a process that reads, evaluates and prints; wall time, processor time and peak memory are those of the
 * process. In a peer's command {gt}, {dt}, {type} (bbox or segm) and {threads} stand for what they say. Without
 * --detections and --masks: 36335 and 500000 of each.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/core.h"
#include "eval/eval.h"

enum { IMAGES = 5000, OBJECTS = 36781, CLASSES = 80, MOST_POINTS = 400 }; /* of the data */
enum { PEERS = 8, WORKLOADS = 16, ROUNDS = 50, TEXT = 4096 };             /* at most */

/* ---- the data ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int image, class, points;
    double box[4];
    double centre[2], radius[2];
    uint64_t seed; /* of its outline */
    bool crowd;
} Object;

typedef struct {
    int width[IMAGES], height[IMAGES];
    Object *object;        /* by image */
    int first[IMAGES + 1]; /* of each image */
} World;

static double between(DfRandom *r, double low, double high)
{
    return low + (high - low) * df_uniform(r);
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* A closed line around the centre whose radius wavers; `shift` and `scale` displace it, for detections. Returns the
 * points. */
static int outline(const Object *o, const World *w, double shift, double scale, double *xy)
{
    DfRandom r = df_random(o->seed, 0);
    double phase[5], part[5];
    for (int k = 0; k < 5; k++) {
        phase[k] = between(&r, 0, 6.283);
        part[k] = between(&r, 0, 0.22 / (k + 1));
    }
    for (int i = 0; i < o->points; i++) {
        const double angle = 6.283185307 * i / o->points;
        double radius = 0.78;
        for (int k = 0; k < 5; k++)
            radius += part[k] * sin((k + 2) * angle + phase[k]);
        xy[2 * i] = clamp(o->centre[0] + shift + o->radius[0] * scale * radius * cos(angle), 0, w->width[o->image]);
        xy[2 * i + 1] =
            clamp(o->centre[1] + shift + o->radius[1] * scale * radius * sin(angle), 0, w->height[o->image]);
    }
    return o->points;
}

static void box_of(const double *xy, int n, double box[4])
{
    double low[2] = { 1e9, 1e9 }, high[2] = { -1e9, -1e9 };
    for (int i = 0; i < 2 * n; i++) {
        low[i % 2] = fmin(low[i % 2], xy[i]);
        high[i % 2] = fmax(high[i % 2], xy[i]);
    }
    for (int k = 0; k < 2; k++) {
        box[k] = low[k];
        box[k + 2] = high[k] - low[k];
    }
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Sizes follow roughly those of COCO: two in five small, a third medium, the rest large. Classes thin out like 1/k. */
static World make_world(void)
{
    static World w;
    static int place[OBJECTS];
    DfRandom r = df_random(2017, 0);
    double xy[2 * MOST_POINTS];
    w.object = df_calloc(OBJECTS, sizeof *w.object);
    if (!w.object)
        abort();
    for (int i = 0; i < IMAGES; i++) {
        w.width[i] = df_uniform(&r) < 0.75 ? 640 : 480;
        w.height[i] = w.width[i] == 640 ? (df_uniform(&r) < 0.6 ? 480 : 427) : 640;
    }
    for (int i = 0; i < OBJECTS; i++)
        place[i] = (int)(df_uniform(&r) * IMAGES);
    qsort(place, OBJECTS, sizeof *place, by_number);
    for (int i = 0, k = 0; i <= IMAGES; w.first[i++] = k)
        while (k < OBJECTS && place[k] < i)
            k++;
    for (int i = 0; i < OBJECTS; i++) {
        Object *o = &w.object[i];
        const double size = exp(between(&r, log(12), log(400)) * 0.5 + between(&r, log(12), log(400)) * 0.5);
        *o = (Object){ .image = place[i], .seed = (uint64_t)i + 1, .crowd = i % 80 == 79 };
        o->class = df_uniform(&r) < 0.3 ? 0 : (int)(exp(df_uniform(&r) * log(CLASSES)) - 0.5) % CLASSES;
        o->points = (int)clamp(exp(between(&r, log(8), log(70))) * sqrt(size / 60), 6, MOST_POINTS);
        o->radius[0] = size * between(&r, 0.35, 0.8);
        o->radius[1] = size * between(&r, 0.35, 0.8);
        o->centre[0] = between(&r, 0.1, 0.9) * w.width[o->image];
        o->centre[1] = between(&r, 0.1, 0.9) * w.height[o->image];
        box_of(xy, outline(o, &w, 0, 1, xy), o->box);
    }
    return w;
}

static void write_runs(FILE *f, const DfMask *m)
{
    fprintf(f, "{\"size\": [%u, %u], \"counts\": [", (unsigned)m->height, (unsigned)m->width);
    for (size_t k = 0; k < m->n; k++)
        fprintf(f, "%s%u", k ? ", " : "", (unsigned)m->runs[k]);
    fprintf(f, "]}");
}

static void write_truth(const World *w, const char *path)
{
    FILE *f = fopen(path, "w");
    double xy[2 * MOST_POINTS];
    if (!f)
        abort();
    fprintf(f, "{\"info\": {\"description\": \"made by bench_coco\"}, \"images\": [");
    for (int i = 0; i < IMAGES; i++)
        fprintf(f,
                "%s{\"license\": 4, \"file_name\": \"%012d.jpg\", \"coco_url\": \"none\", \"height\": %d, \"width\": "
                "%d, \"id\": %d}",
                i ? ", " : "", i * 7 + 139, w->height[i], w->width[i], i * 7 + 139);
    fprintf(f, "], \"annotations\": [");
    for (int i = 0; i < OBJECTS; i++) {
        const Object *o = &w->object[i];
        DfMask mask;
        const int n = outline(o, w, 0, 1, xy);
        if (df_mask_from_polygon(&mask, xy, (size_t)n, (uint32_t)w->height[o->image], (uint32_t)w->width[o->image]) < 0)
            abort();
        fprintf(f, "%s{\"segmentation\": ", i ? ", " : "");
        if (o->crowd)
            write_runs(f, &mask);
        for (int k = 0; k < 2 * n && !o->crowd; k++)
            fprintf(f, "%s%.2f", k ? ", " : "[[", xy[k]);
        fprintf(f,
                "%s, \"area\": %.4f, \"iscrowd\": %d, \"image_id\": %d, \"bbox\": [%.2f, %.2f, %.2f, %.2f], "
                "\"category_id\": %d, \"id\": %d}",
                o->crowd ? "" : "]]", (double)df_mask_area(&mask), o->crowd, o->image * 7 + 139, o->box[0], o->box[1],
                o->box[2], o->box[3], o->class + 1, 900100 + i);
        df_mask_done(&mask);
    }
    fprintf(f, "], \"categories\": [");
    for (int k = 0; k < CLASSES; k++)
        fprintf(f, "%s{\"supercategory\": \"thing\", \"id\": %d, \"name\": \"class %d\"}", k ? ", " : "", k + 1, k + 1);
    fprintf(f, "]}\n");
    if (fclose(f) != 0)
        abort();
}

/* Most detections are objects of the picture displaced, the better the higher their score; some are of another
 * class, some nothing. */
static void write_detection(FILE *f, const World *w, DfRandom *r, int image, bool masks)
{
    double xy[2 * MOST_POINTS], box[4];
    const int first = w->first[image], n_here = w->first[image + 1] - first;
    const bool nothing = n_here == 0 || df_uniform(r) < 0.3;
    Object o = w->object[nothing ? (int)(df_uniform(r) * OBJECTS) : first + (int)(df_uniform(r) * n_here)];
    const double quality = df_uniform(r), noise = (1 - quality) * fmin(o.radius[0], o.radius[1]);
    const int class = df_uniform(r) < 0.75 ? o.class : (int)(df_uniform(r) * CLASSES);
    o.image = image;
    o.points = masks ? (o.points < 40 ? o.points : 40) : 12;
    const int n =
        outline(&o, w, noise * between(r, -0.7, 0.7), between(r, 1 - 0.4 * (1 - quality), 1 + 0.4 * (1 - quality)), xy);
    const double score = clamp(0.02 + 0.9 * quality * df_uniform(r) + 0.05 * df_uniform(r), 0, 1);
    box_of(xy, n, box);
    fprintf(f, "{\"image_id\": %d, \"category_id\": %d, ", o.image * 7 + 139, class + 1);
    if (masks) {
        DfMask mask;
        char *text = NULL;
        if (df_mask_from_polygon(&mask, xy, (size_t)n, (uint32_t)w->height[o.image], (uint32_t)w->width[o.image]) < 0 ||
            df_mask_to_text(&mask, &text) < 0)
            abort();
        fprintf(f, "\"segmentation\": {\"size\": [%u, %u], \"counts\": \"", (unsigned)mask.height,
                (unsigned)mask.width);
        for (const char *c = text; *c; c++)
            fprintf(f, *c == '\\' ? "\\\\" : "%c", *c);
        fprintf(f, "\"}, ");
        df_free(text);
        df_mask_done(&mask);
    } else {
        fprintf(f, "\"bbox\": [%.3f, %.3f, %.3f, %.3f], ", box[0], box[1], box[2], box[3]);
    }
    fprintf(f, "\"score\": %.17g}", (double)(float)score);
}

static void write_results(const World *w, const char *path, long n, bool masks)
{
    FILE *f = fopen(path, "w");
    DfRandom r = df_random(500, masks);
    if (!f)
        abort();
    for (long i = 0; i < n; i++) {
        fprintf(f, i ? ", " : "[");
        write_detection(f, w, &r, (int)(i * IMAGES / n), masks); /* picture by picture, as detectors write them */
    }
    fprintf(f, "]\n");
    if (fclose(f) != 0)
        abort();
}

/* ---- measurements ------------------------------------------------------------------------------------------------ */

typedef struct {
    double wall[ROUNDS], cpu[ROUNDS], mb[ROUNDS];
    int n;
} Series;

/* Runs it with its output thrown away. */
static void measure(const char *command, Series *s)
{
    const double start = bench_now();
    const pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout))
            _exit(127);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = 1;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0 || s->n == ROUNDS) {
        fprintf(stderr, "failed: %s\n", command);
        return;
    }
    s->wall[s->n] = bench_now() - start;
    s->cpu[s->n] = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                   1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    s->mb[s->n++] = (double)usage.ru_maxrss / 1024;
}

static void substitute(char *out, size_t size, const char *command, const char *const *pairs)
{
    size_t used = 0;
    while (*command && used + 1 < size) {
        const char *const *p = pairs;
        while (*p && strncmp(command, *p, strlen(*p)) != 0)
            p += 2;
        if (*p) {
            used += (size_t)snprintf(out + used, size - used, "%s", p[1]);
            command += strlen(*p);
        } else {
            out[used++] = *command++;
        }
    }
    out[used < size ? used : size - 1] = 0;
}

typedef struct {
    long n;
    bool masks;
    char path[TEXT / 8];
    Series series[PEERS + 1];
} Workload;

int main(int argc, char **argv)
{
    static Workload work[WORKLOADS];
    const char *name[PEERS + 1] = { "deformer" };
    const char *command[PEERS + 1];
    const char *program = "build/deformer";
    const char *folder = "/tmp";
    const char *threads = "2";
    int n_commands = 1, rounds = 5, n_work = 0;
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--rounds") == 0 && more)
            rounds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--threads") == 0 && more)
            threads = argv[++i];
        else if (strcmp(argv[i], "--program") == 0 && more)
            program = argv[++i];
        else if (strcmp(argv[i], "--folder") == 0 && more)
            folder = argv[++i];
        else if ((strcmp(argv[i], "--detections") == 0 || strcmp(argv[i], "--masks") == 0) && more &&
                 n_work < WORKLOADS) {
            work[n_work].masks = argv[i][2] == 'm';
            work[n_work++].n = atol(argv[++i]);
        } else if (strcmp(argv[i], "--peer") == 0 && i + 2 < argc && n_commands <= PEERS) {
            name[n_commands] = argv[++i];
            command[n_commands++] = argv[++i];
        } else {
            fprintf(stderr,
                    "usage: %s [--rounds N] [--threads N] [--program PATH] [--folder DIR] [--detections N]... [--masks "
                    "N]... [--peer NAME COMMAND]...\n",
                    argv[0]);
            return 2;
        }
    }
    const bool standard = n_work == 0;
    for (int i = 0; standard && i < 4; i++)
        work[n_work++] = (Workload){ .n = i < 2 ? 36335 : 500000, .masks = i % 2 };
    static char ours[TEXT], line[TEXT], gt[TEXT / 8];
    snprintf(ours, sizeof ours, "exec %s metric coco {gt} {dt} --type {type} --threads {threads}", program);
    command[0] = ours;
    const World world = make_world();
    snprintf(gt, sizeof gt, "%s/bench_coco_gt.json", folder);
    write_truth(&world, gt);
    for (int i = 0; i < n_work; i++) {
        snprintf(work[i].path, sizeof work[i].path, "%s/bench_coco_%s_%ld.json", folder,
                 work[i].masks ? "masks" : "boxes", work[i].n);
        write_results(&world, work[i].path, work[i].n, work[i].masks);
    }
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < n_work; i++)
            for (int c = 0; c < n_commands; c++) {
                const char *type = work[i].masks ? "segm" : "bbox";
                const char *const pairs[] = { "{gt}",   gt,   "{dt}",      work[i].path,
                                              "{type}", type, "{threads}", threads, NULL };
                substitute(line, sizeof line, command[c], pairs);
                measure(line, &work[i].series[c]);
            }
    printf("%s thread%s, medians of %d rounds in turns\n\n| workload | | wall s | CPU s | peak MB | ours is faster by "
           "|\n|---|---|---|---|---|---|\n",
           threads, strcmp(threads, "1") == 0 ? "" : "s", rounds);
    for (int i = 0; i < n_work; i++)
        for (int c = 0; c < n_commands; c++) {
            const Series *s = &work[i].series[c], *own = &work[i].series[0];
            const double wall = bench_median(s->wall, s->n);
            printf("| %ld %s | %s | %.3f | %.3f | %.0f | %.1f |\n", work[i].n, work[i].masks ? "masks" : "boxes",
                   name[c], wall, bench_median(s->cpu, s->n), bench_median(s->mb, s->n),
                   own->n ? wall / bench_median(own->wall, own->n) : 0);
        }
    return 0;
}
