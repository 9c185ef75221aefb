/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_image.c -- pictures, label maps and EXIF from memory: a
 * picture comes out whole, or nothing and a sentence.
 */
#include <stdint.h>
#include <stdlib.h>

#include "datasets/image/codec.h"
#include "datasets/image/image_file.h"
#include "datasets/datasets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PIXELS = 1 << 16 };

static unsigned sum;

static void use(DfImage *image, int channels)
{
    if (image->channels != channels || (size_t)image->height * (size_t)image->width > MAX_PIXELS)
        abort();
    for (size_t i = 0; i < df_image_bytes(image); i++)
        sum += image->pixels[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfImage image, half;
    const int error = df_image_decode(&image, data, size, MAX_PIXELS, "fuzz");
    if (error < 0 ? image.pixels != NULL || !df_error()[0] : !image.pixels)
        abort();
    if (error == DF_OK) {
        use(&image, 3);
        if (df_resize_cv2(&half, &image, 1 + image.height / 2, 1 + image.width / 3) == DF_OK)
            use(&half, 3);
        df_image_free(&half);
        if (df_resize_pil(&half, &image, 1 + image.height / 2, 1 + image.width / 3) == DF_OK)
            use(&half, 3);
        df_image_free(&half);
    }
    df_image_free(&image);
    static int (*const decode_labels[])(DfImage *, size_t *, const uint8_t *, size_t, size_t) = {
        df_png_decode_labels, df_bmp_decode_labels, df_tiff_decode_labels
    };
    for (int i = 0; i < 3; i++) {
        size_t cut = SIZE_MAX;
        image = (DfImage){ 0 };
        if (decode_labels[i](&image, &cut, data, size, MAX_PIXELS) == DF_OK)
            use(&image, 1);
        df_image_free(&image);
        if (cut > MAX_PIXELS)
            abort();
    }
    image = (DfImage){ 0 };
    if (df_png_decode_colours(&image, data, size, MAX_PIXELS) == DF_OK)
        use(&image, 3);
    df_image_free(&image);
    const int orientation = df_exif_orientation(data, size);
    if (orientation < 1 || orientation > 8)
        abort();
    return 0;
}
