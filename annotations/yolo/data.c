/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/yolo/data.c -- reads data.yaml. It supports the YAML that such files contain: keys at the margin, and
 * below `names` a list or numbered lines, also in brackets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/yolo/yolo.h"

enum { MOST_CLASSES = 100000 };

typedef struct {
    const char *file;
    size_t line;
    DfArena *arena;
    DfYoloData *data;
    size_t capacity;
    const char **name;   /* [capacity]; NULL where a number has no name yet */
    int n;
    long nc;             /* -1: it does not tell            */
    bool in_names;       /* lines below `names:` belong to it */
} Reader;

static int wrong(const Reader *r, const char *what)
{
    return df_fail(DF_EFORMAT, "%s: line %zu: %s", r->file, r->line, what);
}

/* Without space around it, quotes, and what follows a '#'. */
typedef struct {
    const char *at;
    size_t n;
    bool quoted;
} Text;

static Text trimmed(const char *at, size_t n)
{
    while (n > 0 && strchr(" \t\r", *at) && *at) {
        at++;
        n--;
    }
    while (n > 0 && at[n - 1] && strchr(" \t\r", at[n - 1]))
        n--;
    return (Text){ at, n, false };
}

/* The quote that ends what is behind text.at[0], which is one; NULL: there is none. */
static const char *closing_quote(Text text)
{
    const char quote = *text.at;
    for (size_t i = 1; i < text.n; i++) {
        const bool next = i + 1 < text.n;
        if (quote == '"' && text.at[i] == '\\' && next)
            i++;
        else if (text.at[i] == quote && quote == '\'' && next && text.at[i + 1] == quote)
            i++;
        else if (text.at[i] == quote)
            return text.at + i;
    }
    return NULL;
}

static Text value_of(const char *at, size_t n)
{
    Text text = trimmed(at, n);
    if (text.n >= 2 && (*text.at == '"' || *text.at == '\'')) {
        const char *close = closing_quote(text);
        if (close)
            return (Text){ text.at + 1, (size_t)(close - text.at - 1), true };
    }
    for (size_t i = 0; i < text.n; i++)
        if (text.at[i] == '#' && (i == 0 || text.at[i - 1] == ' '))
            return trimmed(text.at, i);
    return text;
}

/* "\xe9", "\u00e9", "\U000000e9": yaml.dump() writes so what is not ASCII. Writes the character in UTF-8, and returns
 * how long the escape is without its backslash; 0: it is another escape. */
static size_t read_code(unsigned char **to, const char *at, size_t n)
{
    const size_t digits = *at == 'x' ? 2 : *at == 'u' ? 4 : *at == 'U' ? 8 : 0;
    char hex[9] = "";
    if (!digits || n < 1 + digits)
        return 0;
    memcpy(hex, at + 1, digits);
    const unsigned long code = strtoul(hex, NULL, 16);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    if (strspn(hex, "0123456789abcdefABCDEF") != digits || code == 0 || code > 0x10ffff || surrogate)
        return 0;
    *to = df_utf8_put(*to, (uint32_t)code);
    return 1 + digits;
}

/* Between double quotes a backslash begins an escape. False: one that YAML does not have. */
static bool unescaped(unsigned char *to, Text text)
{
    static const char from[] = "\\\"/ ntr";
    static const char means[] = "\\\"/ \n\t\r";
    size_t i = 0;
    while (i < text.n) {
        if (text.at[i] != '\\') {
            *to++ = (unsigned char)text.at[i++];
            continue;
        }
        const char c = ++i < text.n ? text.at[i] : 0;
        const char *known = c ? strchr(from, c) : NULL;
        const size_t read = known || !c ? 0 : read_code(&to, text.at + i, text.n - i);
        if (known)
            *to++ = (unsigned char)means[known - from];
        if (!known && !read)
            return false;
        i += known ? 1 : read;
    }
    *to = 0;
    return true;
}

/* Between single quotes: '' is '. */
static void unquoted(char *to, Text text)
{
    for (size_t i = 0; i < text.n; i++) {
        i += text.at[i] == '\'' && i + 1 < text.n;
        *to++ = text.at[i];
    }
    *to = 0;
}

static int copy_name(Reader *r, const char **to, Text text)
{
    char *name = df_arena_copy(r->arena, text.at, text.n);
    if (!name)
        return df_fail_memory("class names");
    if (text.quoted && text.at[-1] == '"' && !unescaped((unsigned char *)name, text))
        return wrong(r, "a name with an escape that YAML does not have");
    if (text.quoted && text.at[-1] == '\'')
        unquoted(name, text);
    *to = name;
    return DF_OK;
}

static int set_name(Reader *r, long i, Text text)
{
    if (i < 0 || i >= MOST_CLASSES)
        return wrong(r, "a class with a number beyond 100000");
    if (text.n == 0)
        return wrong(r, "a class without a name");
    while (r->n <= i) {
        if (!df_grow((void **)&r->name, &r->capacity, (size_t)r->n, sizeof *r->name))
            return df_fail_memory("class names");
        r->name[r->n++] = NULL;
    }
    return copy_name(r, &r->name[i], text);
}

static bool is_key(Text key, const char *name)
{
    return key.n == strlen(name) && memcmp(key.at, name, key.n) == 0;
}

static int read_number(const Reader *r, long *out, Text text)
{
    char digits[16];
    char *end;
    if (text.n == 0 || text.n >= sizeof digits)
        return wrong(r, "want a number");
    memcpy(digits, text.at, text.n);
    digits[text.n] = 0;
    *out = strtol(digits, &end, 10);
    return *end ? wrong(r, "want a number") : DF_OK;
}

/* "0: a" */
static int read_numbered(Reader *r, Text line)
{
    long i;
    const char *colon = memchr(line.at, ':', line.n);
    if (!colon)
        return wrong(r, "want '- NAME' or 'NUMBER: NAME' below names");
    const int error = read_number(r, &i, value_of(line.at, (size_t)(colon - line.at)));
    return error < 0 ? error : set_name(r, i, value_of(colon + 1, line.n - (size_t)(colon + 1 - line.at)));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The end of what begins at p: a comma or the bracket that closes, outside of quotes. A quote begins a name; within one
 * it is an apostrophe. */
static const char *end_of_item(Reader *r, const char *p, const char *end, char close)
{
    char quote = 0;
    char before = 0; /* what is not space */
    for (; p < end && (quote || (*p != ',' && *p != close)); p++) {
        const bool first = before == 0 || (before == ':' && close == '}');
        r->line += *p == '\n';
        if (quote && *p == (quote == '"' ? '\\' : '\'') && p + 1 < end && (quote == '"' || p[1] == '\''))
            p++;
        else if (quote && *p == quote)
            quote = 0;
        else if (!quote && first && (*p == '"' || *p == '\''))
            quote = *p;
        before = is_space(*p) ? before : *p;
    }
    return p;
}

/* [a, 'b, c', d] or {0: a, 1: b}, which may go on on the next lines. */
static int read_flow(Reader *r, const char **at, const char *end)
{
    int error = DF_OK;
    const char close = **at == '[' ? ']' : '}';
    const char *p = *at + 1;
    while (error == DF_OK && p < end && *p != close) {
        const char *start = p;
        p = end_of_item(r, p, end, close);
        while (start < p && is_space(*start))
            start++;
        size_t n = (size_t)(p - start);
        while (n && is_space(start[n - 1]))
            n--;
        if (n && memchr(start, '\n', n))
            error = wrong(r, "a name of two lines: want names of one");
        else if (p < end && (*p == ',' || n))
            error = close == ']' ? set_name(r, r->n, value_of(start, n)) : read_numbered(r, (Text){ start, n, false });
        if (p < end && *p == ',')
            p++;
    }
    if (error == DF_OK && p == end)
        error = wrong(r, close == ']' ? "a list that is not closed" : "a dict that is not closed");
    *at = p;
    return error;
}

static int copy_text(const Reader *r, const char **to, Text text)
{
    if (text.n == 0)
        return DF_OK;
    *to = df_arena_copy(r->arena, text.at, text.n);
    return *to ? DF_OK : df_fail_memory("a path");
}

/* [17, 3] */
static int read_shape(const Reader *r, Text value)
{
    char text[64];
    int used = 0;
    int *const n = &r->data->keypoints;
    int *const dims = &r->data->dims;
    if (value.n < sizeof text) {
        memcpy(text, value.at, value.n);
        text[value.n] = 0;
        if (sscanf(text, "[ %6d , %6d ]%n", n, dims, &used) == 2 && text[used] == 0 && *n > 0 && *n <= 10000 &&
            (*dims == 2 || *dims == 3))
            return DF_OK;
    }
    return wrong(r, "kpt_shape: want [KEYPOINTS, 2] or [KEYPOINTS, 3]");
}

/* A key at the margin, and what is behind its ':'. `*at` is moved behind what is read. */
static int read_key(Reader *r, Text key, const char **at, const char *line_end, const char *end)
{
    const Text value = value_of(*at, (size_t)(line_end - *at));
    r->in_names = is_key(key, "names");
    if (r->in_names && value.n && !value.quoted && (*value.at == '[' || *value.at == '{')) {
        r->in_names = false;
        *at = value.at;
        return read_flow(r, at, end);
    }
    *at = line_end;
    if (is_key(key, "nc"))
        return read_number(r, &r->nc, value);
    if (is_key(key, "path"))
        return copy_text(r, &r->data->path, value);
    if (is_key(key, "train"))
        return copy_text(r, &r->data->train, value);
    if (is_key(key, "kpt_shape"))
        return read_shape(r, value);
    return is_key(key, "val") ? copy_text(r, &r->data->val, value) : DF_OK;
}

/* A line below `names:`: "- a" or "0: a". */
static int read_name(Reader *r, Text line)
{
    if (line.n >= 1 && *line.at == '-')
        return set_name(r, r->n, value_of(line.at + 1, line.n - 1));
    return read_numbered(r, line);
}

static int read_lines(Reader *r, const char *at, const char *end)
{
    int error = DF_OK;
    while (error == DF_OK && at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        r->line++;
        const Text line = trimmed(at, (size_t)(line_end - at));
        const char *colon = line.n ? memchr(line.at, ':', line.n) : NULL;
        const bool margin = line.n && line.at == at && *line.at != '-';
        if (line.n == 0 || *line.at == '#') {
            at = line_end;
        } else if (margin && colon) {
            at = colon + 1;
            error = read_key(r, (Text){ line.at, (size_t)(colon - line.at), false }, &at, line_end, end);
            const char *next = memchr(at, '\n', (size_t)(end - at));
            line_end = next ? next : end;
        } else {
            error = r->in_names ? read_name(r, line) : DF_OK;
        }
        at = line_end < end ? line_end + 1 : end;
    }
    return error;
}

static int check_names(Reader *r)
{
    if (r->n == 0)
        return df_fail(DF_EFORMAT, "%s: no names: want the names of the classes", r->file);
    if (r->nc >= 0 && r->nc != r->n)
        return df_fail(DF_EFORMAT, "%s: nc = %ld and %d names: want as many", r->file, r->nc, r->n);
    for (int i = 0; i < r->n; i++)
        if (!r->name[i])
            return df_fail(DF_EFORMAT, "%s: class %d of %d has no name", r->file, i, r->n);
    r->data->n = r->n;
    r->data->name = df_arena_alloc(r->arena, (size_t)r->n, sizeof *r->data->name);
    if (!r->data->name)
        return df_fail_memory("class names");
    memcpy(r->data->name, r->name, (size_t)r->n * sizeof *r->name);
    return DF_OK;
}

int df_yolo_read_data(DfYoloData *out, const char *text, size_t size, const char *name, DfArena *arena)
{
    *out = (DfYoloData){ 0 };
    Reader r = { .file = name, .arena = arena, .data = out, .nc = -1 };
    int error = df_text_check(text, size, name);
    if (error == DF_OK)
        error = read_lines(&r, text, text + size);
    if (error == DF_OK)
        error = check_names(&r);
    df_free(r.name);
    return error;
}
