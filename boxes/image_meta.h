/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/image_meta.h -- the transformations of a picture before the network: mmdet's img_metas. Datasets write it,
 * heads use it to convert boxes and masks back to pixels of the picture.
 */
#ifndef DF_BOXES_IMAGE_META_H
#define DF_BOXES_IMAGE_META_H

#include <stdbool.h>

/* Sizes in pixels. */
typedef struct {
    int ori_h, ori_w;       /* ori_shape: as decoded, upright                      */
    int img_h, img_w;       /* img_shape: after resizing, before padding           */
    int pad_h, pad_w;       /* pad_shape: as the network sees it                   */
    float scale_factor[4];  /* w h w h: network pixels per pixel of the picture    */
    bool flip_x, flip_y;    /* mirrored left to right, upside down                 */
} DfImageMeta;

#endif
