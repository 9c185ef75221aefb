/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_coco_records.c -- an annotation or results file as a stream of records: where a strict sink meets
 * nothing wrong, a patient one is told the same; polygons can be walked, whatever was passed over.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/annotations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t records, problems;
    DfCocoSink sink;
    DfCocoRecord record;
} Seen;

static int take(void *arg, DfCocoRecord *r)
{
    Seen *seen = arg;
    const DfCocoSegmentation *s = &r->segmentation;
    size_t at = 0;
    seen->records++;
    if (r->number == 0 || r->line == 0)
        abort();
    while (s->form == DF_MASK_POLYGONS && at < s->n)
        at += (size_t)s->numbers[at] + 1;
    if (s->form == DF_MASK_POLYGONS && at != s->n)
        abort();
    return DF_OK;
}

static int note(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    Seen *seen = arg;
    (void)r;
    seen->problems++;
    if (!p->sentence[0] || p->met == DF_JSON_ERROR)
        abort();
    return DF_OK;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    Seen *seen = arg;
    return df_coco_stream_records(json, list, 0, &seen->record, &seen->sink);
}

static int stream(Seen *seen, const uint8_t *data, size_t size, bool patient)
{
    DfJson *json;
    if (df_json_open_text(&json, (const char *)data, size, "fuzz") < 0)
        return DF_ENOMEM;
    *seen = (Seen){ .sink = { .arg = seen, .wanted = UINT32_MAX, .record = take, .problem = patient ? note : NULL } };
    const DfCocoFile file = { .arg = seen, .list = read_list };
    const int error = size && data[0] == '[' ? df_coco_stream_results(json, &file) : df_coco_stream_truth(json, &file);
    df_coco_record_done(&seen->record);
    df_json_close(json);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Seen strict, patient;
    const int error = stream(&strict, data, size, false);
    if (error < 0 && !df_error()[0])
        abort();
    const int again = stream(&patient, data, size, true);
    if (error == DF_OK && (again != DF_OK || patient.problems || patient.records != strict.records))
        abort();
    if (error < 0 && again == DF_OK && !patient.problems)
        abort();
    return 0;
}
