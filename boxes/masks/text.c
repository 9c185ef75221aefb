/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/masks/text.c -- COCO's compressed run lengths. From the fourth on, each number is the difference to the run
 * two before. It is split into groups of five bits, lowest first; each group is a character from '0' on, plus 32 if
 * more groups follow. The top bit of the last group is the sign.
 */
#include "boxes/masks/runs.h"

enum { MOST_GROUPS = 7, FIRST = '0', MORE = 32, SIGN = 16 };

static int wrong(const char *text, size_t i)
{
    const unsigned c = (unsigned char)text[i];
    return df_fail(DF_EFORMAT,
                   "the compressed counts of a mask hold the byte 0x%02x at %zu, want characters from '0' to 'o'", c,
                   i);
}

int df_runs_from_text(DfRunList *runs, const char *text, size_t length)
{
    if (!df_runs_grow(runs, length))
        return df_fail_memory("a mask");
    uint32_t *const at = runs->at;
    size_t n = 0, i = 0;
    while (i < length) {
        unsigned c = (unsigned)(unsigned char)text[i] - FIRST;
        if (c < MORE) { /* most runs are short */
            i++;
            const uint32_t x = (c & SIGN ? c | ~(uint32_t)31 : c);
            at[n] = n > 2 ? x + at[n - 2] : x;
            n++;
            continue;
        }
        uint64_t x = 0;
        int groups = 0;
        do {
            if (i == length || groups == MOST_GROUPS)
                return df_fail(DF_EFORMAT, "the compressed counts of a mask %s",
                               i == length ? "end inside a run" : "hold a run of over seven characters");
            c = (unsigned)(unsigned char)text[i] - FIRST;
            if (c >= 2 * MORE)
                return wrong(text, i);
            x |= (uint64_t)(c & 31) << 5 * groups++;
            i++;
        } while (c & MORE);
        if (c & SIGN)
            x |= ~(uint64_t)0 << 5 * groups;
        at[n] = (uint32_t)x + (n > 2 ? at[n - 2] : 0);
        n++;
    }
    runs->n = n;
    return DF_OK;
}

size_t df_runs_text_length(size_t n)
{
    return n * MOST_GROUPS;
}

size_t df_runs_to_text(const uint32_t *runs, size_t n, char *text)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t x = (int64_t)runs[i] - (i > 2 ? (int64_t)runs[i - 2] : 0);
        for (bool more = true; more;) {
            const int group = (int)(x & 31);
            x = (x - group) / 32;
            more = group & SIGN ? x != -1 : x != 0;
            text[length++] = (char)(FIRST + group + (more ? MORE : 0));
        }
    }
    return length;
}
