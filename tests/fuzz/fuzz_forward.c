/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_forward.c -- tensors and targets of `deformer forward
 * --losses`, and the losses of a small network on them.
 */
#include <stdlib.h>

#include "cli/forward/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIXELS = 64 * 96 };

static CliSession *session(void)
{
    static CliSession s;
    static const char *const set[] = { "model.neck.out_channels=32",   "model.bbox_head.in_channels=32",
                                       "model.bbox_head.feat_channels=32", "model.bbox_head.num_classes=3" };
    if (s.model)
        return &s;
    cli.threads = 1;
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        cli.set[cli.n_set++] = set[i];
    const DfModelLoad load = { 0 };
    if (cli_session_open(&s, DF_ROOT "/configs/demo/retinanet_dat_nano.py") < 0 || cli_session_load(&s, "random", &load) < 0)
        abort();
    return &s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CliInput input = { .path = "fuzz" };
    CliSession *s = session();
    DfArena *arena = df_arena_new();
    CliBatch batch;
    DfLosses losses;
    if (!arena)
        abort();
    if (df_checkpoint_parse(&input.file, data, size, "fuzz", NULL) == DF_OK) {
        const int error = cli_read_batch(s, &input, arena, &batch);
        if (error == DF_OK && df_dim(batch.image, 0) * df_dim(batch.image, 1) * df_dim(batch.image, 2) <= PIXELS)
            (void)df_model_losses(s->model, s->c, batch.image, &batch.batch, &losses);
        df_checkpoint_close(input.file);
    }
    df_reset(s->c);
    df_arena_free(arena);
    return 0;
}
