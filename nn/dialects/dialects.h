/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/dialects.h -- private: what a dialect of checkpoints is. README.md of this folder says how to write one.
 */
#ifndef DF_NN_DIALECTS_DIALECTS_H
#define DF_NN_DIALECTS_DIALECTS_H

#include "nn/nn.h"

/* What becomes of the numbers, from theirs to ours; the way back undoes it. */
typedef enum {
    NN_SAME,               /* nothing; {a|b|c} in one of the names cuts or joins rows all the same             */
    NN_TRANSPOSED,         /* two dimensions in the other order                                                */
    NN_SQUEEZED,           /* theirs is a 1x1 convolution O I 1 1, ours a linear layer O I                     */
    NN_SQUARED,            /* theirs has one dimension of n * n, ours n n                                      */
    NN_UNFOLDED,           /* patch merging: theirs in the order of nn.Unfold, ours as in the official Swin    */
    NN_BACKGROUND_FIRST,   /* theirs begins with the row of the background, ours ends with it                  */
    NN_BACKGROUND_ROW,     /* theirs begins with a row for the background, ours has none; back it is zero      */
    NN_BACKGROUND_BOX,     /* the same with the four rows of a box                                             */
    NN_NEEDLESS,           /* known, and nobody needs it: `ours` is NULL                                       */
} NnTurn;

/* What a row may say beside. */
enum {
    NN_READ_ONLY = 1,      /* an older spelling: understood, never written                                     */
    NN_ALSO = 2,           /* written beside what another row writes: a second name of the same weights        */
    NN_DOUBLE = 4,         /* {a|b}: the second part has twice as many rows as the first                       */
};

/* One row: names that fit `theirs` are `ours`, and the other way round. The first row that fits is taken.
 * In both patterns
 *     {s}, {s+1}, {2s+1}   a number; the letter is the same number on both sides
 *     {q|k|v}              one of these words: the arrays so named are, in this order, the equal parts of the rows of
 *                          one array of the other side; the word 0 is a part that the side with the words does not
 *                          have: it is dropped on the way to it, and zero on the way back
 *     *                    anything, at most once; the same on both sides */
typedef struct NnRow {
    const char *theirs, *ours;
    NnTurn turn;
    unsigned how;                /* NN_READ_ONLY, NN_ALSO                                                      */
    const struct NnRow *table;   /* not NULL: both names end in `*`, and these rows say what stands for it     */
    const char *every;           /* their array of index 0, {n}, stands for every index that is missing: all n
                                  * for which a name of the file fits this pattern                             */
    /* Writing alone, for what a library stores though it can be computed: makes *out, with memory of the arena, from
     * the array that fits `ours`. On the way in it is needless. */
    int (*generate)(const DfArray *ours, DfArena *, DfArray *out);
} NnRow;
#define NN_ROW(name, our) { .theirs = name, .ours = our }
#define NN_ROW_TURNED(name, our, as) { .theirs = name, .ours = our, .turn = as }
#define NN_ROW_OLD(name, our) { .theirs = name, .ours = our, .how = NN_READ_ONLY }
#define NN_ROW_ALSO(name, our) { .theirs = name, .ours = our, .how = NN_ALSO }
#define NN_ROW_DOUBLE(name, our) { .theirs = name, .ours = our, .how = NN_DOUBLE }
#define NN_ROW_NEEDLESS(name) { .theirs = name, .turn = NN_NEEDLESS }
#define NN_ROW_TABLE(name, our, rows) { .theirs = name, .ours = our, .table = rows }
#define NN_ROW_EVERY(name, our, pattern) { .theirs = name, .ours = our, .every = pattern }
#define NN_ROW_GENERATED(name, our, make) { .theirs = name, .ours = our, .generate = make }
#define NN_ROWS_END { .theirs = NULL }

struct NnDialect {
    const char *package;         /* "torchvision": what `deformer convert --to` takes                          */
    const char *what;            /* the networks, for people: "Swin"                                           */
    const char *ours;            /* the library whose names our side has: "mmdet", "official", ..              */
    bool is_of_models;           /* models of ours may have its names: then a file is translated into them     */
    bool stores_index;           /* writes the index of relative positions, which others compute               */
    bool is_backbone;            /* its names stand under "backbone." too, in a detector or segmentor          */
    const char *const *signs;    /* patterns: each fits a key of the file, and one that begins with ! fits none;
                                  * NULL: it is for writing alone, another table reads its names               */
    bool (*tell)(const DfArray *, int n); /* looks at shapes besides; may be NULL. The names are without prefixes */
    const NnRow *rows;           /* ended by an empty one                                                      */
};

extern const NnDialect *const nn_dialects[]; /* NULL-terminated, from list.def */

/* ---- patterns: pattern.c ----------------------------------------------------------------------------------------- */

enum { NN_NAME = 512 };          /* letters of a name, with the final zero */
typedef struct {
    int number[26];              /* of the letters a..z; -1: not met       */
    int part, parts;             /* which of the words, of how many; 0, 0  */
    const char *rest;            /* what `*` stood for: within the name    */
    size_t length;
} NnCapture;
bool nn_pattern_fits(const char *pattern, const char *name, NnCapture *);
/* The name that a pattern and what was captured make. False if it is too long, or lacks a number. `part` >= 0 chooses
 * among the words. */
bool nn_pattern_spell(const char *pattern, const NnCapture *, int part, char name[NN_NAME]);
int nn_pattern_parts(const char *pattern);               /* words of {a|b|c}, or 0                             */
bool nn_pattern_has_part(const char *pattern, int part); /* false for the word 0                               */
/* The number of {n} in the names that fit: true, or false if it does not fit. */
bool nn_pattern_number(const char *pattern, const char *name, char *letter, int *number);

/* ---- numbers: turn.c --------------------------------------------------------------------------------------------- */

/* *out = *in turned; the name stays. Views where that is possible, else memory of the arena. DF_ESHAPE if the array
 * cannot be turned so. */
int nn_turn(NnTurn, bool back, const DfArray *in, DfArena *, DfArray *out);
/* Rows part * n .. of parts * n, as a view. DF_ESHAPE if they cannot be divided. */
int nn_turn_part(const DfArray *in, int part, int parts, DfArray *out);
/* The same of `count` parts from `first` on. */
int nn_turn_parts(const DfArray *in, int first, int count, int parts, DfArray *out);
/* Puts arrays one below the other. One without data is zero. */
int nn_turn_join(const DfArray *part, int parts, DfArena *, DfArray *out);

/* What NnRow.generate may be: generate.c. */
int nn_relative_position_index(const DfArray *bias_table, DfArena *, DfArray *out);      /* T T */
int nn_relative_position_index_flat(const DfArray *bias_table, DfArena *, DfArray *out); /* T*T */

/* ---- files: translate.c, tell.c, prefix.c ------------------------------------------------------------------------ */

/* An array on its way, and the first key of the file that it is made of. */
typedef struct {
    DfArray array;               /* its name: in the dialect that was reached so far */
    const char *key;
    bool needless;
    const DfArray *part;         /* the arrays whose rows it is, if it was joined; or NULL */
    int parts;
} NnNamed;
typedef struct {
    NnNamed *at;
    int n;
    size_t capacity;
    DfArena *arena;              /* names and numbers that were made                 */
} NnArrays;
int nn_arrays_new(NnArrays *);
void nn_arrays_free(NnArrays *); /* fine for one that is all zero                    */
int nn_arrays_add(NnArrays *, const NnNamed *);
/* Swin v2's tables of relative positions for windows of that side, unless some are there. The names are ours. */
int nn_add_window_tables(NnArrays *, int window); /* generate.c */

/* Where the names of a dialect stand in a file: behind `cut`, which goes, and `at`, which stays. */
typedef struct {
    const NnDialect *dialect;    /* NULL: the names are ours already                 */
    char cut[96];
    const char *at;              /* "" or "backbone."                                */
} NnPlace;

/* All arrays of `in` under the names of the other side; what no row knows keeps
 * its name. DF_OK, DF_ENOMEM or DF_ESHAPE. */
int nn_translate(const NnPlace *, bool back, const NnArrays *in, NnArrays *out);
/* The name alone, of one part of an array that becomes several; false: no row knows it. */
bool nn_translate_name(const NnPlace *, bool back, const char *name, int part, char out[NN_NAME]);
/* How many keys have a row. */
int nn_count_known(const NnPlace *, bool back, const NnArrays *);

/* The places at which a dialect may stand in a file, plain names first: for every run of wrapping words in front of
 * keys ("model.", "ema_model.student."), plain names and each dialect whose signs are there. */
enum { NN_PLACES = 256 };
int nn_places(const NnArrays *, NnPlace place[NN_PLACES]);

/* The dialect that a model's own names are in, and where; its `dialect` is NULL if they are ours. DF_OK or
 * DF_ENOMEM. */
int nn_place_of_model(const NnModel *, NnPlace *);

/* A file's arrays, without the words that wrappers put into the middle of names (_orig_mod., module.). */
int nn_arrays_open(NnArrays *, const DfArray *arrays, int n);
int nn_arrays_open_file(NnArrays *, const DfCheckpoint *);

#endif
