/* SPDX-License-Identifier: Apache-2.0
 *
 * config/arith.c -- the operators + - * / // % ** on numbers, texts and lists, with Python's results: / of integers
 * gives a float, // and % round towards minus infinity. Python's integers are unlimited; here a result over 64 bits is
 * an error, and integers beyond 2^53 are rounded before division. Repetition is bounded by the limits of the tree.
 */
#include "config/arith.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static DfNode *fail(const DfNode *at, const char *what)
{
    df_fail_at(at->file, at->line, DF_EVALUE, "%s", what);
    return NULL;
}

static DfNode *fail_kinds(const char *op, const DfNode *a, const DfNode *b)
{
    df_fail_at(a->file, a->line, DF_EVALUE, "cannot compute %s %s %s", df_node_kind_name(a), op, df_node_kind_name(b));
    return NULL;
}

/* ---- integers -------------------------------------------------------------------------------------------------- */

static bool add(int64_t a, int64_t b, int64_t *sum)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return false;
    *sum = a + b;
    return true;
}

static uint64_t magnitude(int64_t a)
{
    return a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
}

/* The magnitudes are multiplied, unsigned: signed overflow is undefined in C. */
static bool multiply(int64_t a, int64_t b, int64_t *product)
{
    const uint64_t ua = magnitude(a);
    const uint64_t ub = magnitude(b);
    const uint64_t limit = (uint64_t)INT64_MAX; /* so the product -2^63, which would fit, is refused too */
    if (ua && ub > limit / ua)
        return false;
    const int64_t positive = (int64_t)(ua * ub);
    *product = (a < 0) != (b < 0) ? -positive : positive;
    return true;
}

/* By squaring: base^13 = base^8 * base^4 * base^1, the set bits of 13. The exponent is not negative. */
static bool power(int64_t base, int64_t exponent, int64_t *result)
{
    *result = 1;
    while (exponent > 0) {
        if (exponent & 1 && !multiply(*result, base, result))
            return false;
        exponent >>= 1;
        if (exponent && !multiply(base, base, &base))
            return false;
    }
    return true;
}

/* Remainder with the sign of b, b not 0: a - b * floor(a / b). C's own has the sign of a. */
static int64_t modulo(int64_t a, int64_t b)
{
    const int64_t rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static DfNode *integers(DfConfig *tree, const char *op, const DfNode *a, const DfNode *b)
{
    const int64_t x = a->integer;
    const int64_t y = b->integer;
    int64_t result = 0;
    bool fits = true;
    if (strcmp(op, "+") == 0)
        fits = add(x, y, &result);
    else if (strcmp(op, "-") == 0)
        fits = y == INT64_MIN ? false : add(x, -y, &result);
    else if (strcmp(op, "*") == 0)
        fits = multiply(x, y, &result);
    else if (strcmp(op, "**") == 0)
        fits = power(x, y, &result);
    else if (y == 0)
        return fail(a, "division by zero");
    else if (strcmp(op, "%") == 0)
        result = modulo(x, y);
    else if (x == INT64_MIN && y == -1)
        fits = false;
    else /* C rounds the quotient towards zero, Python's // down */
        result = x / y - (x % y != 0 && (x < 0) != (y < 0));
    return fits ? df_tree_int(tree, result, a->file, a->line) : fail(a, "the result does not fit into 64 bits");
}

/* ---- floats ---------------------------------------------------------------------------------------------------- */

/* a // b and a % b of floats, rounded as CPython's float_divmod() (Objects/floatobject.c) rounds them: the
 * quotient is an integer, the remainder has the sign of b. */
static double float_quotient(double a, double b, double *rest)
{
    *rest = fmod(a, b);
    double quotient = (a - *rest) / b;
    if (*rest != 0 && (*rest < 0) != (b < 0)) {
        *rest += b;
        quotient -= 1;
    } else if (*rest == 0) {
        *rest = copysign(0, b);
    }
    if (quotient == 0)
        return copysign(0, a / b);
    const double below = floor(quotient); /* rounding may have moved the quotient off its integer */
    return quotient - below > 0.5 ? below + 1 : below;
}

static DfNode *floats(DfConfig *tree, const char *op, const DfNode *a, const DfNode *b)
{
    const double x = a->number;
    const double y = b->number;
    double result, rest;
    if (strchr("/%", *op) && y == 0)
        return fail(a, "division by zero");
    if (strcmp(op, "**") == 0)
        result = pow(x, y);
    else if (strcmp(op, "//") == 0)
        result = float_quotient(x, y, &rest);
    else if (*op == '%')
        float_quotient(x, y, &result);
    else if (*op == '+')
        result = x + y;
    else if (*op == '-')
        result = x - y;
    else if (*op == '*')
        result = x * y;
    else
        result = x / y;
    if (strcmp(op, "**") == 0 && !isfinite(result) && isfinite(x) && isfinite(y))
        return fail(a, "the power is no finite real number");
    return df_tree_float(tree, result, a->file, a->line);
}

static bool is_number(const DfNode *node)
{
    return node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT;
}

static DfNode *numbers(DfConfig *tree, const char *op, const DfNode *a, const DfNode *b)
{
    const bool both = a->kind == DF_NODE_INT && b->kind == DF_NODE_INT;
    const bool stays_integer = both && strcmp(op, "/") != 0 && (strcmp(op, "**") != 0 || b->integer >= 0);
    return stays_integer ? integers(tree, op, a, b) : floats(tree, op, a, b);
}

/* ---- texts and lists ------------------------------------------------------------------------------------------- */

static bool is_sequence(const DfNode *node)
{
    return node->kind == DF_NODE_TEXT || node->kind == DF_NODE_LIST;
}

static DfNode *join_texts(DfConfig *tree, const DfNode *a, const DfNode *b)
{
    const size_t n = strlen(a->text);
    const size_t m = strlen(b->text);
    char *text = df_tree_bytes(tree, n + m);
    DfNode *node = text ? df_tree_new(tree, DF_NODE_TEXT, a->file, a->line) : NULL;
    if (!node)
        return NULL;
    memcpy(text, a->text, n);
    memcpy(text + n, b->text, m);
    node->text = text;
    return node;
}

static DfNode *join_lists(DfNode *a, DfNode *b)
{
    for (DfNode *child = b->first, *next; child; child = next) {
        next = child->next;
        df_tree_append(a, child);
    }
    return a;
}

static DfNode *repeat_text(DfConfig *tree, const DfNode *a, int64_t times)
{
    const size_t n = strlen(a->text);
    const size_t count = times > 0 && n > 0 ? (size_t)times : 0;
    if (n > 0 && count > MAX_TEXT / n)
        return fail(a, "the repeated text is too long");
    char *text = df_tree_bytes(tree, n * count);
    DfNode *node = text ? df_tree_new(tree, DF_NODE_TEXT, a->file, a->line) : NULL;
    if (!node)
        return NULL;
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * n, a->text, n);
    node->text = text;
    return node;
}

static DfNode *repeat_list(DfConfig *tree, const DfNode *a, int64_t times)
{
    DfNode *all = df_tree_new(tree, DF_NODE_LIST, a->file, a->line);
    if (!all)
        return NULL;
    all->is_tuple = a->is_tuple;
    for (int64_t i = 0; a->n && i < times; i++)
        for (const DfNode *child = a->first; child; child = child->next) {
            DfNode *copy = df_tree_copy(tree, child);
            if (!copy)
                return NULL;
            df_tree_append(all, copy);
        }
    return all;
}

static DfNode *repeat(DfConfig *tree, const DfNode *a, const DfNode *times)
{
    return a->kind == DF_NODE_TEXT ? repeat_text(tree, a, times->integer) : repeat_list(tree, a, times->integer);
}

/* ---- 'text %d' % value ----------------------------------------------------------------------------------------- */

/* One value where %s or %d stands; 0 if it cannot stand there. */
static size_t format_one(char *out, size_t room, char kind, const DfNode *value)
{
    int n = 0;
    if (value->kind == DF_NODE_INT)
        n = snprintf(out, room, "%" PRId64, value->integer);
    else if (value->kind == DF_NODE_TEXT && kind == 's')
        n = snprintf(out, room, "%s", value->text);
    else
        return SIZE_MAX;
    return n >= 0 && (size_t)n < room ? (size_t)n : SIZE_MAX;
}

static DfNode *format_text(DfConfig *tree, const DfNode *a, const DfNode *b)
{
    enum { ROOM = 4096 };
    char out[ROOM];
    const bool many = b->is_tuple;
    const DfNode *next = many ? b->first : b;
    size_t n = 0;
    for (const char *p = a->text; *p; p++) {
        if (n + 1 >= ROOM)
            return fail(a, "the formatted text is too long");
        if (*p != '%' || p[1] == '%') {
            p += *p == '%';
            out[n++] = *p;
            continue;
        }
        p++;
        const size_t put = next && (*p == 's' || *p == 'd') ? format_one(out + n, ROOM - n, *p, next) : SIZE_MAX;
        if (put == SIZE_MAX)
            return fail(a, "want a string with %s and %d, and a string or an integer for each of them");
        n += put;
        next = many ? next->next : NULL;
    }
    return next ? fail(a, "more values than places in the text") : df_tree_text(tree, out, n, a->file, a->line);
}

/* ---- the operators --------------------------------------------------------------------------------------------- */

DfNode *df_arith(DfConfig *tree, const char *op, DfNode *a, DfNode *b)
{
    if (is_number(a) && is_number(b))
        return numbers(tree, op, a, b);
    const bool texts = a->kind == DF_NODE_TEXT && b->kind == DF_NODE_TEXT;
    const bool lists = a->kind == DF_NODE_LIST && b->kind == DF_NODE_LIST;
    if (strcmp(op, "+") == 0 && texts)
        return join_texts(tree, a, b);
    if (strcmp(op, "+") == 0 && lists && a->is_tuple == b->is_tuple)
        return join_lists(a, b);
    if (strcmp(op, "*") == 0 && is_sequence(a) && b->kind == DF_NODE_INT)
        return repeat(tree, a, b);
    if (strcmp(op, "*") == 0 && a->kind == DF_NODE_INT && is_sequence(b))
        return repeat(tree, b, a);
    if (strcmp(op, "%") == 0 && a->kind == DF_NODE_TEXT)
        return format_text(tree, a, b);
    return fail_kinds(op, a, b);
}

DfNode *df_arith_negative(DfNode *a)
{
    if (!is_number(a))
        return fail(a, "a minus sign wants a number after it");
    if (a->kind == DF_NODE_INT && a->integer == INT64_MIN)
        return fail(a, "the result does not fit into 64 bits");
    a->integer = -a->integer;
    a->number = a->kind == DF_NODE_INT ? (double)a->integer : -a->number;
    return a;
}
