/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/replay.c -- runs a fuzz target over every file of the corpus folders named as
 * arguments, and over each file cut short at a few places and with single bytes changed: what the
 * fuzzer found once stays found, with no libFuzzer needed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long runs;

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* so that reading past the end is seen */
    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    runs++;
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    static uint8_t bytes[1 << 22];
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    run(bytes, size);
    for (int i = 1; i <= 16; i++)
        run(bytes, size * (size_t)i / 17);
    for (size_t i = 0; i < 64 && i < size; i++) {
        const size_t at = i * 2654435761u % size;
        const uint8_t kept = bytes[at];
        bytes[at] = (uint8_t)(kept ^ (1u << (i % 8)));
        run(bytes, size);
        bytes[at] = kept;
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            fprintf(stderr, "%s: no such corpus\n", argv[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.')
                replay(path);
        }
        closedir(folder);
    }
    printf("%ld inputs replayed\n", runs);
    return runs > 0 ? 0 : 1;
}
