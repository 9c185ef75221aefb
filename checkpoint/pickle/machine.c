/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/machine.c -- the stack and the memo of the pickle machine, with bounds checks.
 */
#include "checkpoint/pickle/machine.h"

int df_pickle_failed(const Machine *m)
{
    return m->heap.budget == 0 ? DF_EFORMAT : DF_ENOMEM;
}

/* ---- the stack --------------------------------------------------------------------------------------------------- */

int df_pickle_push(Machine *m, DfPy *value)
{
    if (!value)
        return df_pickle_failed(m);
    if (!df_grow((void **)&m->stack, &m->capacity, m->n, sizeof *m->stack))
        return df_fail_memory("the stack of a pickle");
    m->stack[m->n++] = value;
    return DF_OK;
}

int df_pickle_pop(Machine *m, DfPy **out)
{
    if (m->n == 0 || m->stack[m->n - 1] == &m->mark)
        return df_fail(DF_EFORMAT, "its pickle takes a value from an empty stack");
    *out = m->stack[--m->n];
    return DF_OK;
}

int df_pickle_top(Machine *m, DfPy **out)
{
    const int error = df_pickle_pop(m, out);
    if (error == DF_OK)
        m->n++;
    return error;
}

int df_pickle_pop_to_mark(Machine *m, DfPy ***values, size_t *n)
{
    size_t i = m->n;
    while (i > 0 && m->stack[i - 1] != &m->mark)
        i--;
    if (i == 0)
        return df_fail(DF_EFORMAT, "its pickle looks for a mark that was never set");
    *values = m->stack + i;
    *n = m->n - i;
    m->n = i - 1;
    return DF_OK;
}

int df_pickle_push_kind(Machine *m, DfPyKind kind)
{
    return df_pickle_push(m, df_py_new(&m->heap, kind));
}

int df_pickle_push_integer(Machine *m, DfPyKind kind, int64_t integer)
{
    DfPy *value = df_py_new(&m->heap, kind);
    if (value)
        value->integer = integer;
    return df_pickle_push(m, value);
}

int df_pickle_push_float(Machine *m, double number)
{
    DfPy *value = df_py_new(&m->heap, DF_PY_FLOAT);
    if (value)
        value->number = number;
    return df_pickle_push(m, value);
}

int df_pickle_push_text(Machine *m, DfPyKind kind, DfPyText text)
{
    DfPy *value = df_py_new(&m->heap, kind);
    if (value)
        value->text = text;
    return df_pickle_push(m, value);
}

static int push_container(Machine *m, DfPyKind kind, DfPy *const *values, size_t n)
{
    DfPy *value = df_py_new(&m->heap, kind);
    const int error = value ? df_py_append(&m->heap, value, values, n) : df_pickle_failed(m);
    return error < 0 ? error : df_pickle_push(m, value);
}

int df_pickle_tuple_of(Machine *m, size_t n)
{
    DfPy *values[3];
    for (size_t i = n; i-- > 0;) {
        const int error = df_pickle_pop(m, &values[i]);
        if (error < 0)
            return error;
    }
    return push_container(m, DF_PY_TUPLE, values, n);
}

int df_pickle_gather(Machine *m, DfPyKind kind)
{
    DfPy **values;
    size_t n;
    const int error = df_pickle_pop_to_mark(m, &values, &n);
    if (error < 0)
        return error;
    if (kind == DF_PY_DICT && n % 2)
        return df_fail(DF_EFORMAT, "its pickle makes a dict of an odd number of keys and values");
    return push_container(m, kind, values, n);
}

int df_pickle_add(Machine *m, DfPyKind kind, DfPy *const *values, size_t n)
{
    DfPy *to = NULL;
    const int error = df_pickle_top(m, &to);
    if (error < 0)
        return error;
    if (to->kind != kind && to->kind != DF_PY_OBJECT) {
        char name[600];
        return df_fail(DF_EFORMAT, "its pickle adds items to %s, want a %s", df_py_describe(to, name, sizeof name),
                       kind == DF_PY_DICT ? "dict" : "list");
    }
    if (kind == DF_PY_DICT && n % 2)
        return df_fail(DF_EFORMAT, "its pickle sets an odd number of keys and values");
    return df_py_append(&m->heap, to, values, n);
}

int df_pickle_add_above_mark(Machine *m, DfPyKind kind)
{
    DfPy **values;
    size_t n;
    const int error = df_pickle_pop_to_mark(m, &values, &n);
    return error < 0 ? error : df_pickle_add(m, kind, values, n);
}

/* ---- the memo ---------------------------------------------------------------------------------------------------- */

/* Writers number the memo 0, 1, 2, ..: an index beyond the bytes of the pickle is no writer's. */
int df_pickle_remember(Machine *m, uint64_t index)
{
    DfPy *value = NULL;
    const int error = df_pickle_top(m, &value);
    if (error < 0)
        return error;
    if (index >= m->size || index >= DF_PY_MOST_VALUES)
        return df_fail(DF_EFORMAT, "its pickle has memo index %llu, more than it has bytes", (unsigned long long)index);
    if (!df_grow((void **)&m->memo, &m->memo_capacity, (size_t)index, sizeof *m->memo))
        return df_fail_memory("the memo of a pickle");
    while (m->n_memo <= index)
        m->memo[m->n_memo++] = NULL;
    m->memo[index] = value;
    return DF_OK;
}

int df_pickle_recall(Machine *m, uint64_t index)
{
    if (index >= m->n_memo || !m->memo[index])
        return df_fail(DF_EFORMAT, "its pickle asks for memo %llu, which was never set", (unsigned long long)index);
    return df_pickle_push(m, m->memo[index]);
}

