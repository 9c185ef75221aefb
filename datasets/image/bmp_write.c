/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/bmp_write.c -- writes BMP: 24 bits, or 8 with a grey palette; not compressed, the last line first.
 */
#include "datasets/image/codec.h"

enum { FILE_HEADER = 14, HEADER = 40, GREYS = 256 };

static void write_numbers(DfWriter *file, const uint32_t *v, const int *bytes, int n)
{
    for (int i = 0; i < n; i++) {
        const uint8_t little[4] = { (uint8_t)v[i], (uint8_t)(v[i] >> 8), (uint8_t)(v[i] >> 16), (uint8_t)(v[i] >> 24) };
        df_write(file, little, (size_t)bytes[i]);
    }
}

static void write_grey_palette(DfWriter *file)
{
    for (int i = 0; i < GREYS; i++) {
        const uint8_t entry[4] = { (uint8_t)i, (uint8_t)i, (uint8_t)i, 0 };
        df_write(file, entry, sizeof entry);
    }
}

int df_bmp_encode(const DfImage *image, int quality, DfWriter *file)
{
    static const int bytes[] = { 2, 4, 4, 4, 4, 4, 4, 2, 2, 4, 4, 4, 4, 4, 4 };
    static const uint8_t zeros[4] = { 0 };
    (void)quality;
    const size_t row = (size_t)image->width * (size_t)image->channels;
    const size_t gap = (0 - row) & 3;
    const uint32_t before = FILE_HEADER + HEADER + (image->channels == 1 ? GREYS * 4 : 0);
    const uint64_t all = before + (uint64_t)(row + gap) * (uint64_t)image->height;
    if (all > UINT32_MAX)
        return df_fail(DF_EVALUE, "%d x %d pixels are more than a BMP can hold", image->height, image->width);
    const uint32_t numbers[] = { 0x4d42, (uint32_t)all, 0, before, HEADER, (uint32_t)image->width, (uint32_t)image->height,
                                 1, (uint32_t)image->channels * 8, 0, 0, 0, 0, 0, 0 };
    write_numbers(file, numbers, bytes, sizeof bytes / sizeof *bytes);
    if (image->channels == 1)
        write_grey_palette(file);
    for (size_t y = (size_t)image->height; y-- > 0;) {
        df_write(file, image->pixels + y * row, row);
        df_write(file, zeros, gap);
    }
    return DF_OK;
}
