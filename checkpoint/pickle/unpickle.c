/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/unpickle.c -- the stack machine of Python's pickle language, after the opcode table of
 * pickletools.py (CPython, "The pickle machine"). One row per opcode: its name, the form of its operand, what it does
 * to the stack.
 */
#include "checkpoint/pickle/unpickle.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/pickle/numpy_objects.h"
#include "checkpoint/pickle/operand.h"
#include "checkpoint/pickle/torch_objects.h"

enum { LONGEST_NUMBER = 64 }; /* letters of a number that is written out */

typedef struct {
    Bytes bytes;
    size_t size;
    DfPyHeap heap;
    DfPy **stack;
    size_t n, capacity;
    DfPy **memo;
    size_t n_memo, memo_capacity;
    DfPy mark;
    bool stopped;
} Machine;

typedef struct {
    const char *name;
    Form form;
    int (*run)(Machine *, const Operand *);
} Op;

/* The code that goes with the sentence df_py_new() left. */
static int failed(const DfPyHeap *heap)
{
    return heap->budget == 0 ? DF_EFORMAT : DF_ENOMEM;
}

/* ---- the stack --------------------------------------------------------------------------------------------------- */

static int push(Machine *m, DfPy *value)
{
    if (!value)
        return failed(&m->heap);
    if (!df_grow((void **)&m->stack, &m->capacity, m->n, sizeof *m->stack))
        return df_fail_memory("the stack of a pickle");
    m->stack[m->n++] = value;
    return DF_OK;
}

static int pop(Machine *m, DfPy **out)
{
    if (m->n == 0 || m->stack[m->n - 1] == &m->mark)
        return df_fail(DF_EFORMAT, "its pickle takes a value from an empty stack");
    *out = m->stack[--m->n];
    return DF_OK;
}

/* The value on top, which stays there. */
static int top(Machine *m, DfPy **out)
{
    const int error = pop(m, out);
    if (error == DF_OK)
        m->n++;
    return error;
}

/* Takes the values above the last mark, and the mark: `*values` stays valid until the next push. */
static int pop_to_mark(Machine *m, DfPy ***values, size_t *n)
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

static int push_kind(Machine *m, DfPyKind kind)
{
    return push(m, df_py_new(&m->heap, kind));
}

static int push_integer(Machine *m, DfPyKind kind, int64_t integer)
{
    DfPy *value = df_py_new(&m->heap, kind);
    if (value)
        value->integer = integer;
    return push(m, value);
}

static int push_float(Machine *m, double number)
{
    DfPy *value = df_py_new(&m->heap, DF_PY_FLOAT);
    if (value)
        value->number = number;
    return push(m, value);
}

static int push_text(Machine *m, DfPyKind kind, DfPyText text)
{
    DfPy *value = df_py_new(&m->heap, kind);
    if (value)
        value->text = text;
    return push(m, value);
}

static int push_container(Machine *m, DfPyKind kind, DfPy *const *values, size_t n)
{
    DfPy *value = df_py_new(&m->heap, kind);
    const int error = value ? df_py_append(&m->heap, value, values, n) : failed(&m->heap);
    return error < 0 ? error : push(m, value);
}

/* Puts the top `n` values into a tuple. */
static int tuple_of(Machine *m, size_t n)
{
    DfPy *values[3];
    for (size_t i = n; i-- > 0;) {
        const int error = pop(m, &values[i]);
        if (error < 0)
            return error;
    }
    return push_container(m, DF_PY_TUPLE, values, n);
}

/* Everything above the mark into a container of its own. */
static int gather(Machine *m, DfPyKind kind)
{
    DfPy **values;
    size_t n;
    const int error = pop_to_mark(m, &values, &n);
    if (error < 0)
        return error;
    if (kind == DF_PY_DICT && n % 2)
        return df_fail(DF_EFORMAT, "its pickle makes a dict of an odd number of keys and values");
    return push_container(m, kind, values, n);
}

/* Adds to the container on top. An opaque object takes what it is given: a class of lists or dicts that we do not
 * know. */
static int add(Machine *m, DfPyKind kind, DfPy *const *values, size_t n)
{
    DfPy *to = NULL;
    const int error = top(m, &to);
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

static int add_above_mark(Machine *m, DfPyKind kind)
{
    DfPy **values;
    size_t n;
    const int error = pop_to_mark(m, &values, &n);
    return error < 0 ? error : add(m, kind, values, n);
}

/* ---- the memo ---------------------------------------------------------------------------------------------------- */

/* Writers number the memo 0, 1, 2, ..: an index beyond the bytes of the pickle is no writer's. */
static int remember(Machine *m, uint64_t index)
{
    DfPy *value = NULL;
    const int error = top(m, &value);
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

static int recall(Machine *m, uint64_t index)
{
    if (index >= m->n_memo || !m->memo[index])
        return df_fail(DF_EFORMAT, "its pickle asks for memo %llu, which was never set", (unsigned long long)index);
    return push(m, m->memo[index]);
}

/* A number written out in decimals. */
static int parse_index(DfPyText text, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || value > UINT32_MAX)
            return df_fail(DF_EFORMAT, "its pickle has a memo index that is not a number");
        value = value * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    *out = value;
    return DF_OK;
}

/* ---- opcodes: scalars -------------------------------------------------------------------------------------------- */

static int op_none(Machine *m, const Operand *o) { (void)o; return push_kind(m, DF_PY_NONE); }
static int op_true(Machine *m, const Operand *o) { (void)o; return push_integer(m, DF_PY_BOOL, 1); }
static int op_false(Machine *m, const Operand *o) { (void)o; return push_integer(m, DF_PY_BOOL, 0); }
static int op_integer(Machine *m, const Operand *o) { return push_integer(m, DF_PY_INT, (int64_t)o->value); }
static int op_text(Machine *m, const Operand *o) { return push_text(m, DF_PY_TEXT, o->text); }

static int op_line_text(Machine *m, const Operand *o)
{
    m->heap.has_lines = true;
    return op_text(m, o);
}

static int op_float(Machine *m, const Operand *o)
{
    double number;
    memcpy(&number, &o->value, sizeof number);
    return push_float(m, number);
}

static int op_float_line(Machine *m, const Operand *o)
{
    char letters[LONGEST_NUMBER];
    if (o->text.size >= sizeof letters)
        return df_fail(DF_EFORMAT, "its pickle has a number of %zu letters", o->text.size);
    memcpy(letters, o->text.bytes, o->text.size);
    letters[o->text.size] = 0;
    return push_float(m, df_strtod(letters, NULL));
}

/* "I42", "L42L", and "I01", "I00" for the truth values. */
static int op_integer_line(Machine *m, const Operand *o)
{
    DfPyText text = o->text;
    if (text.size == 2 && text.bytes[0] == '0' && (text.bytes[1] == '0' || text.bytes[1] == '1'))
        return push_integer(m, DF_PY_BOOL, text.bytes[1] - '0');
    if (text.size && text.bytes[text.size - 1] == 'L')
        text.size--;
    const bool minus = text.size && text.bytes[0] == '-';
    int64_t value = 0;
    for (size_t i = minus; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return df_fail(DF_EFORMAT, "its pickle has an integer that is not a number");
        if (value > (INT64_MAX - 9) / 10)
            return push_text(m, DF_PY_LONG, text);
        value = value * 10 + (text.bytes[i] - '0');
    }
    return push_integer(m, DF_PY_INT, minus ? -value : value);
}

static int op_long(Machine *m, const Operand *o)
{
    const DfPyText text = o->text;
    if (text.size > 8)
        return push_text(m, DF_PY_LONG, text);
    uint64_t value = text.size && (text.bytes[text.size - 1] & 0x80) ? UINT64_MAX : 0; /* two's complement */
    for (size_t i = text.size; i-- > 0;)
        value = value << 8 | (uint8_t)text.bytes[i];
    return push_integer(m, DF_PY_INT, (int64_t)value);
}

/* Protocol 0 quotes its byte strings. Escapes stay as they are written: no checkpoint has them in a key. */
static int op_quoted(Machine *m, const Operand *o)
{
    DfPyText text = o->text;
    if (text.size < 2 || text.bytes[0] != text.bytes[text.size - 1])
        return df_fail(DF_EFORMAT, "its pickle has a string without quotes");
    text.bytes++;
    text.size -= 2;
    return push_text(m, DF_PY_TEXT, text);
}

/* ---- opcodes: containers ----------------------------------------------------------------------------------------- */

static int op_mark(Machine *m, const Operand *o) { (void)o; return push(m, &m->mark); }
static int op_empty_tuple(Machine *m, const Operand *o) { (void)o; return push_kind(m, DF_PY_TUPLE); }
static int op_empty_list(Machine *m, const Operand *o) { (void)o; return push_kind(m, DF_PY_LIST); }
static int op_empty_dict(Machine *m, const Operand *o) { (void)o; return push_kind(m, DF_PY_DICT); }
static int op_tuple(Machine *m, const Operand *o) { (void)o; return gather(m, DF_PY_TUPLE); }
static int op_tuple1(Machine *m, const Operand *o) { (void)o; return tuple_of(m, 1); }
static int op_tuple2(Machine *m, const Operand *o) { (void)o; return tuple_of(m, 2); }
static int op_tuple3(Machine *m, const Operand *o) { (void)o; return tuple_of(m, 3); }
static int op_list(Machine *m, const Operand *o) { (void)o; return gather(m, DF_PY_LIST); }
static int op_dict(Machine *m, const Operand *o) { (void)o; return gather(m, DF_PY_DICT); }
static int op_appends(Machine *m, const Operand *o) { (void)o; return add_above_mark(m, DF_PY_LIST); }
static int op_setitems(Machine *m, const Operand *o) { (void)o; return add_above_mark(m, DF_PY_DICT); }

static int op_append(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *value;
    const int error = pop(m, &value);
    return error < 0 ? error : add(m, DF_PY_LIST, &value, 1);
}

static int op_setitem(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *pair[2];
    int error;
    if ((error = pop(m, &pair[1])) < 0 || (error = pop(m, &pair[0])) < 0)
        return error;
    return add(m, DF_PY_DICT, pair, 2);
}

static int op_pop(Machine *m, const Operand *o)
{
    (void)o;
    if (m->n == 0)
        return df_fail(DF_EFORMAT, "its pickle takes a value from an empty stack");
    m->n--; /* a mark may go too */
    return DF_OK;
}

static int op_pop_mark(Machine *m, const Operand *o)
{
    (void)o;
    DfPy **values;
    size_t n;
    return pop_to_mark(m, &values, &n);
}

static int op_dup(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *value = NULL;
    const int error = top(m, &value);
    return error < 0 ? error : push(m, value);
}

static int op_get(Machine *m, const Operand *o) { return recall(m, o->value); }
static int op_put(Machine *m, const Operand *o) { return remember(m, o->value); }
static int op_memoize(Machine *m, const Operand *o) { (void)o; return remember(m, m->n_memo); }

static int op_get_line(Machine *m, const Operand *o)
{
    uint64_t index = 0;
    const int error = parse_index(o->text, &index);
    return error < 0 ? error : recall(m, index);
}

static int op_put_line(Machine *m, const Operand *o)
{
    uint64_t index = 0;
    const int error = parse_index(o->text, &index);
    return error < 0 ? error : remember(m, index);
}

/* ---- opcodes: names, calls, state -------------------------------------------------------------------------------- */

static int new_global(Machine *m, DfPy **out, DfPyText module, DfPyText name)
{
    DfPy *value = df_py_new(&m->heap, DF_PY_GLOBAL);
    if (!value)
        return failed(&m->heap);
    value->global = df_arena_alloc(m->heap.arena, 1, sizeof *value->global);
    if (!value->global)
        return df_fail_memory("the values of a pickle");
    *value->global = (DfPyGlobal){ module, name };
    *out = value;
    return DF_OK;
}

static int op_global(Machine *m, const Operand *o)
{
    DfPy *value = NULL;
    const int error = new_global(m, &value, o->text, o->second);
    return error < 0 ? error : push(m, value);
}

static int op_stack_global(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *module = NULL, *name = NULL, *value = NULL;
    int error;
    if ((error = pop(m, &name)) < 0 || (error = pop(m, &module)) < 0)
        return error;
    if (module->kind != DF_PY_TEXT || name->kind != DF_PY_TEXT)
        return df_fail(DF_EFORMAT, "its pickle names a class by something that is not a string");
    error = new_global(m, &value, module->text, name->text);
    return error < 0 ? error : push(m, value);
}

static int call(Machine *m, const DfPy *callable, DfPy *args)
{
    DfPy *value;
    const int error = df_py_call(&m->heap, &value, callable, args);
    return error < 0 ? error : push(m, value);
}

static int op_reduce(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *callable = NULL, *args = NULL;
    int error;
    if ((error = pop(m, &args)) < 0 || (error = pop(m, &callable)) < 0)
        return error;
    return call(m, callable, args);
}

static int op_newobj_ex(Machine *m, const Operand *o)
{
    DfPy *keywords;
    const int error = pop(m, &keywords);
    return error < 0 ? error : op_reduce(m, o);
}

/* INST names its class, OBJ has it right above the mark; the arguments follow. */
static int op_inst(Machine *m, const Operand *o)
{
    DfPy *class, *args = NULL;
    int error;
    if ((error = gather(m, DF_PY_TUPLE)) < 0 || (error = pop(m, &args)) < 0 ||
        (error = new_global(m, &class, o->text, o->second)) < 0)
        return error;
    return call(m, class, args);
}

static int op_obj(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *args = NULL;
    int error;
    if ((error = gather(m, DF_PY_TUPLE)) < 0 || (error = pop(m, &args)) < 0)
        return error;
    if (args->items.n == 0)
        return df_fail(DF_EFORMAT, "its pickle makes an object without a class");
    const DfPy *class = args->items.at[0];
    args->items.at++;
    args->items.n--;
    args->items.capacity--;
    return call(m, class, args);
}

/* State of objects (an OrderedDict's _metadata, a Namespace's attributes) is of no use here, but for arrays of
 * numpy. */
static int op_build(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *state = NULL, *object = NULL;
    int error = pop(m, &state);
    if (error == DF_OK)
        error = top(m, &object);
    return error < 0 ? error : df_numpy_build(&m->heap, object, state);
}

static int op_binpersid(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *id = NULL, *value;
    int error;
    if ((error = pop(m, &id)) < 0 || (error = df_py_persistent(&m->heap, &value, id)) < 0)
        return error;
    return push(m, value);
}

static int op_opaque(Machine *m, const Operand *o) { (void)o; return push_kind(m, DF_PY_OBJECT); }
static int op_nothing(Machine *m, const Operand *o) { (void)m; (void)o; return DF_OK; }

static int op_proto(Machine *m, const Operand *o)
{
    (void)m;
    return o->value <= 5
               ? DF_OK
               : df_fail(DF_EFORMAT, "its pickle has protocol %llu, want 0..5", (unsigned long long)o->value);
}

static int op_stop(Machine *m, const Operand *o)
{
    (void)o;
    m->stopped = true;
    return DF_OK;
}

static const Op ops[256] = {
    ['('] = { "MARK", NOTHING, op_mark },
    ['.'] = { "STOP", NOTHING, op_stop },
    ['0'] = { "POP", NOTHING, op_pop },
    ['1'] = { "POP_MARK", NOTHING, op_pop_mark },
    ['2'] = { "DUP", NOTHING, op_dup },
    ['F'] = { "FLOAT", LINE, op_float_line },
    ['G'] = { "BINFLOAT", F64, op_float },
    ['I'] = { "INT", LINE, op_integer_line },
    ['J'] = { "BININT", I32, op_integer },
    ['K'] = { "BININT1", U8, op_integer },
    ['L'] = { "LONG", LINE, op_integer_line },
    ['M'] = { "BININT2", U16, op_integer },
    ['N'] = { "NONE", NOTHING, op_none },
    /* PERSID, its text form, cannot say a tuple: torch never writes it */
    ['Q'] = { "BINPERSID", NOTHING, op_binpersid },
    ['R'] = { "REDUCE", NOTHING, op_reduce },
    ['S'] = { "STRING", LINE, op_quoted },
    ['T'] = { "BINSTRING", BYTES4, op_text },
    ['U'] = { "SHORT_BINSTRING", BYTES1, op_text },
    ['V'] = { "UNICODE", LINE, op_line_text },
    ['X'] = { "BINUNICODE", BYTES4, op_text },
    ['B'] = { "BINBYTES", BYTES4, op_text },
    ['C'] = { "SHORT_BINBYTES", BYTES1, op_text },
    ['a'] = { "APPEND", NOTHING, op_append },
    ['b'] = { "BUILD", NOTHING, op_build },
    ['c'] = { "GLOBAL", LINES, op_global },
    ['d'] = { "DICT", NOTHING, op_dict },
    ['}'] = { "EMPTY_DICT", NOTHING, op_empty_dict },
    ['e'] = { "APPENDS", NOTHING, op_appends },
    ['g'] = { "GET", LINE, op_get_line },
    ['h'] = { "BINGET", U8, op_get },
    ['i'] = { "INST", LINES, op_inst },
    ['j'] = { "LONG_BINGET", U32, op_get },
    ['l'] = { "LIST", NOTHING, op_list },
    [']'] = { "EMPTY_LIST", NOTHING, op_empty_list },
    ['o'] = { "OBJ", NOTHING, op_obj },
    ['p'] = { "PUT", LINE, op_put_line },
    ['q'] = { "BINPUT", U8, op_put },
    ['r'] = { "LONG_BINPUT", U32, op_put },
    ['s'] = { "SETITEM", NOTHING, op_setitem },
    ['t'] = { "TUPLE", NOTHING, op_tuple },
    [')'] = { "EMPTY_TUPLE", NOTHING, op_empty_tuple },
    ['u'] = { "SETITEMS", NOTHING, op_setitems },
    [0x80] = { "PROTO", U8, op_proto },
    [0x81] = { "NEWOBJ", NOTHING, op_reduce },
    [0x82] = { "EXT1", U8, op_opaque },
    [0x83] = { "EXT2", U16, op_opaque },
    [0x84] = { "EXT4", I32, op_opaque },
    [0x85] = { "TUPLE1", NOTHING, op_tuple1 },
    [0x86] = { "TUPLE2", NOTHING, op_tuple2 },
    [0x87] = { "TUPLE3", NOTHING, op_tuple3 },
    [0x88] = { "NEWTRUE", NOTHING, op_true },
    [0x89] = { "NEWFALSE", NOTHING, op_false },
    [0x8a] = { "LONG1", BYTES1, op_long },
    [0x8b] = { "LONG4", BYTES4, op_long },
    [0x8c] = { "SHORT_BINUNICODE", BYTES1, op_text },
    [0x8d] = { "BINUNICODE8", BYTES8, op_text },
    [0x8e] = { "BINBYTES8", BYTES8, op_text },
    [0x8f] = { "EMPTY_SET", NOTHING, op_empty_list },
    [0x90] = { "ADDITEMS", NOTHING, op_appends },
    [0x91] = { "FROZENSET", NOTHING, op_list },
    [0x92] = { "NEWOBJ_EX", NOTHING, op_newobj_ex },
    [0x93] = { "STACK_GLOBAL", NOTHING, op_stack_global },
    [0x94] = { "MEMOIZE", NOTHING, op_memoize },
    [0x95] = { "FRAME", U64, op_nothing },
    [0x96] = { "BYTEARRAY8", BYTES8, op_text },
    [0x97] = { "NEXT_BUFFER", NOTHING, op_opaque },
    [0x98] = { "READONLY_BUFFER", NOTHING, op_nothing },
};

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static int step(Machine *m)
{
    if (m->bytes.at == m->bytes.end)
        return df_pickle_ends_early();
    const uint8_t code = *m->bytes.at++;
    const Op *op = &ops[code];
    if (!op->run)
        return df_fail(DF_EFORMAT, "its pickle has the unknown opcode 0x%02x", code);
    Operand operand = { 0 };
    const int error = df_pickle_operand(&m->bytes, op->form, &operand);
    return error < 0 ? error : op->run(m, &operand);
}

int df_unpickle(DfPickle *out, DfArena *arena, const uint8_t *bytes, size_t size)
{
    *out = (DfPickle){ 0 };
    Machine m = { .bytes = { bytes, bytes + size },
                  .size = size,
                  .heap = { .arena = arena, .budget = DF_PY_MOST_VALUES, .encoded = size } };
    int error = DF_OK;
    while (error == DF_OK && !m.stopped)
        error = step(&m);
    DfPy *value = NULL;
    if (error == DF_OK)
        error = pop(&m, &value);
    if (error == DF_OK)
        *out = (DfPickle){ value, m.heap.storages, (size_t)(m.bytes.at - bytes) };
    df_free(m.stack);
    df_free(m.memo);
    return error;
}
