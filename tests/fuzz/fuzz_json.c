/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_json.c -- the streaming JSON reader: read every event, then again with every second value skipped,
 * and with keys that are expected; all must agree on whether the text is JSON.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum { ALL, SKIPPING, EXPECTING } How;

static bool read_all(const uint8_t *data, size_t size, How how)
{
    DfJson *j;
    DfJsonValue value;
    DfJsonEvent event;
    unsigned keys = 0;
    volatile char touched = 0;
    if (df_json_open_text(&j, (const char *)data, size, "fuzz") < 0)
        return false;
    while ((event = df_json_next(j, &value)) > DF_JSON_END) {
        if (how == EXPECTING && !df_json_key(j, "a", 1))
            df_json_key(j, "id", 2);
        if (event == DF_JSON_TEXT || event == DF_JSON_KEY)
            touched = value.text[value.length];
        if (how == SKIPPING && event == DF_JSON_KEY && keys++ % 2 == 0 && df_json_skip(j) < 0)
            break;
    }
    if (touched)
        abort(); /* a text is terminated */
    const bool good = event == DF_JSON_END;
    df_json_close(j);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const bool good = read_all(data, size, ALL);
    if (good != read_all(data, size, SKIPPING) || good != read_all(data, size, EXPECTING))
        abort();
    return 0;
}
