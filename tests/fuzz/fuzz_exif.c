/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_exif.c -- the orientation in a TIFF block, and a picture turned by it.
 */
#include <stdlib.h>

#include "datasets/image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DfImage image;
    const int orientation = df_exif_orientation(data, size);
    if (orientation < 1 || orientation > 8)
        abort();
    if (df_image_new(&image, 3, 5, 3) < 0)
        return 0;
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)i;
    if (df_exif_make_upright(&image, orientation) == DF_OK && image.height != (orientation > 4 ? 5 : 3))
        abort();
    df_image_free(&image);
    return 0;
}
