/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_block.h -- private: the kinds of blocks of DAT, a letter of stage_spec each, and the forms of their MLP.
 *
 * A kind is the first half of a block, what the official code calls attns.N. To add one: a file with a record as in
 * dat_neighborhood.c, its name here and in dat_block.c.
 */
#ifndef DF_BACKBONE_DAT_BLOCK_H
#define DF_BACKBONE_DAT_BLOCK_H

#include "nn/nn.h"

/* What a stage tells its blocks; each kind reads what concerns it. */
typedef struct {
    int dim, heads;
    int side;                        /* of the map that position tables are made for        */
    int cell;                        /* pixels of the image from one token to the next      */
    bool code_2022;                  /* the arithmetic that the paper's checkpoints came with */
    bool fixed_size;                 /* classification: maps have the size that tables are for */
    float drop;
    int window;                      /* L, S, X                                             */
    int nat_ksize;                   /* N                                                   */
    int sr_ratio;                    /* P                                                   */
    int heads_q, qna_ksize, queries; /* Q                                                   */
    int groups;                      /* D, A                                                */
    bool use_pe, no_off;
    int stride, ksize;               /* D                                                   */
    double offset_range_factor;      /* >= 0: tanh(offset) times this many cells; < 0: free, clamped */
    bool fixed_pe, dwc_pe, log_cpb;
    int local_ksize, local_kv;       /* A: kernel of the offset network, side of the neighborhood */
    bool resize_windows, resize_positions; /* whether tables of another size are resized on loading */
} DatBlockOptions;

typedef struct {
    char letter;
    size_t size;
    bool only_detection, only_classification; /* the official code of the other form has no such block      */
    bool single;      /* has neither norm nor residual of its own: what it makes goes into the MLP's norm */
    void (*init)(NnScope, void *self, const DatBlockOptions *);
    DfTensor *(*forward)(DfCtx *, const void *self, DfTensor *x, NnResidual); /* x: B H W C, normalised unless `single` */
} DatBlockKind;

extern const DatBlockKind df_dat_block_window, df_dat_block_shifted_window; /* L, S: dat_window.c       */
extern const DatBlockKind df_dat_block_deform;                           /* D:    dat_attention.c    */
extern const DatBlockKind df_dat_block_neighborhood;                     /* N:    dat_neighborhood.c */
extern const DatBlockKind df_dat_block_pyramid;                          /* P:    dat_pyramid.c      */
extern const DatBlockKind df_dat_block_conv;                             /* X:    dat_conv.c         */
extern const DatBlockKind df_dat_block_slide;                            /* E:    dat_slide.c        */
extern const DatBlockKind df_dat_block_local;                            /* A:    dat_local.c        */
extern const DatBlockKind df_dat_block_qna;                              /* Q:    dat_qna.c          */

const DatBlockKind *df_dat_block_kind(const char *letter);               /* NULL if there is none    */

/* ---- the MLP: dat_mlp.c ------------------------------------------------------------------------------------------- */

typedef enum {
    DAT_MLP_PLAIN,     /* linear, GELU, linear                                                     */
    DAT_MLP_CONV_2022, /* conv1x1, dwconv3x3, GELU, conv1x1                                        */
    DAT_MLP_CONV,      /* the same with h + dwconv(h)                                              */
    DAT_MLP_CMT        /* as CONV with batch norms after the GELUs and at the end: Guo et al., CVPR 2022 */
} DatMlpKind;

typedef struct {
    DatMlpKind kind;
    NnMlp plain;
    NnLinear fc1, fc2;
    NnConv dwc;
    NnNorm norm[3];
    float drop;
} DatMlp;

void df_dat_mlp_init(NnScope, DatMlp *, DatMlpKind, int dim, int hidden, float drop);
DfTensor *df_dat_mlp_add(DfCtx *, const DatMlp *, DfTensor *x, NnResidual);

#endif
