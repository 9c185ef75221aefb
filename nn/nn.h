/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/nn.h -- the door to nn/: modules that own weights, the tree of parameters, and checkpoints in and out.
 *
 * A model is built once, module by module, in a scope. A scope knows the path so far, so a parameter's name is its place:
 * nn_linear_init(nn_at(s, "qkv"), ..) inside "backbone.layers.0.blocks.1.attn" makes "backbone.layers.0.blocks.1.attn.qkv.weight",
 * which is the official state_dict key; loading is a lookup. Modules are plain structs, const during the forward pass.
 */
#ifndef DF_NN_NN_H
#define DF_NN_NN_H

#include "config/config.h"
#include "checkpoint/checkpoint.h"
#include "tensor/tensor.h"

/* ---- the tree of parameters: model.c, init.c ---------------------------------------------------------------------- */

/* How the checkpoint's order of dimensions becomes ours (channels last). */
typedef enum {
    NN_AS_IS,
    NN_CONV,           /* O I kh kw -> O kh kw I                              */
    NN_DEPTHWISE,      /* C 1 kh kw -> kh kw C                                */
    NN_POINTWISE,      /* O I 1 1 -> O I: a 1x1 convolution used as a linear layer */
    NN_CONV_TRANSPOSE, /* I O kh kw -> I kh kw O                              */
    NN_MAP             /* 1 C H W -> 1 H W C: position embeddings of a map    */
} NnLayout;

/* How a fresh weight is drawn. */
typedef struct {
    enum { NN_CONSTANT, NN_UNIFORM, NN_NORMAL, NN_TRUNCATED_NORMAL, NN_VALUES } kind;
    double a, b; /* the constant; lowest and highest; deviation (truncated to [-2, 2], as timm does) */
    const float *values; /* one for each element, in our layout */
} NnInit;
NnInit nn_constant(double value);
NnInit nn_values(const float *values);      /* borrowed: they must outlive the model's nn_model_init() */
NnInit nn_uniform(double bound);            /* [-bound, bound)                                    */
NnInit nn_normal(double std);
NnInit nn_truncated_normal(double std);
NnInit nn_kaiming_uniform(int fan_in);      /* PyTorch's default for weight and bias: 1/sqrt(fan_in) */
NnInit nn_xavier_uniform(int fan_in, int fan_out);

/* What to do with a table of another size, as the official loaders do: bicubic, a = -0.75, align_corners = False. */
typedef enum {
    NN_RESIZE_NO,
    NN_RESIZE_WINDOW_TABLE, /* (2w-1)^2 heads  as heads 2w-1 2w-1  */
    NN_RESIZE_MAP_TABLE,    /* heads H W                           */
    NN_RESIZE_POSITION      /* 1 C H W, from 1 H*W C: not resized, only laid out as a map */
} NnResize;

typedef struct {
    const char *name;       /* the official key                                   */
    DfTensor *tensor;       /* in our layout                                      */
    DfShape shape;          /* official                                           */
    NnLayout layout;
    NnInit init;
    NnResize resize;
    bool buffer;            /* not trained: running statistics                    */
    bool frozen;            /* a weight that a training run leaves as it is       */
    bool optional;          /* absent from some official checkpoints: keeps its initial value, and the report says so */
} NnParam;

typedef struct NnModel NnModel;
int nn_model_new(NnModel **out);
void nn_model_free(NnModel *);
int nn_model_error(const NnModel *);                        /* DF_OK or the first failure, its sentence restored */
int nn_model_count(const NnModel *);
NnParam *nn_model_at(const NnModel *, int i);
NnParam *nn_model_find(const NnModel *, const char *name);  /* NULL if there is none */
size_t nn_model_elements(const NnModel *, const char *prefix); /* trained weights whose name starts so ("" for all) */
DfArena *nn_model_arena(const NnModel *);
typedef struct {
    const char *name;       /* another name, by nn_share() */
    int param;              /* of this parameter           */
} NnShared;
int nn_model_shared(const NnModel *, const NnShared **out);
/* Gives the weights memory and draws them: every parameter from a stream of its own, so adding one changes no other. */
int nn_model_init(NnModel *, uint64_t seed);

/* ---- building: scopes ---------------------------------------------------------------------------------------------- */

typedef struct {
    NnModel *model;
    const char *path; /* "" or "backbone.layers.0" */
} NnScope;
NnScope nn_root(NnModel *);
NnScope nn_at(NnScope, const char *format, ...) DF_PRINTF(2, 3);
void *nn_alloc(NnScope, size_t n, size_t size);             /* zeroed, from the model's arena; NULL poisons the model */
void nn_fail(NnScope, int code, const char *format, ...) DF_PRINTF(3, 4); /* the first sentence stays, path in front   */
bool nn_ok(NnScope);
/* Registers NAME under the scope. NULL after a failure; models are only run after nn_model_error() said DF_OK. */
DfTensor *nn_param(NnScope, const char *name, DfShape official, NnLayout, NnInit);
DfTensor *nn_buffer(NnScope, const char *name, DfShape official, double value);
NnParam *nn_last(NnScope);                                  /* the one just registered, to set resize; never NULL */
/* Everything under the scope may be absent from a checkpoint: it keeps its initial value. */
void nn_optional(NnScope);
/* A training run leaves everything under the scope as it is. */
void nn_freeze(NnScope);
/* Modules that share their weights stand in the files under each of their names: what is registered under `first` by now is written under
 * `other` too, and read from `first` alone. */
void nn_share(NnScope first, NnScope other);
/* When the model is freed, `done(object)` is called: for parts of a module that own memory outside the arena. */
void nn_at_end(NnScope, void (*done)(void *object), void *object);
/* df_bind() into a struct in the scope's model; false if the dict was wrong (the model is poisoned). */
bool nn_configure(NnScope, const DfNode *dict, const DfOpt *opts, void *out, const char *what);

/* ---- layers -------------------------------------------------------------------------------------------------------- */

typedef struct {
    DfTensor *weight, *bias; /* O I, O or NULL */
} NnLinear;
void nn_linear_init(NnScope, NnLinear *, int in, int out, bool bias);              /* PyTorch's default init */
void nn_linear_init_as(NnScope, NnLinear *, int in, int out, bool bias, NnInit weight, NnInit bias_init);
void nn_pointwise_init(NnScope, NnLinear *, int in, int out, bool bias);           /* a 1x1 convolution by its keys; default init */
DfTensor *nn_linear(DfCtx *, const NnLinear *, DfTensor *x);                       /* .. I -> .. O */

/* How a branch of a block ends: residual + drop_path(scale * dropout(branch)). Any part may be absent. Fused into the last linear
 * layer or convolution of the branch, except in training with something dropped. */
typedef struct {
    DfTensor *residual, *scale; /* of the branch's shape; per channel (layer scale) */
    float drop_path;            /* probability that a sample's branch is dropped    */
    float drop;                 /* and that a number of it is                       */
} NnResidual;
DfTensor *nn_linear_add(DfCtx *, const NnLinear *, DfTensor *x, NnResidual);
DfTensor *nn_add(DfCtx *, DfTensor *branch, NnResidual);                           /* the same after any module */

typedef struct {
    DfTensor *weight, *bias;
    DfConv conv;
    int in, out, kernel[2];
} NnConv;
typedef struct {
    int kernel, stride, padding, dilation, groups; /* 0 means 1 for all but padding */
    bool no_bias;
} NnConvShape;
void nn_conv_init(NnScope, NnConv *, int in, int out, NnConvShape);                /* PyTorch's default init */
void nn_conv_init_as(NnScope, NnConv *, int in, int out, NnConvShape, NnInit weight, NnInit bias_init);
DfTensor *nn_conv(DfCtx *, const NnConv *, DfTensor *x);                           /* N H W I -> N H' W' O */
DfTensor *nn_conv_fused(DfCtx *, const NnConv *, DfTensor *x, DfFuse);

typedef struct {
    DfTensor *weight, *bias;
    float eps;
} NnLayerNorm;
void nn_layer_norm_init(NnScope, NnLayerNorm *, int dim, double eps);
DfTensor *nn_layer_norm(DfCtx *, const NnLayerNorm *, DfTensor *x);

/* mmcv's norm_cfg: BN, SyncBN, GN, LN; `kind` 0 is none. */
typedef struct {
    enum { NN_NORM_NONE, NN_NORM_BATCH, NN_NORM_GROUP, NN_NORM_LAYER } kind;
    DfTensor *weight, *bias, *running_mean, *running_var;
    int groups;
    float eps, momentum;
    bool frozen;             /* requires_grad=False: statistics stay as they are */
} NnNorm;
const char *nn_norm_name(const DfNode *norm_cfg);                                  /* "bn", "gn", "ln": its key in the state dict */
void nn_norm_init(NnScope, NnNorm *, const DfNode *norm_cfg, int channels);
DfTensor *nn_norm(DfCtx *, const NnNorm *, DfTensor *x);
DfTensor *nn_norm_fused(DfCtx *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual); /* act(norm(x) + residual); residual or NULL */
/* act(norm(conv(x)) + residual); residual or NULL. Without a tape a batch norm becomes a part of the convolution. */
DfTensor *nn_conv_norm(DfCtx *, const NnConv *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual);
/* mmcv's act_cfg: ReLU, GELU, Sigmoid, Tanh; NULL is none. Poisons the scope's model on anything else. */
DfAct nn_act(NnScope, const DfNode *act_cfg);

/* mmcv's ConvModule: conv, norm, activation; the conv has a bias only without a norm. Keys: conv.*, bn.* or gn.*. */
typedef struct {
    NnConv conv;
    NnNorm norm;
    DfAct act;
} NnConvModule;
void nn_conv_module_init(NnScope, NnConvModule *, int in, int out, NnConvShape, const DfNode *norm_cfg, DfAct act, NnInit weight);
DfTensor *nn_conv_module(DfCtx *, const NnConvModule *, DfTensor *x);
DfTensor *nn_conv_module_add(DfCtx *, const NnConvModule *, DfTensor *x, DfTensor *residual); /* all three, then + residual */

/* fc1, activation, fc2: the feed-forward half of a block. */
typedef struct {
    NnLinear fc1, fc2;
    DfAct act;
    float drop;
} NnMlp;
DfTensor *nn_mlp_add(DfCtx *, const NnMlp *, DfTensor *x, NnResidual);

/* Window attention of Swin and of DAT's L and S blocks; x is a map, already normalised. */
typedef struct {
    NnLinear qkv, proj;
    DfTensor *table;         /* relative_position_bias_table */
    DfWindowAttention attn;
    float proj_drop;
} NnWindowAttention;
DfTensor *nn_window_attention_add(DfCtx *, const NnWindowAttention *, DfTensor *x, NnResidual);

/* torch.nn.MultiheadAttention between lists of tokens, batch first. Keys: in_proj_weight, in_proj_bias, out_proj.*. */
typedef struct {
    DfTensor *in_weight, *in_bias; /* 3C C, 3C: of queries, keys, values */
    NnLinear out;
    int heads;
    float drop;              /* of the scores, in training */
} NnMultiheadAttention;
void nn_multihead_attention_init(NnScope, NnMultiheadAttention *, int dim, int heads, double drop);
/* B L C, B M C twice -> B L C. padding_mask: B M, 1 for keys that are padding, lasting as long as the step; NULL: none. */
DfTensor *nn_multihead_attention_add(DfCtx *, const NnMultiheadAttention *, DfTensor *query, DfTensor *key, DfTensor *value, const uint8_t *padding_mask,
                                     NnResidual);

/* Multi-scale deformable attention (Zhu et al., ICLR 2021) and the pyramid that it reads: its cells as one list of tokens, of which
 * some may be padding. Keys: sampling_offsets, attention_weights, value_proj, output_proj. */
typedef struct {
    DfPyramid levels;
    const uint8_t *padding_mask; /* B cells: 1 for padding; NULL: none */
    const float *valid_ratios;   /* B levels 2 (x, y): the part of a level that is no padding */
} NnField;
typedef struct {
    NnLinear offsets, weights, value, output;
    int heads, levels, points;
} NnMsDeformAttention;
void nn_ms_deform_attention_init(NnScope, NnMsDeformAttention *, int dim, int heads, int levels, int points);
/* query B Q C, reference B Q 2 or 4 (x y, or cx cy w h, in [0, 1] of what is no padding), source B cells C -> B Q C */
DfTensor *nn_ms_deform_attention_add(DfCtx *, const NnMsDeformAttention *, DfTensor *query, DfTensor *reference, DfTensor *source, const NnField *, NnResidual);

/* ---- feature maps between backbone, neck and head ------------------------------------------------------------------ */

enum { DF_LEVELS = 8 };
typedef struct {
    int n;
    DfTensor *map[DF_LEVELS]; /* N H W C, finest first                                   */
    DfTensor *logits;         /* N classes, of a backbone in its classification form; or NULL */
} DfMaps;

/* ---- checkpoints: load.c, save.c ----------------------------------------------------------------------------------- */

/* Every key accounted for. */
typedef enum {
    NN_LOADED,
    NN_RESIZED,     /* loaded from a table of another size                         */
    NN_IGNORED,     /* in the file, known and not needed                           */
    NN_KEPT,        /* not in the file, and official loaders leave it as it starts */
    NN_MISSING,     /* not in the file                                             */
    NN_UNEXPECTED,  /* in the file, unknown to the model                           */
    NN_WRONG_SHAPE,
    NN_FATES
} NnFate;
typedef struct {
    int n;
    size_t capacity;
    char **name; /* wrong shapes: with both shapes behind the name */
} NnNames;
typedef struct {
    NnNames of[NN_FATES];
} NnReport;
typedef struct {
    const char *const *ignorable;  /* patterns of keys that are known and not needed, NULL-terminated: "*.attn_mask" */
    bool allow_missing, allow_wrong_shape;
} NnLoad;
/* Copies every parameter from the checkpoint (memory must be there: nn_model_init). Missing or wrong-shaped parameters are an
 * error unless allowed; the report is filled in either case. Free it with nn_report_free(). */
int nn_model_load(NnModel *, const DfCheckpoint *, const NnLoad *, NnReport *report);
void nn_report_free(NnReport *);
char *nn_report_text(const NnReport *); /* a few lines for the log; df_free it */
/* Between the checkpoint's order of dimensions and ours, for weights and what has their shape, such as gradients. */
void nn_param_from_official(const NnParam *, const float *official, float *ours);
void nn_param_to_official(const NnParam *, const float *ours, float *official);
/* Writes all parameters and buffers under their official keys and shapes; metadata as in df_checkpoint_write. */
int nn_model_save(const NnModel *, const char *path, const char *const *metadata, int n_metadata);

#endif
