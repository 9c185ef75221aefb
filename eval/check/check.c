/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/check.c -- the findings of a check, and how they are told.
 */
#include "eval/check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eval/check/data.h"
#include "core/core.h"

int df_check_new(DfCheck **out)
{
    DfCheck *c = *out = df_calloc(1, sizeof *c);
    if (c && (c->arena = df_arena_new()))
        return DF_OK;
    df_free(c);
    *out = NULL;
    return df_fail_memory("the check");
}

void df_check_free(DfCheck *c)
{
    if (!c)
        return;
    df_ids_done(&c->image_ids);
    df_ids_done(&c->category_ids);
    df_ids_done(&c->category_names);
    df_free(c->named);
    df_ids_done(&c->annotation_ids);
    df_free(c->findings);
    df_free(c->images);
    df_free(c->categories);
    df_free(c->annotation_lines);
    df_free(c->truths);
    df_arena_free(c->arena);
    df_free(c);
}

static CheckKind *kind_of(DfCheck *c, const char *code, DfCheckLevel level)
{
    for (size_t i = 0; i < c->n_kinds; i++)
        if (strcmp(c->kinds[i].code, code) == 0)
            return &c->kinds[i];
    if (c->n_kinds == CHECK_KINDS)
        return &c->kinds[CHECK_KINDS - 1];
    c->kinds[c->n_kinds] = (CheckKind){ code, level, 0, 0 };
    return &c->kinds[c->n_kinds++];
}

int df_check_begin_file(DfCheck *c, const char *name)
{
    c->file = df_arena_copy(c->arena, name, strlen(name));
    return c->file ? DF_OK : df_fail_memory("a path");
}

int df_check_find(DfCheck *c, DfCheckLevel level, const char *code, size_t line, const char *format, ...)
{
    CheckKind *kind = kind_of(c, code, level);
    char sentence[768];
    if (kind->count++ >= CHECK_SHOWN)
        return DF_OK;
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    const char *text = df_arena_copy(c->arena, sentence, strlen(sentence));
    if (!text || !df_grow((void **)&c->findings, &c->findings_capacity, c->n_findings, sizeof *c->findings))
        return df_fail_memory("a finding");
    kind->shown++;
    c->findings[c->n_findings++] = (CheckFinding){ (size_t)(kind - c->kinds), line, c->file, text };
    return DF_OK;
}

size_t df_check_count(const DfCheck *c, DfCheckLevel level)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_kinds; i++)
        n += c->kinds[i].level == level ? c->kinds[i].count : 0;
    return n;
}

static const char *level_name(DfCheckLevel level)
{
    static const char *const names[] = { "error", "warning", "note" };
    return names[level];
}

int df_check_text(const DfCheck *c, char **out)
{
    DfTextbuf t = { 0 };
    for (int level = 0; level < DF_CHECK_LEVELS; level++)
        for (size_t k = 0; k < c->n_kinds; k++) {
            const CheckKind *kind = &c->kinds[k];
            if (kind->level != (DfCheckLevel)level)
                continue;
            for (size_t i = 0; i < c->n_findings; i++) {
                const CheckFinding *f = &c->findings[i];
                if (f->kind != k)
                    continue;
                df_textbuf_add(&t, "%s: ", level_name(kind->level));
                df_textbuf_shown(&t, f->file ? f->file : "", 0);
                if (f->line)
                    df_textbuf_add(&t, ": line %zu", f->line);
                df_textbuf_add(&t, ": ");
                df_textbuf_shown(&t, f->text, 0);
                df_textbuf_add(&t, "\n");
            }
            if (kind->count > kind->shown)
                df_textbuf_add(&t, "    and %zu more like this (%s)\n", kind->count - kind->shown, kind->code);
        }
    df_textbuf_add(&t, "%zu errors, %zu warnings, %zu notes\n", df_check_count(c, DF_CHECK_ERROR),
                   df_check_count(c, DF_CHECK_WARNING), df_check_count(c, DF_CHECK_NOTE));
    return df_textbuf_take(&t, out);
}

static void add_finding(DfTextbuf *t, const DfCheck *c, const CheckFinding *f, bool first)
{
    df_textbuf_add(t, "%s{\"level\": \"%s\", \"code\": \"%s\", \"file\": ", first ? "\n  " : ",\n  ",
                   level_name(c->kinds[f->kind].level), c->kinds[f->kind].code);
    df_textbuf_json(t, f->file ? f->file : "");
    if (f->line)
        df_textbuf_add(t, ", \"line\": %zu", f->line);
    df_textbuf_add(t, ", \"message\": ");
    df_textbuf_json(t, f->text);
    df_textbuf_add(t, "}");
}

int df_check_json(const DfCheck *c, char **out)
{
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"errors\": %zu, \"warnings\": %zu, \"notes\": %zu,\n \"counts\": {",
                   df_check_count(c, DF_CHECK_ERROR), df_check_count(c, DF_CHECK_WARNING),
                   df_check_count(c, DF_CHECK_NOTE));
    for (size_t k = 0; k < c->n_kinds; k++)
        df_textbuf_add(&t, "%s\"%s\": %zu", k ? ", " : "", c->kinds[k].code, c->kinds[k].count);
    df_textbuf_add(&t, "},\n \"findings\": [");
    for (size_t i = 0; i < c->n_findings; i++)
        add_finding(&t, c, &c->findings[i], i == 0);
    df_textbuf_add(&t, "]}\n");
    return df_textbuf_take(&t, out);
}
