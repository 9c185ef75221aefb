/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff.h -- a TIFF that is read through libtiff; for the files tiff*.c alone.
 */
#ifndef DF_DATASETS_IMAGE_TIFF_H
#define DF_DATASETS_IMAGE_TIFF_H

#include <tiffio.h>

#include "datasets/image/codec.h"

/* Begins with `bytes` and `size`, and is closed by TIFFClose(). */
typedef struct {
    const uint8_t *bytes;
    uint64_t size, at;
    char text[512]; /* the first sentence of libtiff */
    TIFF *tiff;
    uint32_t height, width;
    uint16_t bits, samples, form, photometric;
    size_t cut;     /* labels that are not 0..255 */
} DfTiff;
int df_tiff_open(DfTiff *, size_t max_pixels);
int df_tiff_header(DfTiff *, size_t max_pixels);
int df_tiff_check_samples(const DfTiff *); /* whole numbers of 1 to 16 bits */
int df_tiff_damaged(const DfTiff *);      /* a sentence with the text of libtiff */
int df_tiff_orientation(const DfTiff *);  /* 1..8 */
uint32_t df_tiff_lines(const DfTiff *);   /* how many lines a strip has, or a row of tiles */
/* As a picture in BGR, through libtiff's own conversion, which OpenCV uses; lines are as they are stored. */
int df_tiff_picture(DfTiff *, DfImage *out);

/* A strip or a tile at (x, y): numbers packed into bytes, lines beginning at a byte. */
typedef struct {
    uint8_t *bytes;
    tmsize_t size;
    size_t stride;
    uint32_t height, width, y, x;
} DfTiffBlock;
/* Calls place() for every block of a plane; a line has `samples` numbers for each pixel. */
int df_tiff_blocks(DfTiff *, uint32_t plane, uint16_t samples, void (*place)(DfTiff *, const DfTiffBlock *, void *user),
                   void *user);

#endif
