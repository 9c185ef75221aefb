/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/failure.c -- records the first failure of a context: its code, its sentence, and the path of the current
 * module.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tensor/parts.h"

static int print_scope(char *out, size_t size, const char *dot, const Scope *scope)
{
    if (scope->index < 0)
        return snprintf(out, size, "%s%s", dot, scope->name);
    return snprintf(out, size, "%s%s.%d", dot, scope->name, scope->index);
}

void df_path_of_scope(const struct DfCtxParts *p, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < p->depth && used < size; i++) {
        const int n = print_scope(out + used, size - used, i ? "." : "", &p->scopes[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

void df_ctx_fail(DfCtx *c, int code, const char *format, ...)
{
    if (c->err)
        return;
    char sentence[512], path[256];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    df_path_of_scope(c->parts, path, sizeof path);
    snprintf(c->parts->sentence, sizeof c->parts->sentence, "%s%s%s", path, path[0] ? ": " : "", sentence);
    c->err = code;
}

int df_ctx_error(DfCtx *c)
{
    df_check_made(c);
    return c->err ? df_fail(c->err, "%s", c->parts->sentence) : DF_OK;
}
