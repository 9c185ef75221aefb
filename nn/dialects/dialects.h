/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/dialects.h -- private: what a dialect is, a table that translates the parameter names of another library
 * into ours and back. The README.md of this folder explains how to write one.
 */
#ifndef DF_NN_DIALECTS_DIALECTS_H
#define DF_NN_DIALECTS_DIALECTS_H

#include "nn/nn.h"

/* How the numbers of an array are rearranged from their side to ours; the other direction is the inverse. */
typedef enum {
    NN_SAME,               /* not at all; {a|b|c} in one of the names may still split or join rows             */
    NN_TRANSPOSED,         /* two dimensions are exchanged                                                     */
    NN_SQUEEZED,           /* theirs is a 1x1 convolution O I 1 1, ours a linear layer O I                     */
    NN_SQUARED,            /* theirs has one dimension of n * n, ours n n                                      */
    NN_UNFOLDED,           /* patch merging: theirs in the order of nn.Unfold, ours as in the official Swin    */
    NN_BACKGROUND_FIRST,   /* theirs begins with the row of the background, ours ends with it                  */
    NN_BACKGROUND_ROW,     /* theirs begins with a row for the background, ours has none; written as zeros     */
    NN_BACKGROUND_BOX,     /* the same with the four rows of a box                                             */
    NN_NEEDLESS,           /* the array is not needed: `ours` is NULL                                          */
} NnTurn;

/* Flags of a row, NnRow.how. */
enum {
    NN_READ_ONLY = 1,      /* an older name: understood, never written                                         */
    NN_ALSO = 2,           /* a second name of the same weights: written in addition to another row's          */
    NN_DOUBLE = 4,         /* {a|b}: the second part has twice as many rows as the first                       */
};

/* One row of a table: names that match `theirs` become `ours`, and the reverse. The first row that matches is used.
 * In both patterns
 *     {s}, {s+1}, {2s+1}   a number; a letter stands for the same number on both sides
 *     {q|k|v}              one of these words: the arrays with these names are, in this order, equal parts of the rows
 *                          of one array on the other side. The word 0 is a part that this side does not have: it is
 *                          dropped in one direction, and zeros in the other
 *     *                    any characters, at most once; the same on both sides */
typedef struct NnRow {
    const char *theirs, *ours;
    NnTurn turn;
    unsigned how;                /* NN_READ_ONLY, NN_ALSO, NN_DOUBLE                                           */
    const struct NnRow *table;   /* not NULL: both names end in `*`, and these rows translate the rest         */
    const char *every;           /* their array with index {n} 0 also stands for the missing indices: all n for
                                  * which a name of the file matches this pattern                              */
    /* For arrays that a library stores although they can be computed: makes *out, in memory of the arena, from the
     * array that matches `ours`. Only for writing; a file's array is ignored. */
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
    const char *what;            /* the networks, for messages: "Swin"                                         */
    const char *ours;            /* the library that our names come from: "mmdet", "official", ..              */
    bool is_of_models;           /* our models may have its names: then files are translated into them         */
    bool stores_index;           /* files contain the index of relative positions, which others compute        */
    bool is_backbone;            /* its names also occur under "backbone.", in a detector or segmentor         */
    const char *const *signs;    /* patterns that detect it: each matches a key of the file; one that begins with !
                                  * matches none. NULL: only for writing, another table reads these names      */
    bool (*tell)(const DfArray *, int n); /* also checks shapes; may be NULL. Names come without prefixes      */
    const NnRow *rows;           /* ends with an empty one                                                     */
};

extern const NnDialect *const nn_dialects[]; /* NULL-terminated, from list.def */

/* ---- patterns: pattern.c ----------------------------------------------------------------------------------------- */

enum { NN_NAME = 512 };          /* bytes of a name, with the final zero   */
typedef struct {
    int number[26];              /* of the letters a..z; -1: none          */
    int part, parts;             /* index and number of the words; 0, 0    */
    const char *rest;            /* the part that `*` matched, in the name */
    size_t length;
} NnCapture;
bool nn_pattern_fits(const char *pattern, const char *name, NnCapture *);
/* Spells a name from a pattern and the captured values. False if it is too long, or a number was not captured. `part`
 * >= 0 chooses the word of {a|b|c}. */
bool nn_pattern_spell(const char *pattern, const NnCapture *, int part, char name[NN_NAME]);
int nn_pattern_parts(const char *pattern);               /* number of words in {a|b|c}, or 0                   */
bool nn_pattern_has_part(const char *pattern, int part); /* false for the word 0                               */
/* Whether the name matches; if so, *letter and *number are those of its {n}. */
bool nn_pattern_number(const char *pattern, const char *name, char *letter, int *number);

/* ---- numbers: turn.c --------------------------------------------------------------------------------------------- */

/* Rearranges *in to *out, which keeps the name: a view where possible, else in memory of the arena. DF_ESHAPE if the
 * array has no such shape. */
int nn_turn(NnTurn, bool back, const DfArray *in, DfArena *, DfArray *out);
/* Part `part` of `parts` equal parts of the rows, as a view. DF_ESHAPE if they cannot be divided evenly. */
int nn_turn_part(const DfArray *in, int part, int parts, DfArray *out);
/* The same for `count` parts from `first` on. */
int nn_turn_parts(const DfArray *in, int first, int count, int parts, DfArray *out);
/* Concatenates arrays along the rows. One without data counts as zeros. */
int nn_turn_join(const DfArray *part, int parts, DfArena *, DfArray *out);

/* Functions for NnRow.generate: generate.c. */
int nn_relative_position_index(const DfArray *bias_table, DfArena *, DfArray *out);      /* T T */
int nn_relative_position_index_flat(const DfArray *bias_table, DfArena *, DfArray *out); /* T*T */

/* ---- files: translate.c, tell.c ---------------------------------------------------------------------------------- */

/* An array under translation, and the first key of the file that it comes from. */
typedef struct {
    DfArray array;               /* its name is in the current dialect               */
    const char *key;
    bool needless;
    const DfArray *part;         /* the arrays that were joined to it, or NULL             */
    int parts;
} NnNamed;
typedef struct {
    NnNamed *at;
    int n;
    size_t capacity;
    DfArena *arena;              /* owns new names and numbers                       */
} NnArrays;
int nn_arrays_new(NnArrays *);
void nn_arrays_free(NnArrays *); /* fine for one that is all zero                    */
int nn_arrays_add(NnArrays *, const NnNamed *);
/* Adds Swin v2's tables of relative positions for windows of this side, unless it has some. Names are ours. */
int nn_add_window_tables(NnArrays *, int window); /* generate.c */

/* The prefix of a dialect's names in a file: `cut`, which is removed, followed by `at`, which is kept. */
typedef struct {
    const NnDialect *dialect;    /* NULL: the names are ours already                 */
    char cut[96];
    const char *at;              /* "" or "backbone."                                */
} NnPlace;

/* Translates all arrays of `in`; names that no row matches are kept. DF_OK, DF_ENOMEM or DF_ESHAPE. */
int nn_translate(const NnPlace *, bool back, const NnArrays *in, NnArrays *out);
/* Translates a name only; `part` selects one part of an array that becomes several. False if no row matches. */
bool nn_translate_name(const NnPlace *, bool back, const char *name, int part, char out[NN_NAME]);
/* The number of keys that some row matches. */
int nn_count_known(const NnPlace *, bool back, const NnArrays *);

/* Lists the possible dialects of a file with their prefixes: for every prefix of wrappers ("model.",
 * "ema_model.student."), first our own names, then each dialect whose signs are found. */
enum { NN_PLACES = 256 };
int nn_places(const NnArrays *, NnPlace place[NN_PLACES]);

/* The dialect and prefix of a model's own names; `dialect` is NULL if they are ours. DF_OK or DF_ENOMEM. */
int nn_place_of_model(const NnModel *, NnPlace *);

/* The arrays of a file, without the words that wrappers insert into names (_orig_mod., module.). */
int nn_arrays_open(NnArrays *, const DfArray *arrays, int n);
int nn_arrays_open_file(NnArrays *, const DfCheckpoint *);

#endif
