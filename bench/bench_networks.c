/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_networks.c -- whole networks, ours and others', in turns on the same cores: Swin-T and DAT-T at 224, and
 * RetinaNet with both at 800x1216; or those that are named.
 *
 *     build/bench/bench_networks [--rounds N] [--threads N] [--network CONFIG[@HxW]]... [--backbones]
 *                                [--training N] [--repeat N] [--peer NAME COMMAND]...
 *
 * CONFIG is a file, or what stands for NAME in configs/classification/NAME_224.py; with @HxW a backbone is run in its
 * detection form on an image of that size. --backbones names each family's smallest at 224 and at 800x1216.
 *
 * --training N: training steps with N pictures instead of passes (peers/torch_train.py is a peer of those).
 *
 * --repeat N: ours runs N passes, and not as many as fit into ten seconds.
 *
 * Every measurement is a process of its own, so that peak memory is its own. In a peer's command `{}` stands for
 * the network (swin_t, dat_t, retina_swin, retina_dat, or CONFIG[@HxW] as given) and `{threads}` for the
 * threads; it prints median_ms=.. and rss_mb=.. or peak_rss_mb=.. for it. Rounds are interleaved and medians of
 * rounds are reported, because machines are noisy.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

enum { ROUNDS = 50, PEERS = 8, NETWORKS = 32, TEXT = 4096 };

typedef struct {
    const char *name, *what;
    char arguments[512]; /* of deformer bench */
} Network;

static const Network standard[] = {
    { "swin_t", "Swin-T, 224", "configs/classification/swin_tiny_224.py" },
    { "dat_t", "DAT-T, 224", "configs/classification/dat_tiny_224.py" },
    { "retina_swin", "RetinaNet Swin-T, 800x1216", "configs/retinanet/retinanet_swin_tiny_fpn_1x_coco.py" },
    { "retina_dat", "RetinaNet DAT-T, 800x1216", "configs/retinanet/retinanet_dat_tiny_fpn_1x_coco.py" },
};

static const char *const backbones[] = {
    "swin_tiny", "dat_tiny", "dat_pp_tiny", "pvt_tiny", "pvt_small", "pvt_v2_b1", "pvt_v2_b2", "focal_tiny", "resnet50",
    "swin_tiny@800x1216", "dat_tiny@800x1216", "dat_pp_tiny@800x1216", "pvt_tiny@800x1216", "pvt_small@800x1216",
    "pvt_v2_b1@800x1216", "pvt_v2_b2@800x1216", "focal_tiny@800x1216", "resnet50@800x1216",
};

static Network networks[NETWORKS];
static int n_networks;
static const char *training; /* pictures of a step; NULL: passes */
static const char *passes;   /* of ours; NULL: what takes ten seconds */

/* CONFIG[@HxW]; false if it does not fit. */
static bool add_network(const char *name)
{
    if (n_networks == NETWORKS || strlen(name) > 256)
        return false;
    Network *network = &networks[n_networks++];
    const int length = (int)strcspn(name, "@");
    const bool sized = name[length] == '@', file = strstr(name, ".py") || strstr(name, ".json");
    const char *form = strncmp(name, "resnet", 6) == 0 ? "pytorch" : "detection";
    char *to = network->arguments, *end = to + sizeof network->arguments;
    network->name = network->what = name;
    to += snprintf(to, (size_t)(end - to), file ? "%.*s" : "configs/classification/%.*s_224.py", length, name);
    if (sized)
        to += snprintf(to, (size_t)(end - to), " --shape %s", name + length + 1);
    if (sized && !file)
        snprintf(to, (size_t)(end - to), " --set backbone.style=%s", form);
    return true;
}

typedef struct {
    double ms[ROUNDS], mb[ROUNDS], whole[ROUNDS], gflops[ROUNDS], share[ROUNDS], peak[ROUNDS];
    int n;
} Series;

/* What a command prints, whole. */
static int run(const char *command, char *out, size_t size)
{
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return -1;
    const size_t n = fread(out, 1, size - 1, pipe);
    out[n] = 0;
    return pclose(pipe);
}

static double number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtod(at + strlen(key), NULL) : 0;
}

static void measure_ours(const char *program, const char *root, int network, int threads, Series *s)
{
    static char out[1 << 20];
    char command[TEXT];
    int used = snprintf(command, sizeof command, "%s bench %s/%s --threads %d --quiet --streams 0 --json -", program,
                        root, networks[network].arguments, threads);
    if (passes && used > 0 && (size_t)used < sizeof command)
        used += snprintf(command + used, sizeof command - (size_t)used, " --repeat %s", passes);
    if (training && used > 0 && (size_t)used < sizeof command)
        snprintf(command + used, sizeof command - (size_t)used, " --training --batch %s", training);
    if (run(command, out, sizeof out) != 0 || s->n == ROUNDS) {
        fprintf(stderr, "failed: %s\n", command);
        return;
    }
    const int i = s->n++;
    const char *tail = strstr(out, "\"whole_milliseconds\"");
    const char *own = tail;
    while (own && own > out && strncmp(own, "\"milliseconds\":", 15) != 0)
        own--; /* the network's stands just before the whole's */
    s->ms[i] = own ? number_after(own, "\"milliseconds\":") : 0;
    s->whole[i] = number_after(out, "\"whole_milliseconds\":");
    s->mb[i] = 1e-6 * number_after(out, "\"peak_rss_bytes\":");
    s->gflops[i] = number_after(out, "\"gflops\":");
    s->share[i] = 100 * number_after(out, "\"share_of_peak\":");
    s->peak[i] = number_after(out, "\"sgemm_peak_gflops\":");
}

static void substitute(char *out, size_t size, const char *command, const char *network, int threads)
{
    size_t used = 0;
    while (*command && used + 1 < size) {
        if (strncmp(command, "{}", 2) == 0) {
            used += (size_t)snprintf(out + used, size - used, "%s", network);
            command += 2;
        } else if (strncmp(command, "{threads}", 9) == 0) {
            used += (size_t)snprintf(out + used, size - used, "%d", threads);
            command += 9;
        } else {
            out[used++] = *command++;
        }
    }
    out[used < size ? used : size - 1] = 0;
}

static void measure_peer(const char *command, int network, int threads, Series *s)
{
    static char out[1 << 16];
    char line[TEXT];
    substitute(line, sizeof line, command, networks[network].name, threads);
    if (run(line, out, sizeof out) != 0 || !strstr(out, "median_ms=") || s->n == ROUNDS) {
        fprintf(stderr, "failed: %s\n", line);
        return;
    }
    s->ms[s->n] = number_after(out, "median_ms=");
    s->mb[s->n++] = number_after(out, "rss_mb=");
}

/* The median, and from where to where the rounds went. */
static const char *spread(const double *v, int n)
{
    static char text[64];
    double least = n ? v[0] : 0, most = least;
    for (int i = 1; i < n; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
    }
    snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", bench_median(v, n), least, most);
    return text;
}

static void report(const Series *ours, Series (*peers)[NETWORKS], const char *const *peer_name, int n_peers,
                   int threads, int rounds)
{
    printf("%d thread%s, medians of %d rounds in turns\n\n| network | | ms | with decoding | GFLOP/s | of sgemm peak | "
           "peak memory | ours is faster by |\n|---|---|---|---|---|---|---|---|\n",
           threads, threads == 1 ? "" : "s", rounds);
    for (int n = 0; n < n_networks; n++) {
        const Series *s = &ours[n];
        const double ms = bench_median(s->ms, s->n);
        printf("| %s | deformer | %s | %.1f | %.1f | %.0f%% of %.0f | %.0f MB | |\n", networks[n].what,
               spread(s->ms, s->n), bench_median(s->whole, s->n), bench_median(s->gflops, s->n),
               bench_median(s->share, s->n), bench_median(s->peak, s->n), bench_median(s->mb, s->n));
        for (int p = 0; p < n_peers; p++) {
            const Series *t = &peers[p][n];
            const double factor = ms > 0 ? bench_median(t->ms, t->n) / ms : 0;
            printf("| | %s | %s | | | | %.0f MB | %.2fx |\n", peer_name[p], spread(t->ms, t->n),
                   bench_median(t->mb, t->n), factor);
        }
    }
}

int main(int argc, char **argv)
{
    static Series ours[NETWORKS], peers[PEERS][NETWORKS];
    const char *peer_name[PEERS], *peer_command[PEERS], *program = "build/deformer", *root = ".";
    int n_peers = 0, rounds = 3, threads = 2;
    bool fits = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            rounds = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--program") == 0 && i + 1 < argc) {
            program = argv[++i];
        } else if (strcmp(argv[i], "--backbones") == 0) {
            for (size_t k = 0; k < sizeof backbones / sizeof *backbones; k++)
                fits = fits && add_network(backbones[k]);
        } else if (strcmp(argv[i], "--network") == 0 && i + 1 < argc) {
            fits = fits && add_network(argv[++i]);
        } else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc) {
            passes = argv[++i];
        } else if (strcmp(argv[i], "--training") == 0 && i + 1 < argc) {
            training = argv[++i];
        } else if (strcmp(argv[i], "--peer") == 0 && i + 2 < argc && n_peers < PEERS) {
            peer_name[n_peers] = argv[++i];
            peer_command[n_peers++] = argv[++i];
        } else {
            fits = false;
            break;
        }
    }
    if (!fits) {
        fprintf(stderr,
                "usage: %s [--rounds N] [--threads N] [--program PATH] [--network CONFIG[@HxW]]... [--backbones] "
                "[--training N] [--repeat N] [--peer NAME COMMAND]...\n",
                argv[0]);
        return 2;
    }
    for (size_t k = 0; k < sizeof standard / sizeof *standard && n_networks == (int)k; k++)
        networks[n_networks++] = standard[k];
    for (int r = 0; r < rounds && r < ROUNDS; r++)
        for (int n = 0; n < n_networks; n++) {
            measure_ours(program, root, n, threads, &ours[n]);
            for (int p = 0; p < n_peers; p++)
                measure_peer(peer_command[p], n, threads, &peers[p][n]);
        }
    report(ours, peers, peer_name, n_peers, threads, rounds);
    return 0;
}
