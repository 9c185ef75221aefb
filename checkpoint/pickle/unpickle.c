/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/unpickle.c -- the opcodes of Python's pickle language, after the table of pickletools.py (CPython,
 * "The pickle machine"). One row for each opcode: its name, the form of its operand, and its effect on the stack.
 */
#include "checkpoint/pickle/unpickle.h"

#include <string.h>

#include "checkpoint/pickle/machine.h"
#include "checkpoint/pickle/numpy_objects.h"
#include "checkpoint/pickle/torch_objects.h"

enum { LONGEST_NUMBER = 64 }; /* letters of a number that is written out */

typedef struct {
    const char *name;
    Form form;
    int (*run)(Machine *, const Operand *);
} Op;

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

static int op_none(Machine *m, const Operand *o) { (void)o; return df_pickle_push_kind(m, DF_PY_NONE); }
static int op_true(Machine *m, const Operand *o) { (void)o; return df_pickle_push_integer(m, DF_PY_BOOL, 1); }
static int op_false(Machine *m, const Operand *o) { (void)o; return df_pickle_push_integer(m, DF_PY_BOOL, 0); }
static int op_integer(Machine *m, const Operand *o) { return df_pickle_push_integer(m, DF_PY_INT, (int64_t)o->value); }
static int op_text(Machine *m, const Operand *o) { return df_pickle_push_text(m, DF_PY_TEXT, o->text); }

static int op_line_text(Machine *m, const Operand *o)
{
    m->heap.has_lines = true;
    return op_text(m, o);
}

static int op_float(Machine *m, const Operand *o)
{
    double number;
    memcpy(&number, &o->value, sizeof number);
    return df_pickle_push_float(m, number);
}

static int op_float_line(Machine *m, const Operand *o)
{
    char letters[LONGEST_NUMBER];
    if (o->text.size >= sizeof letters)
        return df_fail(DF_EFORMAT, "its pickle has a number of %zu letters", o->text.size);
    memcpy(letters, o->text.bytes, o->text.size);
    letters[o->text.size] = 0;
    return df_pickle_push_float(m, df_strtod(letters, NULL));
}

/* "I42", "L42L", and "I01", "I00" for the truth values. */
static int op_integer_line(Machine *m, const Operand *o)
{
    DfPyText text = o->text;
    if (text.size == 2 && text.bytes[0] == '0' && (text.bytes[1] == '0' || text.bytes[1] == '1'))
        return df_pickle_push_integer(m, DF_PY_BOOL, text.bytes[1] - '0');
    if (text.size && text.bytes[text.size - 1] == 'L')
        text.size--;
    const bool minus = text.size && text.bytes[0] == '-';
    int64_t value = 0;
    for (size_t i = minus; i < text.size; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return df_fail(DF_EFORMAT, "its pickle has an integer that is not a number");
        if (value > (INT64_MAX - 9) / 10)
            return df_pickle_push_text(m, DF_PY_LONG, text);
        value = value * 10 + (text.bytes[i] - '0');
    }
    return df_pickle_push_integer(m, DF_PY_INT, minus ? -value : value);
}

static int op_long(Machine *m, const Operand *o)
{
    const DfPyText text = o->text;
    if (text.size > 8)
        return df_pickle_push_text(m, DF_PY_LONG, text);
    uint64_t value = text.size && (text.bytes[text.size - 1] & 0x80) ? UINT64_MAX : 0; /* two's complement */
    for (size_t i = text.size; i-- > 0;)
        value = value << 8 | (uint8_t)text.bytes[i];
    return df_pickle_push_integer(m, DF_PY_INT, (int64_t)value);
}

/* Protocol 0 quotes its byte strings. Escapes stay as they are written: no checkpoint has them in a key. */
static int op_quoted(Machine *m, const Operand *o)
{
    DfPyText text = o->text;
    if (text.size < 2 || text.bytes[0] != text.bytes[text.size - 1])
        return df_fail(DF_EFORMAT, "its pickle has a string without quotes");
    text.bytes++;
    text.size -= 2;
    return df_pickle_push_text(m, DF_PY_TEXT, text);
}

/* ---- opcodes: containers ----------------------------------------------------------------------------------------- */

static int op_mark(Machine *m, const Operand *o) { (void)o; return df_pickle_push(m, &m->mark); }
static int op_empty_tuple(Machine *m, const Operand *o) { (void)o; return df_pickle_push_kind(m, DF_PY_TUPLE); }
static int op_empty_list(Machine *m, const Operand *o) { (void)o; return df_pickle_push_kind(m, DF_PY_LIST); }
static int op_empty_dict(Machine *m, const Operand *o) { (void)o; return df_pickle_push_kind(m, DF_PY_DICT); }
static int op_tuple(Machine *m, const Operand *o) { (void)o; return df_pickle_gather(m, DF_PY_TUPLE); }
static int op_tuple1(Machine *m, const Operand *o) { (void)o; return df_pickle_tuple_of(m, 1); }
static int op_tuple2(Machine *m, const Operand *o) { (void)o; return df_pickle_tuple_of(m, 2); }
static int op_tuple3(Machine *m, const Operand *o) { (void)o; return df_pickle_tuple_of(m, 3); }
static int op_list(Machine *m, const Operand *o) { (void)o; return df_pickle_gather(m, DF_PY_LIST); }
static int op_dict(Machine *m, const Operand *o) { (void)o; return df_pickle_gather(m, DF_PY_DICT); }
static int op_appends(Machine *m, const Operand *o) { (void)o; return df_pickle_add_above_mark(m, DF_PY_LIST); }
static int op_setitems(Machine *m, const Operand *o) { (void)o; return df_pickle_add_above_mark(m, DF_PY_DICT); }

static int op_append(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *value;
    const int error = df_pickle_pop(m, &value);
    return error < 0 ? error : df_pickle_add(m, DF_PY_LIST, &value, 1);
}

static int op_setitem(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *pair[2];
    int error;
    if ((error = df_pickle_pop(m, &pair[1])) < 0 || (error = df_pickle_pop(m, &pair[0])) < 0)
        return error;
    return df_pickle_add(m, DF_PY_DICT, pair, 2);
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
    return df_pickle_pop_to_mark(m, &values, &n);
}

static int op_dup(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *value = NULL;
    const int error = df_pickle_top(m, &value);
    return error < 0 ? error : df_pickle_push(m, value);
}

static int op_get(Machine *m, const Operand *o) { return df_pickle_recall(m, o->value); }
static int op_put(Machine *m, const Operand *o) { return df_pickle_remember(m, o->value); }
static int op_memoize(Machine *m, const Operand *o) { (void)o; return df_pickle_remember(m, m->n_memo); }

static int op_get_line(Machine *m, const Operand *o)
{
    uint64_t index = 0;
    const int error = parse_index(o->text, &index);
    return error < 0 ? error : df_pickle_recall(m, index);
}

static int op_put_line(Machine *m, const Operand *o)
{
    uint64_t index = 0;
    const int error = parse_index(o->text, &index);
    return error < 0 ? error : df_pickle_remember(m, index);
}

/* ---- opcodes: names, calls, state -------------------------------------------------------------------------------- */

static int new_global(Machine *m, DfPy **out, DfPyText module, DfPyText name)
{
    DfPy *value = df_py_new(&m->heap, DF_PY_GLOBAL);
    if (!value)
        return df_pickle_failed(m);
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
    return error < 0 ? error : df_pickle_push(m, value);
}

static int op_stack_global(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *module = NULL, *name = NULL, *value = NULL;
    int error;
    if ((error = df_pickle_pop(m, &name)) < 0 || (error = df_pickle_pop(m, &module)) < 0)
        return error;
    if (module->kind != DF_PY_TEXT || name->kind != DF_PY_TEXT)
        return df_fail(DF_EFORMAT, "its pickle names a class by something that is not a string");
    error = new_global(m, &value, module->text, name->text);
    return error < 0 ? error : df_pickle_push(m, value);
}

static int call(Machine *m, const DfPy *callable, DfPy *args)
{
    DfPy *value;
    const int error = df_py_call(&m->heap, &value, callable, args);
    return error < 0 ? error : df_pickle_push(m, value);
}

static int op_reduce(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *callable = NULL, *args = NULL;
    int error;
    if ((error = df_pickle_pop(m, &args)) < 0 || (error = df_pickle_pop(m, &callable)) < 0)
        return error;
    return call(m, callable, args);
}

static int op_newobj_ex(Machine *m, const Operand *o)
{
    DfPy *keywords;
    const int error = df_pickle_pop(m, &keywords);
    return error < 0 ? error : op_reduce(m, o);
}

/* INST names its class, OBJ has it right above the mark; the arguments follow. */
static int op_inst(Machine *m, const Operand *o)
{
    DfPy *class, *args = NULL;
    int error;
    if ((error = df_pickle_gather(m, DF_PY_TUPLE)) < 0 || (error = df_pickle_pop(m, &args)) < 0 ||
        (error = new_global(m, &class, o->text, o->second)) < 0)
        return error;
    return call(m, class, args);
}

static int op_obj(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *args = NULL;
    int error;
    if ((error = df_pickle_gather(m, DF_PY_TUPLE)) < 0 || (error = df_pickle_pop(m, &args)) < 0)
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
    int error = df_pickle_pop(m, &state);
    if (error == DF_OK)
        error = df_pickle_top(m, &object);
    return error < 0 ? error : df_numpy_build(&m->heap, object, state);
}

static int op_binpersid(Machine *m, const Operand *o)
{
    (void)o;
    DfPy *id = NULL, *value;
    int error;
    if ((error = df_pickle_pop(m, &id)) < 0 || (error = df_py_persistent(&m->heap, &value, id)) < 0)
        return error;
    return df_pickle_push(m, value);
}

static int op_opaque(Machine *m, const Operand *o) { (void)o; return df_pickle_push_kind(m, DF_PY_OBJECT); }
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
        error = df_pickle_pop(&m, &value);
    if (error == DF_OK)
        *out = (DfPickle){ value, m.heap.storages, (size_t)(m.bytes.at - bytes) };
    df_free(m.stack);
    df_free(m.memo);
    return error;
}
