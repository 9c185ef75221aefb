/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/head.c -- the life of detections.
 */
#include "heads/head.h"

void df_detections_free(DfDetections *found)
{
    for (size_t i = 0; found->masks && i < found->n; i++)
        df_mask_done(&found->masks[i]);
    df_free(found->masks);
    df_free(found->v);
    *found = (DfDetections){ 0 };
}
