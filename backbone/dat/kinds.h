/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/kinds.h -- private: DAT's kinds of blocks. To add one: a file with a record as in pyramid.c, its name
 * here and in the table of kinds.c, its options in block.h and options.c.
 */
#ifndef DF_BACKBONE_DAT_KINDS_H
#define DF_BACKBONE_DAT_KINDS_H

#include "backbone/dat/block.h"

extern const DatBlockKind df_dat_block_window;         /* L: windows: window.c */
extern const DatBlockKind df_dat_block_shifted_window; /* S: shifted windows: window.c */
extern const DatBlockKind df_dat_block_deform;         /* D: samples that the queries choose: deform.c */
extern const DatBlockKind df_dat_block_neighborhood;   /* N: the tokens nearest to a query: neighborhood.c */
extern const DatBlockKind df_dat_block_pyramid;        /* P: a map of lower resolution: pyramid.c */
extern const DatBlockKind df_dat_block_conv;           /* X: no attention, a large depthwise convolution: conv.c */
extern const DatBlockKind df_dat_block_slide;          /* E: the 3x3 tokens around a query, by convolutions: slide.c */
extern const DatBlockKind df_dat_block_local;          /* A: the tokens around a query, moved by offsets: local.c */
extern const DatBlockKind df_dat_block_qna;            /* Q: learned queries: qna.c */

const DatBlockKind *df_dat_block_kind(const char *letter); /* NULL if there is none */

#endif
