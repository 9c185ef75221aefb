/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/value.c -- the values of a pickle: creating, filling and looking them up.
 */
#include <stdio.h>
#include <string.h>

#include "checkpoint/pickle/value.h"

DfPy *df_py_new(DfPyHeap *heap, DfPyKind kind)
{
    if (heap->budget == 0) {
        df_fail(DF_EFORMAT, "its pickle makes more than %d values", DF_PY_MOST_VALUES);
        return NULL;
    }
    heap->budget--;
    DfPy *value = df_arena_alloc(heap->arena, 1, sizeof *value);
    if (value)
        value->kind = kind;
    else
        df_fail_memory("the values of a pickle");
    return value;
}

int df_py_append(DfPyHeap *heap, DfPy *to, DfPy *const *values, size_t n)
{
    const size_t had = to->items.n;
    if (n > DF_PY_MOST_VALUES - had)
        return df_fail(DF_EFORMAT, "its pickle makes a container of more than %d values", DF_PY_MOST_VALUES);
    if (had + n > to->items.capacity) {
        const size_t room = had ? 2 * (had + n) : n;
        DfPy **next = df_arena_alloc(heap->arena, room, sizeof *next);
        if (!next)
            return df_fail_memory("the values of a pickle");
        if (had)
            memcpy(next, to->items.at, had * sizeof *next);
        to->items.at = next;
        to->items.capacity = (uint32_t)room;
    }
    if (n)
        memcpy(to->items.at + had, values, n * sizeof *values);
    to->items.n = (uint32_t)(had + n);
    return DF_OK;
}

bool df_py_is(const DfPy *value, const char *text)
{
    return value->kind == DF_PY_TEXT && value->text.size == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.size) == 0;
}

bool df_py_is_dict(const DfPy *value)
{
    return value->kind == DF_PY_DICT || (value->kind == DF_PY_OBJECT && value->items.n >= 2 && value->items.n % 2 == 0);
}

const DfPy *df_py_get(const DfPy *dict, const char *key)
{
    if (!df_py_is_dict(dict))
        return NULL;
    for (size_t i = dict->items.n; i >= 2; i -= 2)
        if (df_py_is(dict->items.at[i - 2], key))
            return dict->items.at[i - 1];
    return NULL;
}

const char *df_py_describe(const DfPy *value, char *buffer, size_t size)
{
    static const char *const words[] = {
        [DF_PY_MARK] = "a mark",
        [DF_PY_NONE] = "None",
        [DF_PY_BOOL] = "a bool",
        [DF_PY_INT] = "an integer",
        [DF_PY_LONG] = "a long integer",
        [DF_PY_FLOAT] = "a float",
        [DF_PY_TEXT] = "a string",
        [DF_PY_TUPLE] = "a tuple",
        [DF_PY_LIST] = "a list",
        [DF_PY_DICT] = "a dict",
        [DF_PY_GLOBAL] = "a class or function",
        [DF_PY_STORAGE] = "a storage",
        [DF_PY_TENSOR] = "a tensor",
        [DF_PY_DTYPE] = "a dtype",
        [DF_PY_OBJECT] = "an object",
    };
    const DfPy *maker = value->kind == DF_PY_OBJECT ? value->items.maker : NULL;
    if (!maker || maker->kind != DF_PY_GLOBAL)
        return words[value->kind];
    const DfPyGlobal *g = maker->global;
    snprintf(buffer, size, "an object of %.*s.%.*s", (int)(g->module.size & 0xff), g->module.bytes,
             (int)(g->name.size & 0xff), g->name.bytes);
    return buffer;
}
