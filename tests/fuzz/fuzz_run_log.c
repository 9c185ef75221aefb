/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_run_log.c -- the log of a training run, taken over by the run that goes on.
 */
#include <stdlib.h>

#include "tests/fuzz/files.h"
#include "train/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const DfLogValue value = { "loss", 0.5 };
    const DfLogEntry entry = { "train", 1, 3, 13, 1, &value };
    const DfLogSeries *series;
    DfRunLog *log;
    double sum = 0;
    fuzz_write("run.log.json", data, size);
    if (df_run_log_open(&log, fuzz_path("run.log.json"), 12) < 0)
        return 0;
    const int n = df_run_log_series(log, &series);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < series[i].n; k++)
            sum += series[i].step[k] + series[i].value[k];
    const volatile double used = sum; /* so that each is read */
    (void)used;
    if (df_run_log_add(log, &entry) < 0)
        abort();
    df_run_log_close(log);
    if (df_run_log_open(&log, fuzz_path("run.log.json"), 13) < 0)
        abort(); /* what one run wrote the next one reads */
    df_run_log_close(log);
    return 0;
}
