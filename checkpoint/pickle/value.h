/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/value.h -- private: the values of a pickle. Time and memory are linear in the size of the pickle:
 * values are shared, not copied, and the tree is never walked recursively, so cycles and deep nesting do no harm.
 */
#ifndef DF_CHECKPOINT_PICKLE_VALUE_H
#define DF_CHECKPOINT_PICKLE_VALUE_H

#include "checkpoint/array.h"

typedef enum {
    DF_PY_MARK, /* only on the machine's stack */
    DF_PY_NONE,
    DF_PY_BOOL,    /* integer                                                                           */
    DF_PY_INT,     /* integer                                                                           */
    DF_PY_LONG,    /* text: an integer beyond 64 bits, little-endian bytes or (protocol 0, 1) decimals  */
    DF_PY_FLOAT,   /* number                                                                            */
    DF_PY_TEXT,    /* text: str or bytes                                                                */
    DF_PY_TUPLE,   /* items                                                                             */
    DF_PY_LIST,    /* items; sets too                                                                   */
    DF_PY_DICT,    /* items: key, value, key, value, ..                                                 */
    DF_PY_GLOBAL,  /* global: a class or a function, by name                                            */
    DF_PY_STORAGE, /* storage                                                                           */
    DF_PY_TENSOR,  /* tensor                                                                            */
    DF_PY_DTYPE,   /* type: a dtype of numpy                                                            */
    DF_PY_OBJECT   /* items that were set into it, and `maker`, the class or function it came from       */
} DfPyKind;

/* Bytes inside the pickle: not zero-terminated. */
typedef struct {
    const char *bytes;
    size_t size;
} DfPyText;

typedef struct DfPy DfPy;

typedef struct {
    DfPyText module, name;
} DfPyGlobal;

/* What the storage type or dtype of a tensor says: `dtype` counts only if `readable`. */
typedef struct {
    const char *name;
    size_t size;
    bool readable;
    DfDtype dtype;
} DfPyType;

typedef struct DfPyStorage {
    struct DfPyStorage *next; /* all storages of the pickle, last met first */
    DfPyText key;
    DfPyType type;
    int64_t numel;
    int64_t view_offset, view_numel; /* a window of it, in elements; the whole storage if it is not a view */
    bool in_pickle;                  /* an array of numpy: `data` is set, within the pickle; not in the list */
    const uint8_t *data;             /* for the reader of the file: where the whole storage is, NULL if not known */
} DfPyStorage;

typedef struct {
    DfPyStorage *storage;      /* NULL: an array of numpy that never got its numbers */
    DfPyType type;
    int64_t offset;            /* elements */
    const DfPy *shape, *stride; /* tuples; their items are not yet checked */
} DfPyTensor;

struct DfPy {
    DfPyKind kind;
    union {
        int64_t integer;
        double number;
        DfPyText text;
        struct {
            DfPy **at;
            uint32_t n, capacity;
            const DfPy *maker; /* of a DF_PY_OBJECT */
        } items;
        DfPyGlobal *global;
        DfPyStorage *storage;
        DfPyTensor *tensor;
        const DfPyType *type;
    };
};

bool df_py_is(const DfPy *, const char *text); /* a DF_PY_TEXT of these letters */
const DfPy *df_py_get(const DfPy *dict, const char *key); /* the last value of that key, NULL if none or not a dict */
bool df_py_is_dict(const DfPy *);                  /* a dict, or an object that items were set into */
/* "a list", "an object of class a.B", for messages */
const char *df_py_describe(const DfPy *, char *buffer, size_t size);

/* ---- making them ------------------------------------------------------------------------------------------------- */

enum { DF_PY_MOST_VALUES = 1 << 23 }; /* a checkpoint of 100,000 tensors with optimizer state makes about 4 million */

typedef struct {
    DfArena *arena;
    size_t budget; /* values that may still be made */
    bool has_lines;  /* it has texts of protocol 0, which are escaped   */
    size_t encoded; /* bytes of text that may still become bytes */
    DfPyStorage *storages;
} DfPyHeap;

DfPy *df_py_new(DfPyHeap *, DfPyKind kind); /* NULL with a sentence when memory or budget ran out */
int df_py_append(DfPyHeap *, DfPy *to, DfPy *const *values, size_t n);

#endif
