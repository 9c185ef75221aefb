/* SPDX-License-Identifier: Apache-2.0
 *
 * config/variables.c -- replaces {{ fileDirname }} and the other predefined variables of a config by their values.
 */
#include "config/variables.h"

#include <string.h>

#include "config/tree.h"

void df_config_variables(Variable v[VARIABLES], const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const size_t length = strlen(base);
    const size_t stem = dot && dot != base ? (size_t)(dot - base) : length;
    v[0] = (Variable){ "fileDirname", ".", 1 };
    if (slash) {
        v[0].text = path;
        v[0].length = slash == path ? 1 : (size_t)(slash - path); /* "/" of "/config.py" */
    }
    v[1] = (Variable){ "fileBasenameNoExtension", base, stem };
    v[2] = (Variable){ "fileBasename", base, length };
    v[3] = (Variable){ "fileExtname", base + stem, length - stem };
}

/* The variable of "{{ name }}" at p, and in *length how long that is; NULL if none stands there. */
static const Variable *variable_at(const char *p, const char *end, const Variable *v, size_t *length)
{
    const char *at = p + 2;
    if (end - p < 4 || p[0] != '{' || p[1] != '{')
        return NULL;
    at = df_skip_white(at, end);
    for (int i = 0; i < VARIABLES; i++) {
        const size_t n = strlen(v[i].name);
        if ((size_t)(end - at) < n || memcmp(at, v[i].name, n) != 0)
            continue;
        const char *close = df_skip_white(at + n, end);
        if (end - close < 2 || close[0] != '}' || close[1] != '}')
            continue;
        *length = (size_t)(close + 2 - p);
        return &v[i];
    }
    return NULL;
}

size_t df_config_substitute(char *out, const char *text, size_t size, const Variable *v)
{
    size_t n = 0;
    for (const char *p = text, *end = text + size; p < end;) {
        size_t length = 0;
        const Variable *variable = variable_at(p, end, v, &length);
        const char *from = variable ? variable->text : p;
        const size_t put = variable ? variable->length : 1;
        if (out)
            memcpy(out + n, from, put);
        n += put;
        p += variable ? length : 1;
    }
    return n;
}
