/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/block.h -- private: the first half of a block of DAT, its attention, which the official code calls
 * attns.N. Each kind has a letter in `stage_spec`, a file in this folder, and a record at the end of that file.
 */
#ifndef DF_BACKBONE_DAT_BLOCK_H
#define DF_BACKBONE_DAT_BLOCK_H

#include <math.h>

#include "nn/nn.h"

/* What a stage tells its blocks; each kind reads what concerns it. */
typedef struct {
    int dim, heads;                  /* channels, and attention heads, which divide them               */
    int side;                        /* of the map that position tables are made for, in tokens        */
    int cell;                        /* pixels of the image from one token to the next                 */
    bool code_2022;                  /* the arithmetic that the paper's checkpoints came with          */
    bool fixed_size;                 /* classification: nothing is padded or resized to fit            */
    float drop, attn_drop;           /* training: dropout of the projection and of attention weights   */
    bool resize_windows;             /* whether tables of another size are resized on loading: of L, S */
    bool resize_positions;           /* and of D, A                                                    */
    /* L, S, X */
    int window;                      /* side of a window, in tokens; kernel of the convolution         */
    /* N */
    int nat_ksize;                   /* side of the neighborhood, in tokens                            */
    /* P */
    int sr_ratio;                    /* by how much the map of keys is smaller, along each side        */
    /* Q */
    int heads_q, qna_ksize, queries;
    /* D, A */
    int groups;                      /* of channels, each with samples of its own                      */
    bool use_pe;                     /* add a position bias                                            */
    bool no_off;                     /* samples stay where they are without offsets                    */
    /* D */
    int stride, ksize;               /* of the offset network's convolution                            */
    double offset_range_factor;      /* at least 0: tanh(offset) times this many cells; below: free, clamped */
    bool fixed_pe, dwc_pe, log_cpb;  /* other forms of the position bias; none: a table that is sampled */
    /* A */
    int local_ksize, local_kv;       /* kernel of the offset network, side of the neighborhood         */
} DatBlockOptions;

typedef struct {
    char letter;
    size_t size;                     /* of the kind's own struct, which comes zeroed                   */
    bool only_detection;             /* the official classification code has no such block             */
    bool only_classification;        /* the official detection code has no such block                  */
    bool single;                     /* has neither norm nor residual of its own: its result goes into the MLP's norm */
    void (*init)(NnScope, void *self, const DatBlockOptions *);
    /* B H W C, normalised unless `single` -> B H W C, with the residual */
    DfTensor *(*forward)(DfCtx *, const void *self, DfTensor *x, NnResidual);
    /* The same of norm(x), which is faster; or NULL */
    DfTensor *(*branch)(DfCtx *, const void *self, const NnLayerNorm *, DfTensor *x, NnResidual);
} DatBlockKind;

/* 1 / sqrt(D) of the attention scores, D the channels of a head. */
static inline float df_dat_scale(const DatBlockOptions *o)
{
    return 1 / sqrtf((float)(o->dim / o->heads));
}

#endif
