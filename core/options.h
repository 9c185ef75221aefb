/* SPDX-License-Identifier: Apache-2.0
 *
 * core/options.h -- option tables: one row defines parsing, range check, default and manual (after FFmpeg).
 *
 * A plugin lists the keys that its config dict may have; config/ fills the struct from the dict (df_bind in
 * config/config.h), and `deformer list` prints the rows. Defaults are written as in a config file:
 *
 *     typedef struct {
 *         int embed_dim, style;
 *         DfInts depths;
 *         bool ape;
 *         double qk_scale;
 *         const DfNode *act_cfg;
 *     } Swin;
 *     static const DfOpt opts[] = {
 *         DF_OPT_INT  (Swin, embed_dim, 96, 1, 4096, "channels of stage 0"),
 *         DF_OPT_INTS (Swin, depths, "[2, 2, 6, 2]", 0, 1000, "blocks of each stage"),
 *         DF_OPT_BOOL (Swin, ape, False, "add a learned absolute position embedding"),
 *         DF_OPT_FLOAT(Swin, qk_scale, None, 0, 1e9, "replaces head_dim ** -0.5"),              None: NAN
 *         DF_OPT_ENUM (Swin, style, detection, "detection|classification", "which of the two published forms"),
 *         DF_OPT_DICT (Swin, act_cfg, "None", "activation"),                                       None: NULL
 *         DF_OPT_UNUSED(use_checkpoint, "trades time for memory in PyTorch training"),
 *         DF_OPT_END
 *     };
 */
#ifndef DF_CORE_OPTIONS_H
#define DF_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct DfNode; /* a subtree of a config, config/config.h */

/* Lists live in the arena that the struct was bound with. */
typedef struct { int n; const int *v; } DfInts;
typedef struct { int n; const double *v; } DfFloats;
typedef struct { int n; const bool *v; } DfBools;
static inline bool df_ints_have(DfInts list, int value)
{
    for (int i = 0; i < list.n; i++)
        if (list.v[i] == value)
            return true;
    return false;
}

typedef enum {
    DF_KIND_END,
    DF_KIND_INT,    /* int                                                                             */
    DF_KIND_FLOAT,  /* double; None is NAN                                                             */
    DF_KIND_BOOL,   /* bool                                                                            */
    DF_KIND_TEXT,   /* const char *; None is NULL                                                      */
    DF_KIND_ENUM,   /* int, the index into `choices`; True, False and None match by these names        */
    DF_KIND_INTS,   /* DfInts; a bare number is a list of one                                          */
    DF_KIND_FLOATS, /* DfFloats; likewise                                                              */
    DF_KIND_BOOLS,  /* DfBools; likewise                                                               */
    DF_KIND_DICT,   /* const struct DfNode *, NULL for None: a dict that the plugin reads itself       */
    DF_KIND_NODE,   /* const struct DfNode *, NULL for None: any value                                 */
    DF_KIND_UNUSED  /* accepted with any value, without effect: `help` says why                        */
} DfKind;

typedef struct {
    const char *name;
    DfKind kind;
    size_t offset;
    const char *fallback;  /* the default, in config syntax; NULL: the key must be given */
    double min, max;       /* of a number, and of each number of a list                  */
    const char *choices;   /* of an enum: "a|b|c"                                        */
    const char *help;
} DfOpt;

/* A row whose key differs from the name of the member: a nested member, or an older name of a key. */
#define DF_OPT_AS(T, key, member, kind, fallback, lo, hi, choices, help) \
    { #key, kind, offsetof(T, member), fallback, lo, hi, choices, help }
#define DF_OPT_ROW(T, f, kind, fallback, lo, hi, choices, help) \
    DF_OPT_AS(T, f, f, kind, fallback, lo, hi, choices, help)
/* Defaults of texts, lists and subtrees are quoted, as they would stand in a config: "'GN'", "[2, 2, 6, 2]", "None". */
#define DF_OPT_INT(T, f, d, lo, hi, help)    DF_OPT_ROW(T, f, DF_KIND_INT, #d, lo, hi, NULL, help)
#define DF_OPT_FLOAT(T, f, d, lo, hi, help)  DF_OPT_ROW(T, f, DF_KIND_FLOAT, #d, lo, hi, NULL, help)
#define DF_OPT_BOOL(T, f, d, help)           DF_OPT_ROW(T, f, DF_KIND_BOOL, #d, 0, 1, NULL, help)
#define DF_OPT_TEXT(T, f, d, help)           DF_OPT_ROW(T, f, DF_KIND_TEXT, d, 0, 0, NULL, help)
#define DF_OPT_ENUM(T, f, d, choices, help)  DF_OPT_ROW(T, f, DF_KIND_ENUM, #d, 0, 0, choices, help)
#define DF_OPT_INTS(T, f, d, lo, hi, help)   DF_OPT_ROW(T, f, DF_KIND_INTS, d, lo, hi, NULL, help)
#define DF_OPT_FLOATS(T, f, d, lo, hi, help) DF_OPT_ROW(T, f, DF_KIND_FLOATS, d, lo, hi, NULL, help)
#define DF_OPT_BOOLS(T, f, d, help)          DF_OPT_ROW(T, f, DF_KIND_BOOLS, d, 0, 1, NULL, help)
#define DF_OPT_DICT(T, f, d, help)           DF_OPT_ROW(T, f, DF_KIND_DICT, d, 0, 0, NULL, help)
#define DF_OPT_NODE(T, f, d, help)           DF_OPT_ROW(T, f, DF_KIND_NODE, d, 0, 0, NULL, help)
#define DF_OPT_UNUSED(f, why)                { #f, DF_KIND_UNUSED, 0, "None", 0, 0, NULL, why }
#define DF_OPT_END                           { NULL, DF_KIND_END, 0, NULL, 0, 0, NULL, NULL }

#endif
