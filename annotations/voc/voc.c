/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/voc.c -- reads the XML file of a picture in one pass. It supports the XML that such files contain:
 * nested elements, and text in the innermost ones.
 */
#include "annotations/voc/voc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annotations/voc/encoding.h"

enum { DEPTH = 16, NAME = 64 };

typedef struct {
    const char *at, *end;
    const char *file;
    size_t line;
    int depth;
    char element[DEPTH][NAME];  /* names of the open elements            */
    char text[DF_VOC_TEXT];     /* of the innermost, without outer space */
    size_t n;
    const DfVocSink *sink;
    DfVocPicture picture;
    DfVocObject object;
    unsigned sides;             /* which of the object's box are known   */
    bool seen;                  /* an <annotation>                       */
} Reader;

static int wrong(const Reader *r, const char *what)
{
    return df_fail(DF_EFORMAT, "%s: line %zu: %s", r->file, r->line, what);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char letter;
} entities[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void add(Reader *r, char c)
{
    if (r->n == 0 && is_space(c))
        return;
    if (r->n + 1 < sizeof r->text) /* what is longer is a description, or refused as a name */
        r->text[r->n++] = c;
}

static void add_character(Reader *r, uint32_t code)
{
    unsigned char bytes[4];
    const unsigned char *const end = df_utf8_put(bytes, code);
    for (const unsigned char *at = bytes; at < end; at++)
        add(r, (char)*at);
}

/* Of "lt", "#233" or "#xE9"; 0: it stands for none. */
static uint32_t character_of(const char *reference)
{
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (strcmp(reference, entities[i].name) == 0)
            return (uint32_t)entities[i].letter;
    if (reference[0] != '#')
        return 0;
    char *end;
    const bool hexadecimal = reference[1] == 'x';
    const unsigned long code = strtoul(reference + 1 + hexadecimal, &end, hexadecimal ? 16 : 10);
    return *end || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : (uint32_t)code;
}

static bool is_in_reference(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '#';
}

/* An '&' that begins no reference is itself. */
static int read_reference(Reader *r)
{
    char reference[12] = "";
    size_t n = 0;
    const char *at = r->at + 1;
    while (at + n < r->end && n + 1 < sizeof reference && is_in_reference(at[n]))
        n++;
    if (n == 0 || at + n == r->end || at[n] != ';') {
        add(r, *r->at++);
        return DF_OK;
    }
    memcpy(reference, at, n);
    const uint32_t code = character_of(reference);
    if (!code)
        return df_fail(DF_EFORMAT, "%s: line %zu: met &%s;, want &amp; &lt; &gt; &quot; &apos; or a character's number",
                       r->file, r->line, reference);
    add_character(r, code);
    r->at = at + n + 1;
    return DF_OK;
}

/* Up to the next tag. */
static int read_text(Reader *r)
{
    int error = DF_OK;
    while (error == DF_OK && r->at < r->end && *r->at != '<') {
        if (*r->at == '&') {
            error = read_reference(r);
            continue;
        }
        if (!*r->at)
            return wrong(r, "a zero byte: want text");
        r->line += *r->at == '\n';
        add(r, *r->at++);
    }
    return error;
}

static void end_text(Reader *r)
{
    while (r->n > 0 && is_space(r->text[r->n - 1]))
        r->n--;
    r->text[r->n] = 0;
}

/* ---- what elements mean ----------------------------------------------------------------------------------------- */

static bool is_at(const Reader *r, int n, const char *const *path)
{
    bool same = r->depth == n;
    for (int i = 0; same && i < n; i++)
        same = strcmp(r->element[i], path[i]) == 0;
    return same;
}

#define COUNT(...) ((int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)))
#define AT(r, ...) is_at(r, COUNT(__VA_ARGS__), (const char *[]){ __VA_ARGS__ })

static int take_number(const Reader *r, double *out)
{
    char *end;
    *out = df_strtod(r->text, &end);
    if (end != r->text && !*end && isfinite(*out))
        return DF_OK;
    return df_fail(DF_EFORMAT, "%s: line %zu: <%s> is '%.40s': want a number", r->file, r->line,
                   r->element[r->depth - 1], r->text);
}

static int take_side(Reader *r)
{
    static const char *const sides[] = { "xmin", "ymin", "xmax", "ymax" };
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(r->element[r->depth - 1], sides[i]) == 0) {
            r->sides |= 1u << i;
            return take_number(r, &r->object.box[i]);
        }
    return DF_OK;
}

static int end_object(Reader *r)
{
    if (!r->object.name[0])
        return wrong(r, "an <object> without a <name>");
    if (r->sides != 15)
        return wrong(r, "an <object> without a whole <bndbox>: want xmin, ymin, xmax and ymax");
    const int error = r->sink->object(r->sink->arg, &r->object);
    r->object = (DfVocObject){ 0 };
    r->sides = 0;
    return error;
}

static int take_name(const Reader *r, char out[DF_VOC_TEXT])
{
    memcpy(out, r->text, r->n + 1);
    return r->n + 1 < sizeof r->text ? DF_OK : wrong(r, "a name of more than 510 bytes");
}

static bool is_set(const Reader *r)
{
    return r->n > 0 && strcmp(r->text, "0") != 0;
}

/* The element that ends is still open. */
static int end_element(Reader *r)
{
    if (AT(r, "annotation", "filename"))
        return take_name(r, r->picture.file_name);
    if (AT(r, "annotation", "folder"))
        return take_name(r, r->picture.folder);
    if (AT(r, "annotation", "size", "width"))
        return take_number(r, &r->picture.width);
    if (AT(r, "annotation", "size", "height"))
        return take_number(r, &r->picture.height);
    if (AT(r, "annotation", "object", "name"))
        return take_name(r, r->object.name);
    if (AT(r, "annotation", "object", "difficult"))
        r->object.difficult = is_set(r);
    if (AT(r, "annotation", "object", "truncated"))
        r->object.truncated = is_set(r);
    if (AT(r, "annotation", "object", "occluded"))
        r->object.occluded = is_set(r);
    if (AT(r, "annotation", "object", "pose"))
        return take_name(r, r->object.pose);
    if (r->depth == 4 && strcmp(r->element[0], "annotation") == 0 && strcmp(r->element[1], "object") == 0 &&
        strcmp(r->element[2], "bndbox") == 0)
        return take_side(r);
    if (AT(r, "annotation", "object"))
        return end_object(r);
    r->seen = r->seen || AT(r, "annotation");
    return DF_OK;
}

/* ---- tags ------------------------------------------------------------------------------------------------------- */

/* Behind `close`, or an error. */
static int skip_to(Reader *r, const char *close)
{
    const size_t n = strlen(close);
    for (; (size_t)(r->end - r->at) >= n; r->at++) {
        r->line += *r->at == '\n';
        if (memcmp(r->at, close, n) == 0) {
            r->at += n;
            return DF_OK;
        }
    }
    return wrong(r, "the file ends within a tag");
}

static bool is_name_byte(char c)
{
    return (unsigned char)c > ' ' && c != '>' && c != '/' && c != '<' && c != '=';
}

static int read_name(Reader *r, char name[NAME])
{
    size_t n = 0;
    while (r->at < r->end && is_name_byte(*r->at)) {
        if (n + 1 >= NAME)
            return wrong(r, "an element with a name of more than 63 bytes");
        name[n++] = *r->at++;
    }
    name[n] = 0;
    return n ? DF_OK : wrong(r, "'<' without a name");
}

static int close_element(Reader *r)
{
    const int error = end_element(r);
    r->depth--;
    r->n = 0;
    return error;
}

static int read_end_tag(Reader *r)
{
    char name[NAME];
    r->at += 2;
    int error = read_name(r, name);
    if (error == DF_OK)
        error = skip_to(r, ">");
    if (error < 0)
        return error;
    if (r->depth == 0 || strcmp(name, r->element[r->depth - 1]) != 0)
        return df_fail(DF_EFORMAT, "%s: line %zu: </%s> closes what is not open", r->file, r->line, name);
    end_text(r);
    return close_element(r);
}

static int read_start_tag(Reader *r)
{
    r->at++;
    if (r->depth == DEPTH)
        return wrong(r, "more than 16 elements within one another");
    int error = read_name(r, r->element[r->depth]);
    const char *attributes = r->at;
    if (error == DF_OK)
        error = skip_to(r, ">");
    if (error < 0)
        return error;
    r->depth++;
    r->n = 0;
    r->text[0] = 0;
    const bool empty = r->at - 2 >= attributes && r->at[-2] == '/';
    return empty ? close_element(r) : DF_OK;
}

static bool begins(const Reader *r, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

/* Text as it stands, in which '<' and '&' are themselves. */
static int read_cdata(Reader *r)
{
    const char *from = r->at + strlen("<![CDATA[");
    const int error = skip_to(r, "]]>");
    for (; error == DF_OK && from < r->at - 3; from++)
        add(r, *from);
    return error;
}

static int read_tag(Reader *r)
{
    if (begins(r, "<!--"))
        return skip_to(r, "-->");
    if (begins(r, "<![CDATA["))
        return read_cdata(r);
    if (begins(r, "<?") || begins(r, "<!"))
        return skip_to(r, ">");
    return begins(r, "</") ? read_end_tag(r) : read_start_tag(r);
}

/* Of a text in UTF-8. */
static int read_all(const char *text, size_t size, const char *name, const DfVocSink *sink)
{
    Reader r = { .at = text, .end = text + size, .file = name, .line = 1, .sink = sink };
    int error = DF_OK;
    while (error == DF_OK && r.at < r.end) {
        error = read_text(&r);
        if (error == DF_OK && r.at < r.end)
            error = read_tag(&r);
    }
    if (error < 0)
        return error;
    if (r.depth)
        return df_fail(DF_EFORMAT, "%s: line %zu: <%s> is not closed", name, r.line, r.element[r.depth - 1]);
    if (!r.seen)
        return df_fail(DF_EFORMAT, "%s: no <annotation>: want a file of PASCAL VOC", name);
    return sink->picture(sink->arg, &r.picture);
}

int df_voc_read(const char *text, size_t size, const char *name, const DfVocSink *sink)
{
    VocText decoded;
    int error = df_voc_decode(&decoded, text, size, name);
    if (error == DF_OK)
        error = read_all(decoded.at, decoded.size, name, sink);
    df_free(decoded.own);
    return error;
}

int df_voc_read_file(const char *path, const DfVocSink *sink)
{
    enum { MOST = 1 << 24 };
    char *text;
    size_t size;
    int error = df_file_text(&text, &size, path, MOST);
    if (error == DF_OK) {
        error = df_voc_read(text, size, path, sink);
        df_free(text);
    }
    return error;
}
