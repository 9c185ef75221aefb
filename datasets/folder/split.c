/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/folder/split.c -- makes a validation part if there is none: a fifth of the pictures, chosen by the hash of
 * their names. Adding a picture to the folder changes the part of at most one or two others.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/folder/found.h"

typedef struct {
    uint64_t hash;
    const char *name;
    int at;
} Ranked;

/* FNV-1a of the name without its folders, so that a moved folder is split alike; mixed as splitmix64 does it. */
static uint64_t hash_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    uint64_t z = df_hash(slash ? slash + 1 : name);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int by_hash(const void *a, const void *b)
{
    const Ranked *x = a;
    const Ranked *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Copies what belongs to picture `from` of one part to the end of another. */
static void move(DfFolderPart *to, const DfFolderPart *from, int i)
{
    to->name[to->n] = from->name[i];
    if (from->chosen)
        to->chosen[to->n] = from->chosen[i];
    if (from->label)
        to->label[to->n] = from->label[i];
    to->n++;
}

static int room(DfFolder *f, DfFolderPart *part, const DfFolderPart *like)
{
    const size_t n = (size_t)like->n + 1;
    *part = *like;
    part->n = 0;
    part->whole = false;
    part->ann_file = like->coco ? NULL : like->ann_file;
    part->name = df_arena_alloc(f->arena, n, sizeof *part->name);
    part->chosen = like->chosen ? df_arena_alloc(f->arena, n, sizeof *part->chosen) : NULL;
    part->label = like->label ? df_arena_alloc(f->arena, n, sizeof *part->label) : NULL;
    const bool there = part->name && !part->chosen == !like->chosen && !part->label == !like->label;
    return there ? DF_OK : df_fail_memory("a part for validation");
}

int df_folder_split(DfFolder *f)
{
    const DfFolderPart all = f->part[DF_TRAINING];
    Ranked *rank = df_malloc(((size_t)all.n + 1) * sizeof *rank);
    bool *kept = df_calloc((size_t)all.n + 1, sizeof *kept); /* for validation */
    int error = rank && kept ? DF_OK : df_fail_memory("a part for validation");
    if (error == DF_OK)
        error = room(f, &f->part[DF_TRAINING], &all);
    if (error == DF_OK)
        error = room(f, &f->part[DF_VALIDATION], &all);
    for (int i = 0; error == DF_OK && i < all.n; i++)
        rank[i] = (Ranked){ hash_of(all.name[i]), all.name[i], i };
    if (error == DF_OK) {
        qsort(rank, (size_t)all.n, sizeof *rank, by_hash);
        const int wanted = all.n < 5 ? 1 : all.n / 5;
        for (int i = 0; i < wanted && i < all.n; i++)
            kept[rank[i].at] = true;
        for (int i = 0; i < all.n; i++)
            move(&f->part[kept[i] ? DF_VALIDATION : DF_TRAINING], &all, i);
        if (f->part[DF_TRAINING].n == 0) /* the only picture is both */
            move(&f->part[DF_TRAINING], &all, 0);
        f->split = true;
    }
    df_free(rank);
    df_free(kept);
    return error;
}
