/* SPDX-License-Identifier: Apache-2.0
 *
 * config/python_format.c -- f-strings, and values as str() and repr() print them.
 *
 * Python Language Reference 2.4.3, and "Format Specification Mini-Language" of its library reference, without what
 * configs do not need: fields within a specification, grouping, alternate forms, binary and octal digits.
 */
#include "config/python_parser.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- str() and repr() ------------------------------------------------------------------------------------------ */

/* The fewest digits that read back to the same float, with an exponent where repr() has one. */
static void add_float(DfTextbuf *out, double x)
{
    char digits[40] = "";
    if (!isfinite(x)) {
        df_textbuf_add(out, isnan(x) ? "nan" : "%sinf", x < 0 ? "-" : "");
        return;
    }
    int precision = 0;
    for (double back = NAN; precision < 17 && !(back >= x && back <= x); precision++) {
        df_snprintf(digits, sizeof digits, "%.*e", precision, x);
        back = df_strtod(digits, NULL);
    }
    const int exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    const int decimals = precision - 1 - exponent;
    if (exponent >= -4 && exponent < 16)
        df_snprintf(digits, sizeof digits, "%.*f", decimals > 1 ? decimals : 1, x);
    df_textbuf_add(out, "%s", digits);
}

/* In the quotes that need fewer escapes. */
static void add_quoted(DfTextbuf *out, const char *text)
{
    const char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    df_textbuf_add(out, "%c", quote);
    for (; *text; text++) {
        static const char codes[] = "\n\t\r", names[] = "ntr";
        const char *known = strchr(codes, *text);
        if (known)
            df_textbuf_add(out, "\\%c", names[known - codes]);
        else if (*text == quote || *text == '\\')
            df_textbuf_add(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            df_textbuf_add(out, "\\x%02x", (unsigned char)*text);
        else
            df_textbuf_add(out, "%c", *text);
    }
    df_textbuf_add(out, "%c", quote);
}

static void add_repr(DfTextbuf *, const DfNode *);

static void add_items(DfTextbuf *out, const DfNode *of, const char *brackets)
{
    df_textbuf_add(out, "%c", brackets[0]);
    for (const DfNode *child = of->first; child; child = child->next) {
        if (of->kind == DF_NODE_DICT) {
            add_quoted(out, child->key);
            df_textbuf_add(out, ": ");
        }
        add_repr(out, child);
        if (child->next)
            df_textbuf_add(out, ", ");
    }
    df_textbuf_add(out, of->is_tuple && of->n == 1 ? ",%c" : "%c", brackets[1]);
}

static void add_repr(DfTextbuf *out, const DfNode *value)
{
    switch (value->kind) {
    case DF_NODE_NONE: df_textbuf_add(out, "None"); break;
    case DF_NODE_BOOL: df_textbuf_add(out, value->boolean ? "True" : "False"); break;
    case DF_NODE_INT: df_textbuf_add(out, "%" PRId64, value->integer); break;
    case DF_NODE_FLOAT: add_float(out, value->number); break;
    case DF_NODE_TEXT: add_quoted(out, value->text); break;
    case DF_NODE_LIST: add_items(out, value, value->is_tuple ? "()" : "[]"); break;
    case DF_NODE_DICT: add_items(out, value, "{}"); break;
    case DF_NODE_BASE_VALUE: break; /* refused by add_field() */
    }
}

static void add_str(DfTextbuf *out, const DfNode *value)
{
    if (value->kind == DF_NODE_TEXT)
        df_textbuf_add(out, "%s", value->text);
    else
        add_repr(out, value);
}

DfNode *df_python_str(Parser *p, const DfNode *value, int line)
{
    DfTextbuf out = { 0 };
    char *text;
    add_str(&out, value);
    if (df_textbuf_take(&out, &text) < 0)
        return NULL;
    DfNode *node = df_tree_text(p->tree, text, strlen(text), p->lexer.file, line);
    df_free(text);
    return node;
}

/* ---- a format specification ------------------------------------------------------------------------------------- */

/* [[fill]align][sign]["0"][width]["." precision][type] */
typedef struct {
    char fill, align, sign, type;
    int width, precision; /* precision -1: not given */
} Spec;

enum { WIDEST = 1000 };

static bool read_count(const char **at, const char *end, int *count)
{
    for (*count = 0; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        if ((*count = *count * 10 + (**at - '0')) > WIDEST)
            return false;
    return true;
}

static bool one_of(const char *at, const char *end, const char *letters)
{
    return at < end && *at && strchr(letters, *at);
}

static bool read_spec(Spec *spec, const char *at, const char *end)
{
    *spec = (Spec){ .fill = ' ', .precision = -1 };
    if (at + 1 < end && one_of(at + 1, end, "<>^=")) {
        spec->fill = *at++;
        spec->align = *at++;
    } else if (one_of(at, end, "<>^=")) {
        spec->align = *at++;
    }
    if (one_of(at, end, "+- "))
        spec->sign = *at++;
    if (one_of(at, end, "0") && !spec->align) {
        spec->fill = '0';
        spec->align = '=';
    }
    if (!read_count(&at, end, &spec->width))
        return false;
    if (one_of(at, end, ".")) {
        const char *digits = ++at;
        if (!read_count(&at, end, &spec->precision) || at == digits)
            return false;
    }
    if (one_of(at, end, "sdxXeEfFgG%"))
        spec->type = *at++;
    return at == end;
}

/* Without its sign, which *negative gets; false if a number is not written so. */
static bool add_number(DfTextbuf *out, const Spec *spec, const DfNode *value, bool *negative)
{
    const bool whole = value->kind == DF_NODE_INT;
    const double x = fabs(value->number);
    const int precision = spec->precision < 0 ? 6 : spec->precision;
    const uint64_t n = whole && value->integer < 0 ? 0 - (uint64_t)value->integer : (uint64_t)value->integer;
    *negative = signbit(value->number) != 0;
    switch (spec->type) {
    case 'x': df_textbuf_add(out, "%" PRIx64, n); return whole && spec->precision < 0;
    case 'X': df_textbuf_add(out, "%" PRIX64, n); return whole && spec->precision < 0;
    case 'f': case 'F': df_textbuf_add(out, "%.*f", precision, x); return true;
    case 'e': df_textbuf_add(out, "%.*e", precision, x); return true;
    case 'E': df_textbuf_add(out, "%.*E", precision, x); return true;
    case 'g': df_textbuf_add(out, "%.*g", precision, x); return true;
    case 'G': df_textbuf_add(out, "%.*G", precision, x); return true;
    case '%': df_textbuf_add(out, "%.*f%%", precision, 100 * x); return true;
    default: break; /* 'd' or nothing */
    }
    if (whole)
        df_textbuf_add(out, "%" PRIu64, n);
    else
        add_float(out, x);
    return spec->precision < 0 && (whole || !spec->type);
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void add_fill(DfTextbuf *out, const Spec *spec, size_t n)
{
    while (n--)
        df_textbuf_add(out, "%c", spec->fill);
}

/* `body` with its sign in its width; numbers stand at the right, texts at the left. */
static void add_aligned(DfTextbuf *out, const Spec *spec, const char *sign, const char *body, bool number)
{
    const size_t n = strlen(sign) + characters(body);
    const size_t room = (size_t)spec->width > n ? (size_t)spec->width - n : 0;
    const char usual = number ? '>' : '<';
    const char align = spec->align ? spec->align : usual;
    if (align == '=')
        df_textbuf_add(out, "%s", sign);
    if (align != '<')
        add_fill(out, spec, align == '^' ? room / 2 : room);
    df_textbuf_add(out, "%s%s", align == '=' ? "" : sign, body);
    if (align == '<' || align == '^')
        add_fill(out, spec, align == '^' ? room - room / 2 : room);
}

static bool add_formatted(DfTextbuf *out, const Spec *spec, const DfNode *value)
{
    const bool number = value->kind == DF_NODE_INT || value->kind == DF_NODE_FLOAT;
    const bool plain = !spec->sign && spec->precision < 0 && spec->align != '=' && (!spec->type || spec->type == 's');
    bool negative = false, fits = true;
    DfTextbuf body = { 0 };
    char *text;
    if (number)
        fits = spec->type != 's' && add_number(&body, spec, value, &negative);
    else if (value->kind == DF_NODE_TEXT && plain)
        df_textbuf_add(&body, "%s", value->text);
    else
        fits = false;
    if (df_textbuf_take(&body, &text) < 0) {
        out->failed = true;
        return true; /* what failed is said when `out` is taken */
    }
    char sign[2] = { spec->sign == '-' ? '\0' : spec->sign, '\0' };
    if (negative)
        sign[0] = '-';
    if (fits)
        add_aligned(out, spec, sign, text, number);
    df_free(text);
    return fits;
}

/* ---- f-strings -------------------------------------------------------------------------------------------------- */

/* The text between quotes, read from `at` on. */
typedef struct {
    Parser *p;
    const char *at, *end;
    int line;
    bool raw;
    DfTextbuf out;
} Format;

static bool refuse(const Format *f, const char *what)
{
    fail_at(f->p, f->line, what);
    return false;
}

/* What is no field, up to the next brace. */
static bool add_literal(Format *f)
{
    const char *from = f->at;
    while (f->at < f->end && *f->at != '{' && *f->at != '}')
        f->at += *f->at == '\\' && !f->raw && f->at + 1 < f->end ? 2 : 1;
    char *bytes = df_tree_bytes(f->p->tree, (size_t)(f->at - from));
    const size_t n = bytes ? df_text_between(bytes, from, f->at, f->raw, f->p->lexer.file, f->line) : SIZE_MAX;
    if (n == SIZE_MAX)
        return false;
    bytes[n] = '\0';
    df_textbuf_add(&f->out, "%s", bytes);
    return true;
}

/* Where the expression of a field ends: at the '!', ':' or '}' that stands in no bracket and no text; `end` if none
 * does. */
static const char *end_of_expression(const char *at, const char *end)
{
    char quote = '\0';
    for (int open = 0; at < end; at++) {
        if (quote) {
            quote = *at == quote ? '\0' : quote;
        } else if (*at == '\'' || *at == '"') {
            quote = *at;
        } else if (open == 0 && strchr("!:}", *at)) {
            return at;
        } else if (strchr("([{", *at)) {
            open++;
        } else if (strchr(")]}", *at)) {
            open--;
        }
    }
    return end;
}

/* The value of the expression between two places, by a parser of its own with the same names. */
static DfNode *value_between(const Format *f, const char *from, const char *to)
{
    Parser inner = *f->p;
    inner.lexer = df_lexer(from, (size_t)(to - from), f->p->lexer.file, f->line, f->p->lexer.work);
    inner.lexer.depth = 1; /* as in brackets */
    inner.depth++;
    inner.token = df_lexer_next(&inner.lexer);
    if (inner.depth >= MAX_DEPTH)
        return fail_at(f->p, f->line, "the value is nested too deep");
    DfNode *value = df_python_values(&inner);
    if (value && inner.token.kind != TOKEN_END && inner.token.kind != TOKEN_NEWLINE)
        return unexpected(&inner, "'}'");
    if (value && value->kind == DF_NODE_BASE_VALUE)
        return fail_at(f->p, f->line, "a value of the bases within a text, want {_base_.key}");
    return value;
}

/* "{" expression [ "!" ( "s" | "r" ) ] [ ":" specification ] "}", the first brace read already. */
static bool add_field(Format *f)
{
    const char *from = f->at;
    f->at = end_of_expression(f->at, f->end);
    DfNode *value = value_between(f, from, f->at);
    if (!value)
        return false;
    bool repr = false;
    if (one_of(f->at, f->end, "!")) {
        if (!one_of(f->at + 1, f->end, "sr"))
            return refuse(f, "want !s or !r behind the value in a text");
        repr = f->at[1] == 'r';
        f->at += 2;
    }
    const char *spec_at = f->at + one_of(f->at, f->end, ":");
    const char *brace = f->at < f->end ? memchr(f->at, '}', (size_t)(f->end - f->at)) : NULL;
    Spec spec;
    if (!brace || (brace > f->at && *f->at != ':'))
        return refuse(f, "a text ends within {..}, want '}'");
    if (!read_spec(&spec, spec_at < brace ? spec_at : brace, brace))
        return refuse(f, "this format is not supported, want {value:8.3f}, say");
    f->at = brace + 1;
    if (spec_at >= brace)
        (repr ? add_repr : add_str)(&f->out, value);
    else if (repr || !add_formatted(&f->out, &spec, value))
        return refuse(f, "a value cannot be written in this format");
    return true;
}

static bool add_fields(Format *f)
{
    while (f->at < f->end) {
        const char c = *f->at;
        const bool doubled = f->at + 1 < f->end && f->at[1] == c;
        if (c != '{' && c != '}') {
            if (!add_literal(f))
                return false;
        } else if (doubled) {
            df_textbuf_add(&f->out, "%c", c);
            f->at += 2;
        } else if (c == '}') {
            return refuse(f, "a single '}' in a text with values, want '}}'");
        } else {
            f->at++;
            if (!add_field(f))
                return false;
        }
    }
    return true;
}

DfNode *df_python_formatted(Parser *p, const Token *token)
{
    Format f = { .p = p, .line = token->line };
    df_text_inside(token, &f.at, &f.end, &f.raw);
    const bool read = add_fields(&f);
    char *text;
    if (df_textbuf_take(&f.out, &text) < 0)
        return NULL;
    DfNode *node = read ? df_tree_text(p->tree, text, strlen(text), p->lexer.file, token->line) : NULL;
    df_free(text);
    return node;
}
