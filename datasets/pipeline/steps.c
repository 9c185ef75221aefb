/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/steps.c -- a list of transforms, read from a config and run one after the other.
 */
#include <string.h>

#include "datasets/pipeline/transform.h"

const char *df_flip_name(DfFlip flip)
{
    static const char *const names[] = { "", "horizontal", "vertical", "diagonal" };
    return names[flip];
}

static bool is_side(const DfNode *node)
{
    return node && node->kind == DF_NODE_INT && node->integer >= 1 && node->integer <= DF_IMAGE_MAX_SIDE;
}

static int read_size(DfScale *out, const DfNode *node)
{
    if (node->kind != DF_NODE_LIST || node->n != 2 || !is_side(node->first) || !is_side(node->first->next))
        return df_node_fail(node, DF_EVALUE, "want a pair of sizes in 1..%d, like (1333, 800)", DF_IMAGE_MAX_SIDE);
    *out = (DfScale){ .kind = DF_SCALE_SIZE, .size = { (int)node->first->integer, (int)node->first->next->integer } };
    return DF_OK;
}

/* JSON has no tuples: a list of two numbers is one size there, a list of lists several. */
int df_read_sizes(DfScales *out, const DfNode *node, DfArena *arena)
{
    *out = (DfScales){ 0 };
    if (!node || node->kind == DF_NODE_NONE)
        return DF_OK;
    const bool several = node->kind == DF_NODE_LIST && node->first && node->first->kind == DF_NODE_LIST;
    out->n = several ? node->n : 1;
    if (!(out->v = df_arena_alloc(arena, (size_t)out->n, sizeof *out->v)))
        return df_fail_memory("sizes");
    if (!several)
        return read_size(out->v, node);
    int error = DF_OK;
    int i = 0;
    for (const DfNode *size = node->first; size && error == DF_OK; size = size->next)
        error = read_size(&out->v[i++], size);
    return error;
}

static int unknown_transform(const DfNode *node, const char *type)
{
    const char *names[128];
    size_t n = 0;
    while (n < 128 && df_transforms[n]) {
        names[n] = df_transforms[n]->name;
        n++;
    }
    const char *near = df_nearest_name(type, names, n);
    if (near)
        return df_node_fail(node, DF_EVALUE, "unknown transform '%s': did you mean '%s'?", type, near);
    return df_node_fail(node, DF_EVALUE, "unknown transform '%s': `deformer list transforms` prints the known ones",
                        type);
}

static int read_step(DfStep *out, const DfNode *node, DfReading *reading)
{
    const char *type = df_node_text(df_node_get(node, "type"), NULL);
    if (node->kind != DF_NODE_DICT || !type)
        return df_node_fail(node, DF_EVALUE, "want a transform: a dict with a type");
    const DfTransform *const *kind = df_transforms;
    while (*kind && strcmp((*kind)->name, type) != 0)
        kind++;
    if (!*kind)
        return unknown_transform(node, type);
    if (!reading->training && ((*kind)->training || !(*kind)->opts))
        return df_node_fail(node, DF_EVALUE, "%s is for training: it cannot be in a test pipeline", type);
    if (reading->training && *kind == &df_transform_MultiScaleFlipAug)
        return df_node_fail(node, DF_EVALUE, "MultiScaleFlipAug is for testing: it cannot be in a training pipeline");
    if (!(*kind)->opts)
        return df_node_fail(node, DF_EVALUE, "%s is not built in: leave it out, or take another transform", type);
    void *self = df_arena_alloc(reading->arena, 1, (*kind)->size);
    if (!self)
        return df_fail_memory("a transform");
    *out = (DfStep){ *kind, self };
    const int error = df_bind(node, (*kind)->opts, self, reading->arena, type);
    return error < 0 || !(*kind)->init ? error : (*kind)->init(self, node, reading);
}

int df_steps_read(DfSteps *out, const DfNode *list, DfReading *reading)
{
    if (!list || list->kind != DF_NODE_LIST)
        return df_node_fail(list, DF_EVALUE, "want a list of transforms");
    *out = (DfSteps){ .v = df_arena_alloc(reading->arena, (size_t)list->n + 1, sizeof *out->v) };
    if (!out->v)
        return df_fail_memory("a pipeline");
    for (const DfNode *node = list->first; node; node = node->next) {
        const int error = read_step(&out->v[out->n], node, reading);
        if (error < 0)
            return error;
        out->n++;
    }
    return DF_OK;
}

bool df_node_is_number(const DfNode *node)
{
    return node && (node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT);
}

static int read_flip(DfFlips *out, const DfNode *node)
{
    const char *word = df_node_text(node, "");
    for (DfFlip flip = DF_FLIP_HORIZONTAL; flip <= DF_FLIP_DIAGONAL; flip++)
        if (strcmp(word, df_flip_name(flip)) == 0) {
            out->v[out->n++] = flip;
            return DF_OK;
        }
    return df_node_fail(node, DF_EVALUE, "'%s': want 'horizontal', 'vertical' or 'diagonal'", word);
}

int df_read_flips(DfFlips *out, const DfNode *node)
{
    *out = (DfFlips){ 0 };
    if (!node || node->kind != DF_NODE_LIST)
        return read_flip(out, node);
    if (node->n > 3)
        return df_node_fail(node, DF_EVALUE, "%d directions: want at most three", node->n);
    int error = DF_OK;
    for (const DfNode *v = node->first; v && error == DF_OK; v = v->next)
        error = read_flip(out, v);
    return error;
}

int df_steps_run(const DfSteps *steps, DfWork *work)
{
    int error = DF_OK;
    for (int i = 0; i < steps->n && error == DF_OK && !work->left_out; i++)
        if (steps->v[i].kind->apply)
            error = steps->v[i].kind->apply(steps->v[i].self, work);
    return error;
}
