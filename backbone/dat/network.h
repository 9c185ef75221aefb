/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/network.h -- private: the parts of a DAT, and functions that its files share.
 */
#ifndef DF_BACKBONE_DAT_NETWORK_H
#define DF_BACKBONE_DAT_NETWORK_H

#include "backbone/dat/block.h"
#include "backbone/dat/mlp.h"
#include "backbone/transformer.h"

enum { DAT_STAGES = 4 };
enum { DAT_DETECTION, DAT_CLASSIFICATION }; /* style: maps, or logits */
enum { DAT_CODE_2022, DAT_CODE_2023 };      /* code_version                                            */

typedef struct {
    const DatBlockKind *kind;
    void *attn;                  /* what the kind's init() made                     */
    NnConv lpu;                  /* local perception unit, DAT++: x + dwconv(x)     */
    NnLayerNorm norm1, norm2;
    DatMlp mlp;
    DfTensor *scale1, *scale2;   /* layer scale of either half, DAT++: C each       */
    float drop_path;
} DatBlock;

typedef struct {
    int depth;
    NnLinear proj;               /* only where the channels change                  */
    DatBlock *blocks;
    NnConv down;                 /* to the next stage                               */
    NnLayerNorm down_norm;
    NnLayerNorm norm;            /* of the stage's map, in the detection form       */
} DatStage;

typedef struct {
    /* options, by their official names: options.c */
    int img_size, patch_size, num_classes, expansion, dim_stem, style, code_version;
    DfInts dims, depths, heads, window_sizes, strides, groups, ksizes, nat_ksizes, sr_ratios, out_indices;
    DfInts heads_q, ksize_qnas, nqs, local_orf, local_kv_sizes;
    DfFloats offset_range_factor, layer_scale_values;
    DfBools use_pes, dwc_pes, fixed_pes, no_offs, use_dwc_mlps, use_lpus, log_cpb, use_cmt_mlps;
    double drop_rate, attn_drop_rate, drop_path_rate;
    bool use_conv_patches, use_checkpoint;
    const DfNode *stage_spec;    /* [['L', 'D'], ..]: the letter of each block      */

    /* modules: build.c */
    NnConv stem[2];
    NnLayerNorm stem_norm[2];
    DatStage stages[DAT_STAGES];
    NnLayerNorm cls_norm;
    NnLinear cls_head;
} Dat;

extern const DfOpt df_dat_opts[];
/* Whether every list has an entry per stage, and the chosen code knows what is asked for. False poisons the model. */
bool df_dat_options_fit(NnScope, const Dat *);

/* Makes the modules of a Dat whose options are filled. Its type is that of DfBackbone.init. */
void df_dat_init(NnScope, void *dat);

#endif
