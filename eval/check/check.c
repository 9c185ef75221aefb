/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/check.c -- the list of findings of a check, and printing it.
 */
#include "eval/check/check.h"

#include <inttypes.h>
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
    df_free(c->annotation_places);
    df_free(c->truths);
    df_free(c->results_files);
    df_free(c->detections);
    df_free(c->maps);
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

/* ---- findings -------------------------------------------------------------------------------------------------- */

enum { SENTENCE = 768 };

static int add(DfCheck *c, DfCheckLevel level, const char *code, CheckPlace place, const char *name,
               const char *format, va_list args)
{
    CheckKind *kind = kind_of(c, code, level);
    char sentence[SENTENCE];
    if (kind->count++ >= CHECK_SHOWN)
        return DF_OK;
    const int n = df_snprintf(sentence, sizeof sentence, "%s%s", name, name[0] ? " " : "");
    df_vsnprintf(sentence + n, sizeof sentence - (size_t)n, format, args);
    const char *text = df_arena_copy(c->arena, sentence, strlen(sentence));
    if (!text || !df_grow((void **)&c->findings, &c->findings_capacity, c->n_findings, sizeof *c->findings))
        return df_fail_memory("a finding");
    kind->shown++;
    c->findings[c->n_findings++] = (CheckFinding){ (size_t)(kind - c->kinds), place, c->file, text };
    return DF_OK;
}

int df_check_find(DfCheck *c, DfCheckLevel level, const char *code, CheckPlace place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int error = add(c, level, code, place, "", format, args);
    va_end(args);
    return error;
}

int df_check_record(DfCheck *c, DfCheckLevel level, const char *code, const DfCocoRecord *r, const char *format, ...)
{
    char name[DF_COCO_NAME_ROOM];
    va_list args;
    df_coco_record_name(r, name);
    va_start(args, format);
    const int error = add(c, level, code, (CheckPlace){ r->line, r->offset }, name, format, args);
    va_end(args);
    return error;
}

void df_check_truth_name(const DfCheck *c, const CheckTruth *t, char name[DF_COCO_NAME_ROOM])
{
    DfCocoRecord named = { .list = DF_COCO_ANNOTATIONS, .number = t->number, .has = DF_COCO_IMAGE_ID };
    named.image_id = c->image_ids.ids[t->image];
    if (t->id != DF_NO_ID) {
        named.id = c->annotation_ids.ids[t->id];
        named.has |= DF_COCO_ID;
    }
    df_coco_record_name(&named, name);
}

int df_check_truth_of(DfCheck *c, DfCheckLevel level, const char *code, const CheckTruth *t, const char *format, ...)
{
    char name[DF_COCO_NAME_ROOM];
    va_list args;
    df_check_truth_name(c, t, name);
    va_start(args, format);
    const int error = add(c, level, code, t->place, name, format, args);
    va_end(args);
    return error;
}

const char *df_check_category_text(const DfCheck *c, uint32_t category)
{
    static _Thread_local char texts[4][160];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    const char *name = c->categories[category].name;
    df_snprintf(text, sizeof texts[0], "%s%s%.60s", df_id_text(c->category_ids.ids[category]), name ? " " : "",
                name ? name : "");
    return text;
}

void df_check_forget(DfCheck *c, const char *code)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n_findings; i++)
        if (strcmp(c->kinds[c->findings[i].kind].code, code) != 0)
            c->findings[kept++] = c->findings[i];
    c->n_findings = kept;
    for (size_t k = 0; k < c->n_kinds; k++)
        if (strcmp(c->kinds[k].code, code) == 0)
            c->kinds[k].count = c->kinds[k].shown = 0;
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

/* ---- how they are told ----------------------------------------------------------------------------------------- */

static void add_line(DfTextbuf *t, const DfCheck *c, const CheckFinding *f)
{
    df_textbuf_add(t, "%s: ", level_name(c->kinds[f->kind].level));
    df_textbuf_shown(t, f->file ? f->file : "", 0);
    if (f->place.line)
        df_textbuf_add(t, ": line %zu, byte %" PRIu64, f->place.line, f->place.byte);
    df_textbuf_add(t, ": ");
    df_textbuf_shown(t, f->text, 0);
    df_textbuf_add(t, "\n");
}

static void add_kind(DfTextbuf *t, const DfCheck *c, size_t k)
{
    const CheckKind *kind = &c->kinds[k];
    for (size_t i = 0; i < c->n_findings; i++)
        if (c->findings[i].kind == k)
            add_line(t, c, &c->findings[i]);
    if (kind->count > kind->shown)
        df_textbuf_add(t, "    and %zu more like this (%s)\n", kind->count - kind->shown, kind->code);
}

static void add_first_line(DfTextbuf *t, const DfCheck *c)
{
    if (c->maps && c->concluded)
        df_textbuf_add(t, "%zu of %zu pixels have the class of their label\n", c->hits.on_class, c->hits.n);
    else if (c->concluded && c->n_detections)
        df_textbuf_add(t, "%zu of %zu detections lie on an object of their class (IoU 0.5%s)\n", c->hits.on_class,
                       c->hits.n, c->judges_points ? " of what keypoints span" : "");
}

int df_check_advice(const DfCheck *c, char **out)
{
    DfTextbuf t = { 0 };
    size_t more = 0;
    add_first_line(&t, c);
    for (size_t k = 0; k < c->n_kinds; k++) {
        size_t i = 0;
        while (i < c->n_findings && c->findings[i].kind != k)
            i++;
        if (i == c->n_findings || c->kinds[k].level == DF_CHECK_NOTE)
            continue;
        add_line(&t, c, &c->findings[i]);
        more += c->kinds[k].count - 1;
    }
    if (more)
        df_textbuf_add(&t, "    and %zu more like these: deformer metric check names them\n", more);
    return df_textbuf_take(&t, out);
}

int df_check_text(const DfCheck *c, char **out)
{
    DfTextbuf t = { 0 };
    add_first_line(&t, c);
    for (int level = 0; level < DF_CHECK_LEVELS; level++)
        for (size_t k = 0; k < c->n_kinds; k++)
            if (c->kinds[k].level == (DfCheckLevel)level)
                add_kind(&t, c, k);
    df_textbuf_add(&t, "%zu errors, %zu warnings, %zu notes\n", df_check_count(c, DF_CHECK_ERROR),
                   df_check_count(c, DF_CHECK_WARNING), df_check_count(c, DF_CHECK_NOTE));
    return df_textbuf_take(&t, out);
}

static void add_finding(DfTextbuf *t, const DfCheck *c, const CheckFinding *f, bool first)
{
    df_textbuf_add(t, "%s{\"level\": \"%s\", \"code\": \"%s\", \"file\": ", first ? "\n  " : ",\n  ",
                   level_name(c->kinds[f->kind].level), c->kinds[f->kind].code);
    df_textbuf_json(t, f->file ? f->file : "");
    if (f->place.line)
        df_textbuf_add(t, ", \"line\": %zu, \"byte\": %" PRIu64, f->place.line, f->place.byte);
    df_textbuf_add(t, ", \"message\": ");
    df_textbuf_json(t, f->text);
    df_textbuf_add(t, "}");
}

int df_check_json(const DfCheck *c, char **out)
{
    DfTextbuf t = { 0 };
    const char *between = "";
    df_textbuf_add(&t, "{\"errors\": %zu, \"warnings\": %zu, \"notes\": %zu,\n ", df_check_count(c, DF_CHECK_ERROR),
                   df_check_count(c, DF_CHECK_WARNING), df_check_count(c, DF_CHECK_NOTE));
    if (c->maps && c->concluded)
        df_textbuf_add(&t, "\"pixels\": {\"n\": %zu, \"right\": %zu},\n ", c->hits.n, c->hits.on_class);
    else if (c->concluded && c->n_detections)
        df_textbuf_add(&t, "\"detections\": {\"n\": %zu, \"on_object\": %zu, \"on_class\": %zu},\n ", c->hits.n,
                       c->hits.on_object, c->hits.on_class);
    df_textbuf_add(&t, "\"counts\": {");
    for (size_t k = 0; k < c->n_kinds; k++) {
        if (c->kinds[k].count)
            df_textbuf_add(&t, "%s\"%s\": %zu", between, c->kinds[k].code, c->kinds[k].count);
        between = c->kinds[k].count ? ", " : between;
    }
    df_textbuf_add(&t, "},\n \"findings\": [");
    for (size_t i = 0; i < c->n_findings; i++)
        add_finding(&t, c, &c->findings[i], i == 0);
    df_textbuf_add(&t, "]}\n");
    return df_textbuf_take(&t, out);
}
