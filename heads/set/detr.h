/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr.h -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) by their sizes and
 * numbers. The options of mmdet's heads fill these structs from dicts; other code, such as models/ for the arguments
 * of the official programs, builds the same heads directly.
 * Included by heads/heads.h: include that.
 */
#ifndef DF_HEADS_DETR_H
#define DF_HEADS_DETR_H

#include "heads/set.h"

DF_BEGIN_DECLS

/* How the transformer is told where a cell is: half of the channels say y, half say x (set/positional_encoding.c). */
typedef struct {
    bool learned;               /* by two tables; else by sines                                                */
    int rows, columns;          /* sizes of the tables                                                         */
    bool normalize;             /* sines of (i + 1 + offset) / n * scale for cell i of the n without padding;
                                 * else of i + 1                                                               */
    double temperature, offset, scale;
    double eps;                 /* added to n                                                                  */
} DfPositionalEncoding;
DF_API DfPositionalEncoding df_positional_encoding(void); /* DETR's: normalised sines, temperature 10000, scale 2 pi */

/* How the parameters are called: which code wrote the checkpoints. */
typedef enum {
    DF_DETR_OFFICIAL,           /* the repositories of the papers' authors */
    DF_DETR_MMDET_211,          /* mmdet up to 2.11: TransformerHead       */
    DF_DETR_MMDET,              /* mmdet later                             */
    DF_DETR_NAMINGS
} DfDetrNaming;

/* Probabilities of dropout in training, in a layer of the encoder or the decoder. */
typedef struct {
    double self_weights, cross_weights; /* attention weights, behind the softmax                            */
    double self, cross;         /* what an attention adds to its input                                              */
    double hidden, ffn;         /* hidden layer of the feed-forward network; what the network adds to its input     */
} DfDetrDropout;
DfDetrDropout df_detr_dropout(double everywhere);

typedef struct {
    DfDetrNaming naming;
    int classes;                /* without "no object"                                                                */
    int queries;
    /* the transformer */
    int dim;                    /* channels of tokens and queries                                                   */
    int heads;                  /* of attention                                                                     */
    int ffn;                    /* hidden channels of the feed-forward networks                                     */
    int encoder_layers, decoder_layers;
    int decoder_heads, decoder_ffn; /* where the decoder's differ; 0: they do not                                  */
    DfAct activation;           /* of the feed-forward networks                                                    */
    DfDetrDropout dropout, decoder_dropout; /* of the encoder's layers, of the decoder's                           */
    bool keeps_states;          /* DETR: the outputs have what a mask head needs                                    */
    bool pre_norm;              /* DETR: norms before the branches, not behind the sums                             */
    bool no_decoder_end;        /* DETR: there is no norm behind the decoder                                        */
    bool norms_each_layer;      /* DETR: that norm also stands behind each layer of the decoder                     */
    int box_layers;             /* linear layers of a box head; 0 stands for 3                                      */
    DfPositionalEncoding positional_encoding;
    /* the maps it reads: the last ones of the backbone, or levels of `dim` channels from a neck */
    int n_maps;                 /* of the backbone; 0: there is a neck                                              */
    int channels[DF_LEVELS];    /* of each of these maps                                                            */
    /* Deformable DETR alone */
    int levels;                 /* of the pyramid                                                                   */
    int embedded_levels;        /* rows of the embedding of levels, which may be more; 0: as many                   */
    int encoder_points, decoder_points; /* sampling points of a head on a level                                     */
    bool refine;                /* iterative bounding box refinement                                                */
    bool two_stage;             /* the encoder proposes the queries; needs `refine`                                 */
    /* what comes behind */
    DfSetCriterion criterion;
    int max_per_img;            /* detections of an image                                                           */
    bool by_query;              /* results are listed in the order of their queries, as transformers does            */
    bool clip;                  /* boxes end at the image, as mmdet has it                                          */
} DfDetrOptions;

DF_API extern const DfSetHead df_head_detr, df_head_transformer, df_head_deformable_detr;

/* Builds a head into the zeroed `self` of df_head_detr.size or df_head_deformable_detr.size bytes. A wrong number
 * poisons the scope's model. */
DF_API void df_detr_init(NnScope, void *self, const DfDetrOptions *);
DF_API void df_deformable_detr_init(NnScope, void *self, const DfDetrOptions *);

DF_END_DECLS

#endif
