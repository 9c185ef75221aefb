/* SPDX-License-Identifier: Apache-2.0
 *
 * config/yaml_line.c -- the lines of a YAML config file, and the texts, numbers and words in a line.
 */
#include "config/yaml.h"

#include <string.h>

#include "config/lexer.h"
#include "config/readers.h"

DfNode *df_yaml_refuse(const Yaml *y, const char *want)
{
    const int shown = (int)strcspn(y->at, "\r\n");
    if (!*y->at)
        df_fail_at(y->file, y->line, DF_EFORMAT, "met the end of the file, want %s", want);
    else
        df_fail_at(y->file, y->line, DF_EFORMAT, "met '%.*s', want %s", shown < 40 ? shown : 40, y->at, want);
    return NULL;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

bool df_yaml_at_end_of_line(const Yaml *y)
{
    return y->at == y->end || *y->at == '\n' || *y->at == '\r';
}

void df_yaml_skip_spaces(Yaml *y)
{
    while (y->at < y->end && (*y->at == ' ' || *y->at == '\t'))
        y->at++;
}

void df_yaml_skip_comment(Yaml *y)
{
    const bool apart = y->at == y->start || y->at[-1] == ' ' || y->at[-1] == '\t';
    if (y->at < y->end && *y->at == '#' && apart)
        while (!df_yaml_at_end_of_line(y))
            y->at++;
}

static void next_line(Yaml *y)
{
    if (y->at < y->end && *y->at == '\r')
        y->at++;
    if (y->at < y->end && *y->at == '\n')
        y->at++;
    y->start = y->at;
    y->line++;
}

void df_yaml_skip_lines(Yaml *y)
{
    for (;;) {
        df_yaml_skip_spaces(y);
        df_yaml_skip_comment(y);
        if (y->at == y->end || !df_yaml_at_end_of_line(y))
            return;
        next_line(y);
    }
}

bool df_yaml_finish_line(Yaml *y)
{
    df_yaml_skip_spaces(y);
    df_yaml_skip_comment(y);
    if (!df_yaml_at_end_of_line(y))
        return df_yaml_refuse(y, "the end of the line");
    df_yaml_skip_lines(y);
    return true;
}

int df_yaml_column(const Yaml *y)
{
    return y->at == y->end ? -1 : (int)(y->at - y->start);
}

bool df_yaml_at_space(const Yaml *y, const char *p)
{
    return p >= y->end || *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r';
}

bool df_yaml_at_dash(const Yaml *y)
{
    return y->at < y->end && *y->at == '-' && df_yaml_at_space(y, y->at + 1);
}

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

const char *df_yaml_plain_end(const Yaml *y, bool in_flow)
{
    const char *p = y->at;
    for (; p < y->end && *p != '\n' && *p != '\r'; p++) {
        const bool comment = *p == '#' && p > y->at && (p[-1] == ' ' || p[-1] == '\t');
        const bool colon = *p == ':' && df_yaml_at_space(y, p + 1);
        if (comment || colon || (in_flow && memchr(",[]{}", *p, 5)))
            break;
    }
    while (p > y->at && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    return p;
}

bool df_yaml_is_one_of(const char *text, size_t length, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == length && memcmp(*words, text, length) == 0)
            return true;
    return false;
}

/* What is neither null nor a bool: a value of Python, or a text. */
static DfNode *python_or_text(Yaml *y, const char *text, size_t length, int line)
{
    DfNode *value = NULL;
    if (length && memchr("([{'\"+-.0123456789", *text, 18))
        value = df_read_value(y->tree, text, length, y->file, line);
    if (value || y->tree->error)
        return value;
    return df_tree_text(y->tree, text, length, y->file, line);
}

DfNode *df_yaml_plain(Yaml *y, bool in_flow)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", "None", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL };
    const char *text = y->at;
    const char *end = df_yaml_plain_end(y, in_flow);
    const size_t length = (size_t)(end - text);
    y->at = end;
    if (df_yaml_is_one_of(text, length, nulls))
        return df_tree_new(y->tree, DF_NODE_NONE, y->file, y->line);
    if (df_yaml_is_one_of(text, length, trues) || df_yaml_is_one_of(text, length, falses))
        return df_tree_bool(y->tree, df_yaml_is_one_of(text, length, trues), y->file, y->line);
    return python_or_text(y, text, length, y->line);
}

const char *df_yaml_closing_quote(const Yaml *y)
{
    const char quote = *y->at;
    const char *p = y->at + 1;
    while (p < y->end && *p != '\n' && *p != '\r') {
        const bool doubled = quote == '\'' && p + 1 < y->end && p[0] == quote && p[1] == quote;
        const bool escaped = quote == '"' && *p == '\\' && p + 1 < y->end && p[1] != '\n' && p[1] != '\r';
        if (*p == quote && !doubled)
            return p;
        p += doubled || escaped ? 2 : 1;
    }
    return NULL;
}

/* '' within single quotes is one; the escapes of double ones are Python's. */
static size_t between_quotes(const Yaml *y, char *into, const char *close)
{
    size_t n = 0;
    if (*y->at == '"')
        return df_text_between(into, y->at + 1, close, false, y->file, y->line);
    for (const char *p = y->at + 1; p < close; p++) {
        into[n++] = *p;
        p += *p == '\'';
    }
    return n;
}

const char *df_yaml_unquote(Yaml *y, size_t *length)
{
    const char *close = df_yaml_closing_quote(y);
    if (!close) {
        df_yaml_refuse(y, "a quoted text that ends in its line");
        return NULL;
    }
    char *text = df_tree_bytes(y->tree, (size_t)(close - y->at));
    *length = text ? between_quotes(y, text, close) : SIZE_MAX;
    if (*length == SIZE_MAX)
        return NULL;
    text[*length] = '\0';
    y->at = close + 1;
    return text;
}

DfNode *df_yaml_quoted(Yaml *y)
{
    size_t length;
    const int line = y->line;
    const char *text = df_yaml_unquote(y, &length);
    return text ? python_or_text(y, text, length, line) : NULL;
}
