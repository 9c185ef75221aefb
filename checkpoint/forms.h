/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/forms.h -- private: an open checkpoint, and the readers and writers of each format.
 *
 * Error messages of the formats omit the file's name; open.c and write.c prepend it.
 */
#ifndef DF_CHECKPOINT_FORMS_H
#define DF_CHECKPOINT_FORMS_H

#include "checkpoint/checkpoint.h"
#include "checkpoint/pickle/unpickle.h"

struct DfCheckpoint {
    DfFile file; /* empty if the bytes are borrowed */
    int owners; /* df_checkpoint_close() closes for the last one */
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
    const char **classes; /* of the meta dict */
    size_t n_classes;
    uint64_t inflated, taken; /* bytes that were stored deflated; bytes of all arrays */
    size_t text_room; /* bytes that names and texts may still take */
    int (*verify)(const DfCheckpoint *);
    void *detail; /* what `verify` needs, in the arena */
    DfCheckpoint **parts; /* the files of an index, in the arena; they own the bytes */
    size_t n_parts;
};

/* Adds one array; its name must last (arena). A later one of the same name takes the place of the earlier. */
int df_checkpoint_add(DfCheckpoint *, const DfArray *array);
int df_checkpoint_add_metadata(DfCheckpoint *, const char *key, const char *value);
/* After the last: sorts the names; of arrays with one name the last one wins and stands where the first stood. */
int df_checkpoint_index(DfCheckpoint *);

/* Finds the bytes of a whole storage; `*data` may be left NULL for one of no elements. */
typedef int DfLocate(void *context, const DfPyStorage *storage, const uint8_t **data);

/* Chooses the state dict inside the pickle and adds its arrays. */
int df_state_dict(DfCheckpoint *, const DfPickle *pickle, const char *wrapper, DfLocate *locate, void *context);

int df_pth_zip_open(DfCheckpoint *, const char *wrapper);
int df_pth_legacy_open(DfCheckpoint *, const char *wrapper);
int df_safetensors_open(DfCheckpoint *);
/* The file `path` is an index of several files; its messages name files themselves. */
int df_shards_open(DfCheckpoint *, const char *path);

int df_safetensors_write(DfWriter *, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata);
int df_pth_write(DfWriter *, const DfArray *arrays, size_t n, const char *const *metadata, size_t n_metadata);

#endif
