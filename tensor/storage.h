/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/storage.h -- private: the memory of a step. Buffers are cut from large slabs, freed in any order, merged with
 * free neighbours and reused. So page faults occur only in the first pass, and the peak is what is alive at once, not
 * all that was allocated.
 */
#ifndef DF_TENSOR_STORAGE_H
#define DF_TENSOR_STORAGE_H

#include <stddef.h>

typedef struct DfBuffer DfBuffer;
struct DfBuffer {
    float *data;
    size_t size;                /* bytes, a multiple of 64                    */
    int refs;                   /* 0: free                                    */
    DfBuffer *before, *after;   /* neighbours in the slab, by address         */
    DfBuffer *free_before, *free_after;
};

typedef struct DfStorage DfStorage;
DfStorage *df_storage_new(void);               /* NULL when memory ran out */
void df_storage_free(DfStorage *);
DfBuffer *df_storage_get(DfStorage *, size_t floats); /* refs = 1, undefined content; NULL when memory ran out */
DfBuffer *df_storage_phantom(size_t floats);   /* has a size and no memory: for dry passes; NULL when memory ran out */
void df_storage_put(DfStorage *, DfBuffer *);  /* drops one reference; NULL is fine */
/* Between steps, when nothing is in use: several slabs become one. Without this, images of many sizes leave slabs
 * that fit none. */
void df_storage_settle(DfStorage *);

#endif
