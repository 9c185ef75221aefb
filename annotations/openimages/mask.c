/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/openimages/mask.c -- decodes the mask in a field of a table.
 */
#include <string.h>
#include <zlib.h>

#include "annotations/openimages/openimages.h"

/* ---- base64 ----------------------------------------------------------------------------------------------------- */

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Into `bytes`, which has room for 3 of every 4 characters. */
static int from_base64(const char *text, size_t length, uint8_t *bytes, size_t *n)
{
    uint32_t kept = 0;
    size_t i = 0;
    *n = 0;
    while (length > 0 && text[length - 1] == '=')
        length--;
    for (; i < length && digit(text[i]) >= 0; i++) {
        kept = kept << 6 | (uint32_t)digit(text[i]);
        if (i % 4 != 0)
            bytes[(*n)++] = (uint8_t)(kept >> (6 - 2 * (i % 4)));
    }
    return i == length ? DF_OK : df_fail(DF_EFORMAT, "Mask has the byte 0x%02x: want base64", (unsigned char)text[i]);
}

/* ---- zlib ------------------------------------------------------------------------------------------------------- */

/* No mask of so many pixels needs more: a run takes 7 characters at most, and there is one more than pixels. */
static size_t most_text(uint32_t height, uint32_t width)
{
    const uint64_t most = ((uint64_t)height * width + 2) * 7;
    return most < (1u << 28) ? (size_t)most : 1u << 28;
}

static int inflate_whole(const uint8_t *bytes, size_t n, size_t limit, char **text, size_t *length)
{
    size_t room = n * 4 + 64;
    int status = Z_BUF_ERROR;
    *text = NULL;
    while (status == Z_BUF_ERROR) {
        room = room < limit ? room : limit;
        char *more = df_realloc(*text, room);
        if (!more)
            return df_fail_memory("masks");
        uLongf filled = room;
        *text = more;
        status = uncompress((Bytef *)*text, &filled, bytes, n);
        *length = filled;
        if (room == limit)
            break;
        room *= 4;
    }
    return status == Z_OK ? DF_OK : df_fail(DF_EFORMAT, "Mask is not deflated by zlib, or too long for its image");
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

/* Empty runs within join their neighbours, and what is left over is background. */
static int set_in_order(DfRunList *runs, uint32_t height, uint32_t width)
{
    const uint64_t pixels = (uint64_t)height * width;
    uint64_t sum = 0;
    size_t n = 0;
    if (!df_runs_grow(runs, runs->n + 1))
        return df_fail_memory("masks");
    for (size_t i = 0; i < runs->n; i++) {
        const uint32_t run = runs->at[i];
        sum += run;
        if (run == 0 && i > 0)
            continue;
        if (n > 0 && (n - 1) % 2 == i % 2)
            runs->at[n - 1] += run;
        else
            runs->at[n++] = run;
        if (sum > pixels)
            return df_fail(DF_EFORMAT, "Mask has runs of more than the %u x %u pixels of its image", width, height);
    }
    if (sum < pixels && n % 2 == 1)
        runs->at[n - 1] += (uint32_t)(pixels - sum);
    else if (sum < pixels)
        runs->at[n++] = (uint32_t)(pixels - sum);
    runs->n = n;
    return DF_OK;
}

static int from_text(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width)
{
    DfRunList runs = { 0 };
    int error = df_runs_from_text(&runs, text, length);
    if (error == DF_EVALUE || error == DF_EFORMAT)
        error = df_fail(DF_EFORMAT, "Mask has no runs of COCO inside");
    if (error == DF_OK)
        error = set_in_order(&runs, height, width);
    if (error == DF_OK)
        error = df_mask_from_runs(out, runs.at, runs.n, height, width);
    df_free(runs.at);
    return error;
}

int df_openimages_mask(DfMask *out, const char *text, size_t length, uint32_t height, uint32_t width)
{
    char *inflated = NULL;
    size_t n = 0;
    size_t inflated_length = 0;
    *out = (DfMask){ 0 };
    if ((uint64_t)height * width > INT32_MAX)
        return df_fail(DF_EFORMAT, "an image of %u x %u: want fewer than 2^31 pixels", width, height);
    uint8_t *bytes = df_malloc(length / 4 * 3 + 4);
    int error = bytes ? from_base64(text, length, bytes, &n) : df_fail_memory("masks");
    if (error == DF_OK)
        error = inflate_whole(bytes, n, most_text(height, width), &inflated, &inflated_length);
    if (error == DF_OK)
        error = from_text(out, inflated, inflated_length, height, width);
    df_free(bytes);
    df_free(inflated);
    return error;
}
