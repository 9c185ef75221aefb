/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff_write.c -- writes TIFF: one strip, not compressed, little-endian.
 */
#include <string.h>

#include "datasets/image/codec.h"

enum { SHORT = 3, LONG = 4 }; /* types of a field */
enum { ENTRIES = 10, DIRECTORY = 8, TRIPLE = DIRECTORY + 2 + 12 * ENTRIES + 4, PIXELS = TRIPLE + 6 };

static void put_u16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, v);
    put_u16(at + 2, v >> 16);
}

static void put_entry(uint8_t *at, const uint32_t entry[4]) /* tag, type, how many, value */
{
    put_u16(at, entry[0]);
    put_u16(at + 2, entry[1]);
    put_u32(at + 4, entry[2]);
    put_u32(at + 8, entry[3]); /* a SHORT stands in the first two of four bytes */
}

static void fill_header(uint8_t head[PIXELS], const DfImage *image, uint32_t bytes)
{
    const bool grey = image->channels == 1;
    const uint32_t entries[ENTRIES][4] = {
        { 256, LONG,  1,            (uint32_t)image->width    },
        { 257, LONG,  1,            (uint32_t)image->height   },
        { 258, SHORT, grey ? 1 : 3, grey ? 8 : TRIPLE         }, /* bits of each channel */
        { 259, SHORT, 1,            1                         }, /* not compressed       */
        { 262, SHORT, 1,            grey ? 1 : 2              }, /* grey, RGB            */
        { 273, LONG,  1,            PIXELS                    },
        { 277, SHORT, 1,            (uint32_t)image->channels },
        { 278, LONG,  1,            (uint32_t)image->height   }, /* lines of the strip   */
        { 279, LONG,  1,            bytes                     },
        { 284, SHORT, 1,            1                         }, /* channels innermost   */
    };
    memset(head, 0, PIXELS);
    memcpy(head, "II*\0", 4);
    put_u32(head + 4, DIRECTORY);
    put_u16(head + DIRECTORY, ENTRIES);
    for (int i = 0; i < ENTRIES; i++)
        put_entry(head + DIRECTORY + 2 + 12 * i, entries[i]);
    for (int c = 0; c < 3; c++)
        put_u16(head + TRIPLE + 2 * c, 8);
}

int df_tiff_encode(const DfImage *image, int quality, DfWriter *file)
{
    uint8_t head[PIXELS];
    (void)quality;
    const size_t bytes = df_image_bytes(image);
    if (bytes > UINT32_MAX - PIXELS)
        return df_fail(DF_EVALUE, "%d x %d pixels are more than a TIFF can hold", image->height, image->width);
    fill_header(head, image, (uint32_t)bytes);
    df_write(file, head, sizeof head);
    for (size_t i = 0; image->channels == 3 && i < bytes; i += 3) {
        const uint8_t rgb[3] = { image->pixels[i + 2], image->pixels[i + 1], image->pixels[i] };
        df_write(file, rgb, 3);
    }
    if (image->channels == 1)
        df_write(file, image->pixels, bytes);
    return DF_OK;
}
