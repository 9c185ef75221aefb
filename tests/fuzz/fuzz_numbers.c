/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_numbers.c -- a file of results or numbers, as `deformer compare` takes it, and a list of predictions
 * or labels, as `deformer metric imagenet` takes it. The first byte chooses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/compare/runs.h"
#include "cli/metric/metric.h"
#include "tests/fuzz/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const uint8_t *data, size_t size)
{
    char *file;
    double value;
    fuzz_write("run.json", data, size);
    for (int kind = 0; kind < CLI_RUN_KINDS; kind++) {
        (void)cli_run_number(fuzz_path("run.json"), (CliRunKind)kind, &value);
        if (cli_run_file(fuzz_path("run.json"), (CliRunKind)kind, &file) == DF_OK)
            df_free(file);
    }
}

static void score(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) {
        fuzz_write_picture("set/cat/a.png", 6, 8, 3);
        fuzz_write_picture("set/dog/b.png", 6, 8, 3);
        if (!freopen("/dev/null", "w", stdout))
            abort();
        ready = true;
    }
    fuzz_write("predictions.txt", data, size);
    const char *const args[] = { fuzz_path("predictions.txt"), fuzz_path("set") };
    (void)cli_metric_imagenet.run(2, args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (data[0] % 2)
        score(data + 1, size - 1);
    else
        compare(data + 1, size - 1);
    return 0;
}
