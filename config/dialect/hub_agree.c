/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/hub_agree.c -- checks that config.json and the tensors beside it describe the same network. A width
 * or a count that differs is reported by its key, before anything is built. Missing tensors are not checked.
 */
#include "config/dialect/hub_network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 512 };

/* The item of a list, the number itself, or the dict where the key is not written. */
static const DfNode *place_of(const DfHubKey *key)
{
    const DfNode *node = df_node_get(key->dict, key->key);
    if (!node)
        return key->dict;
    const DfNode *item = node->kind == DF_NODE_LIST ? node->first : NULL;
    for (int i = 0; item && i < key->item; i++)
        item = item->next;
    return item ? item : node;
}

static void write_shape(char *out, size_t size, const int64_t *shape, int n)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? " x %lld" : "%lld", (long long)shape[i]);
}

int df_hub_agrees(const DfHub *hub, const DfHubKey *key, int dim, int64_t wanted, const char *format, ...)
{
    int64_t shape[DF_SHAPE_DIMS];
    char name[NAME], met[128], want[128];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const int n = hub->shapes ? hub->shapes->shape(hub->shapes->user, name, shape) : -1;
    if (n <= dim || shape[dim] == wanted)
        return DF_OK;
    write_shape(met, sizeof met, shape, n);
    shape[dim] = wanted;
    write_shape(want, sizeof want, shape, n);
    return df_node_fail(place_of(key), DF_ESHAPE, "by %s the tensor %s is %s, in the weights it is %s: want the config.json "
                        "that was saved with these weights", key->key, name, want, met);
}

int df_hub_counts(const DfHub *hub, const DfHubKey *key, int count, const char *format, ...)
{
    char before[NAME], last[NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof before, format, args);
    va_end(args);
    const char *number = strchr(before, '#');
    const int head = (int)(number - before);
    int there = 0;
    do
        snprintf(last, sizeof last, "%.*s%d%s", head, before, there, number + 1);
    while (df_hub_has(hub, "%s", last) && ++there);
    if (there == 0 || there == count)
        return DF_OK;
    return df_node_fail(place_of(key), DF_ESHAPE, "%s says %d, the weights have %d: %.*s0%s and so on", key->key, count, there,
                        head, before, number + 1);
}
