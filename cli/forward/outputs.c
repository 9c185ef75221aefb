/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/outputs.c -- keeps the outputs of a pass until the file is written.
 */
#include "cli/forward/forward.h"

#include <string.h>

void cli_add_output(CliOutputs *o, const char *name, DfDtype dtype, int ndim, const int *dims, const void *data)
{
    if (o->error < 0)
        return;
    char *copy = df_arena_copy(o->arena, name, strlen(name));
    if (!copy || !data || !df_grow((void **)&o->arrays, &o->capacity, o->n, sizeof *o->arrays)) {
        o->error = df_fail_memory("the outputs");
        return;
    }
    DfArray *array = &o->arrays[o->n++];
    *array = (DfArray){ .name = copy, .dtype = dtype, .ndim = ndim, .data = data };
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        array->shape[i] = dims[i];
        array->stride[i] = stride;
        stride *= dims[i];
    }
}

/* Maps go out as they are known: N C H W. */
void cli_hear(void *user, const char *name, const DfTensor *x)
{
    CliOutputs *o = user;
    const size_t n = df_size(x);
    float *copy = df_arena_alloc(o->arena, n + 1, sizeof *copy);
    DfShape shape = x->shape;
    if (copy && shape.n == 4) {
        const size_t N = (size_t)shape.d[0];
        const size_t P = (size_t)shape.d[1] * (size_t)shape.d[2];
        const size_t C = (size_t)shape.d[3];
        for (size_t b = 0; b < N; b++)
            for (size_t p = 0; p < P; p++)
                for (size_t ch = 0; ch < C; ch++)
                    copy[(b * C + ch) * P + p] = x->data[(b * P + p) * C + ch];
        shape = DF_SHAPE(x->shape.d[0], x->shape.d[3], x->shape.d[1], x->shape.d[2]);
    } else if (copy) {
        memcpy(copy, x->data, n * sizeof *copy);
    }
    cli_add_output(o, name, DF_F32, shape.n, shape.d, copy);
}

void cli_add_detections(CliOutputs *o, const DfDetections *found, const char *boxes_name, const char *labels_name)
{
    float *boxes = df_arena_alloc(o->arena, found->n + 1, 5 * sizeof *boxes);
    int64_t *labels = df_arena_alloc(o->arena, found->n + 1, sizeof *labels);
    for (size_t i = 0; boxes && labels && i < found->n; i++) {
        memcpy(boxes + 5 * i, found->v[i].box, 4 * sizeof *boxes);
        boxes[5 * i + 4] = found->v[i].score;
        labels[i] = found->v[i].label;
    }
    const int n = (int)found->n;
    cli_add_output(o, boxes_name, DF_F32, 2, (int[]){ n, 5 }, boxes);
    cli_add_output(o, labels_name, DF_I64, 1, (int[]){ n }, labels);
}

/* One byte a pixel: n H W of 0 and 1. */
void cli_add_masks(CliOutputs *o, const DfDetections *found, const DfImageMeta *meta, const char *name)
{
    const size_t H = (size_t)meta->ori_h, W = (size_t)meta->ori_w;
    uint8_t *pixels = df_arena_alloc(o->arena, found->n + 1, H * W);
    for (size_t i = 0; pixels && i < found->n; i++) {
        size_t at = 0;
        for (size_t k = 0; k < found->masks[i].n; k++)
            for (const size_t end = at + found->masks[i].runs[k]; at < end; at++)
                pixels[i * H * W + at % H * W + at / H] = k % 2;
    }
    cli_add_output(o, name, DF_U8, 3, (int[]){ (int)found->n, meta->ori_h, meta->ori_w }, pixels);
}

void cli_add_param(CliOutputs *o, const char *prefix, const NnParam *param, const float *data)
{
    const char *name = df_arena_text(o->arena, "%s:%s", prefix, param->name);
    float *official = df_arena_alloc(o->arena, df_count(param->shape) + 1, sizeof *official);
    if (official)
        nn_param_to_official(param, data, official);
    if (name)
        cli_add_output(o, name, DF_F32, param->shape.n, param->shape.d, official);
    else if (o->error == DF_OK)
        o->error = df_fail_memory("the outputs");
}
