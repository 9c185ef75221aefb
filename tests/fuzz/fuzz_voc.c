/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_voc.c -- XML of PASCAL VOC: objects with names and numbers, or a sentence.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/annotations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int object(void *arg, const DfVocObject *o)
{
    (void)arg;
    if (!o->name[0] || !memchr(o->name, 0, sizeof o->name))
        abort();
    for (int i = 0; i < 4; i++)
        if (!isfinite(o->box[i]))
            abort();
    return DF_OK;
}

static int picture(void *arg, const DfVocPicture *p)
{
    (void)arg;
    if (!memchr(p->file_name, 0, sizeof p->file_name) || !isfinite(p->width) || !isfinite(p->height))
        abort();
    return DF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const DfVocSink sink = { .object = object, .picture = picture };
    char *copy = malloc(size ? size : 1); /* of its size, so that a byte too far is found */
    memcpy(copy, data, size);
    if (df_voc_read(copy, size, "fuzz", &sink) < 0 && !df_error()[0])
        abort();
    free(copy);
    return 0;
}
