/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/checkpoint_forms.h -- between checkpoint.c and the readers and writers of each form. Private to nn/.
 * Messages of the forms leave out the name of the file: checkpoint.c puts it in front of all of them.
 */
#ifndef DF_NN_CHECKPOINT_FORMS_H
#define DF_NN_CHECKPOINT_FORMS_H

#include "nn/unpickle.h"

struct DfCheckpoint {
    DfFile file; /* empty if the bytes are borrowed */
    const uint8_t *bytes;
    size_t size;
    const char *name, *form;
    DfArena *arena;
    DfArray *arrays;
    size_t n, capacity;
    uint32_t *by_name; /* indices of `arrays`, sorted */
    const char **keys;
    size_t n_keys;
    const char **metadata; /* key, value, key, value, .. */
    size_t n_metadata, metadata_capacity;
    size_t text_room; /* bytes that names and texts may still take */
    int (*verify)(const DfCheckpoint *);
    void *detail; /* what `verify` needs, in the arena */
};

/* Adds one array; its name must last (arena). A later one of the same name takes the place of the earlier. */
int df_checkpoint_add(DfCheckpoint *, const DfArray *array);
int df_checkpoint_add_metadata(DfCheckpoint *, const char *key, const char *value);

/* Checks that shape and stride stay within `room` elements after `offset`, and that the count is no absurd number. */
int df_array_check(const DfArray *, int64_t offset, int64_t room);

/* Finds the bytes of a whole storage; `*data` may be left NULL for one of no elements. */
typedef int DfLocate(void *context, const DfPyStorage *storage, const uint8_t **data);

/* Chooses the state dict inside the pickle and adds its arrays. */
int df_state_dict(DfCheckpoint *, const DfPickle *pickle, const char *wrapper, DfLocate *locate, void *context);

int df_pth_zip_open(DfCheckpoint *, const char *wrapper);
int df_pth_legacy_open(DfCheckpoint *, const char *wrapper);
int df_safetensors_open(DfCheckpoint *);

int df_safetensors_write(DfWriter *, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata);
int df_pth_write(DfWriter *, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata);

/* Calls `take` with the array's bytes in row-major order, piece by piece. */
typedef void DfTakeBytes(void *context, const void *bytes, size_t size);
void df_array_stream(const DfArray *, DfTakeBytes *take, void *context);

/* Bytes that grow. After memory ran out `failed` is set and nothing is added. */
typedef struct {
    char *at;
    size_t n, capacity;
    bool failed;
} DfBytes;
void df_bytes_put(DfBytes *, const void *bytes, size_t n);
void df_bytes_text(DfBytes *, const char *text); /* without its final zero */
void df_bytes_little(DfBytes *, uint64_t value, int n); /* the lower n bytes, lowest first */

#endif
