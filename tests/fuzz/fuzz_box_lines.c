/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_box_lines.c -- lines of boxes: results of VOC and of DOTA, and labels of DOTA.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/annotations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want_finite(const double *x, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i]))
            abort();
}

static int result(void *arg, const DfVocResult *r)
{
    (void)arg;
    want_finite(r->box, 8);
    want_finite(&r->score, 1);
    if (!r->image[0] || !memchr(r->image, 0, sizeof r->image))
        abort();
    return DF_OK;
}

static int object(void *arg, const DfDotaObject *o)
{
    (void)arg;
    want_finite(o->corner, 8);
    if (!o->name[0] || !memchr(o->name, 0, sizeof o->name))
        abort();
    return DF_OK;
}

static void expect_sentence(int error)
{
    if (error < 0 && !df_error()[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); /* of its size, so that a byte too far is found */
    memcpy(copy, data, size);
    expect_sentence(df_voc_read_results(copy, size, "fuzz", 4, &(DfVocResultSink){ NULL, result }));
    expect_sentence(df_voc_read_results(copy, size, "fuzz", 8, &(DfVocResultSink){ NULL, result }));
    expect_sentence(df_dota_read_labels(copy, size, "fuzz", &(DfDotaSink){ NULL, object }));
    free(copy);
    return 0;
}
