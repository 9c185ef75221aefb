/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/heads.h -- the public header of heads/, which turn feature maps into detections, masks or class scores.
 * There are several kinds of heads, with a header for each. A head has a forward pass and losses, and decodes its
 * outputs.
 */
#ifndef DF_HEADS_HEADS_H
#define DF_HEADS_HEADS_H

#include "heads/classifier.h"
#include "heads/dense.h"
#include "heads/head.h"
#include "heads/losses.h"
#include "heads/pixel.h"
#include "heads/region.h"
#include "heads/set.h"
#include "heads/set/detr.h"
#include "heads/set/detr_masks.h"

DF_BEGIN_DECLS

/* The records of all kinds, which begin alike (core/plugin.h): for lists. Ends with NULL. */
DF_API extern const void *const df_heads[];

DF_END_DECLS

#endif
