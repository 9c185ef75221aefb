/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/nn.h -- the door to nn/: modules that own weights, the tree of parameters, and a checkpoint into a model and back.
 *
 * A model is built once, module by module, in a scope. A scope knows the path so far, so a parameter's name is its
 * place: nn_linear_init(nn_at(s, "qkv"), ..) inside "backbone.layers.0.blocks.1.attn" makes
 * "backbone.layers.0.blocks.1.attn.qkv.weight", which is the official state_dict key; loading is a lookup. Modules are
 * plain structs, const during the forward pass.
 *
 * Errors. While a model is built: the first failure poisons it, later calls do nothing, and nn_model_error() tells at
 * the end. In a forward pass: the same with the context (tensor/tensor.h). Elsewhere: DF_OK or a negative code, with a
 * sentence in df_error().
 */
#ifndef DF_NN_NN_H
#define DF_NN_NN_H

#include "checkpoint/checkpoint.h"
#include "config/config.h"
#include "tensor/tensor.h"

DF_BEGIN_DECLS

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* How the official order of dimensions (PyTorch's, in files) becomes ours (channels last, in memory): layout.c. */
typedef enum {
    NN_AS_IS,
    NN_CONV,           /* O I kh kw -> O kh kw I                                   */
    NN_DEPTHWISE,      /* C 1 kh kw -> kh kw C                                     */
    NN_POINTWISE,      /* O I 1 1 -> O I: a 1x1 convolution used as a linear layer */
    NN_CONV_TRANSPOSE, /* I O kh kw -> I kh kw O                                   */
    NN_MAP             /* 1 C H W -> 1 H W C: position embeddings of a map         */
} NnLayout;

/* What a weight is drawn from before a checkpoint is loaded or training begins: init.c. */
typedef struct {
    enum { NN_CONSTANT, NN_UNIFORM, NN_NORMAL, NN_TRUNCATED_NORMAL, NN_VALUES } kind;
    double a, b;         /* the constant; the lowest and highest value; the deviation */
    const float *values; /* one for each element, in our layout                       */
} NnInit;
DF_API NnInit nn_constant(double value);
DF_API NnInit nn_values(const float *values);  /* borrowed: they must outlive nn_model_init()                */
DF_API NnInit nn_uniform(double bound);        /* in [-bound, bound)                                         */
DF_API NnInit nn_normal(double std);
DF_API NnInit nn_truncated_normal(double std); /* cut off at -2 and 2 (not at 2 std), as timm's trunc_normal_ */
DF_API NnInit nn_kaiming_uniform(int fan_in);  /* PyTorch's default for weight and bias: bound 1/sqrt(fan_in) */
DF_API NnInit nn_xavier_uniform(int fan_in, int fan_out); /* bound sqrt(6 / (fan_in + fan_out))                   */

/* What to do with a table that a checkpoint has at another size, as the official loaders do: bicubic, a = -0.75,
 * align_corners = False (resize.c). */
typedef enum {
    NN_RESIZE_NO,           /* another size is an error                                                    */
    NN_RESIZE_WINDOW_TABLE, /* (2w-1)^2 heads, as `heads` maps of 2w-1 x 2w-1                              */
    NN_RESIZE_MAP_TABLE,    /* heads H W                                                                   */
    NN_RESIZE_POSITION,     /* 1 C H W, from 1 L C: laid out as a map, and resized if L is another square  */
    NN_RESIZE_TOKENS        /* 1 L C, a square map of tokens                                               */
} NnResize;

/* What kind of module a parameter belongs to, where recipes of training make a difference. */
typedef enum {
    NN_OF_OTHER,
    NN_OF_NORM,             /* batch, group or layer norm                                                  */
    NN_OF_DEPTHWISE,        /* a convolution with as many groups as input channels, which may be one       */
    NN_OF_OFFSETS           /* the convolution that moves the points of a deformable one                   */
} NnRole;

typedef struct {
    const char *name;       /* the official key                                                            */
    DfTensor *tensor;       /* in our layout                                                               */
    DfShape shape;          /* official                                                                    */
    NnLayout layout;
    NnInit init;
    NnResize resize;
    NnRole role;
    bool buffer;            /* no weight: running statistics of a batch norm                               */
    bool frozen;            /* a weight that a training run leaves as it is                                */
    bool product;           /* a weight that products read packed: it may lack data (DfOrigin)             */
    bool optional;          /* absent from some official checkpoints: then it keeps its initial value              */
} NnParam;

/* ---- models: model.c, init.c ------------------------------------------------------------------------------------- */

/* All parameters, in the order in which they were registered. A model owns them, the arrays of its modules, and what
 * nn_at_end() was told of. */
typedef struct NnModel NnModel;
DF_API int nn_model_new(NnModel **out);                     /* DF_OK or DF_ENOMEM                                  */
DF_API void nn_model_free(NnModel *);                       /* NULL is fine                                        */
DF_API int nn_model_error(const NnModel *);                 /* DF_OK or the first failure, its sentence restored   */
DF_API DfArena *nn_model_arena(const NnModel *);            /* for what lives as long as the model                 */

DF_API int nn_model_count(const NnModel *);
DF_API NnParam *nn_model_at(const NnModel *, int i);           /* 0 <= i < nn_model_count()                           */
DF_API NnParam *nn_model_find(const NnModel *, const char *name); /* NULL if there is none */
/* Numbers in all weights, buffers left out, whose name begins with `prefix`; "" for all. */
DF_API size_t nn_model_elements(const NnModel *, const char *prefix);

/* A second name of a parameter, by nn_share(). */
typedef struct {
    const char *name;
    int param;              /* of nn_model_at() */
} NnShared;
DF_API int nn_model_shared(const NnModel *, const NnShared **out); /* how many; `out` is the model's */

/* Gives the weights memory, the first time, and draws them: each parameter from a random stream of its own, by seed and
 * name, so that adding one changes no other. DF_OK, DF_ENOMEM, or what nn_model_error() says. */
DF_API int nn_model_init(NnModel *, uint64_t seed);

/* For inference: weights of products get no memory of their own, beside their packed copies. They are drawn or read
 * from the checkpoint again, which stays mapped, whenever such a copy is made; so tensor->data of these is NULL. To be
 * called before nn_model_init(); afterwards it does nothing. Who reads numbers of a parameter opens them
 * (df_numbers_open()), or gives all of them memory for good: DF_OK, or why a weight cannot be had. */
DF_API void nn_model_lean(NnModel *);
DF_API int nn_model_hold(NnModel *);

/* ---- products in 8 bits: quantised.c ---------------------------------------------------------------------------- */

/* A weight whose rows are its first dimension, and not too long for sums of 32 bits. */
DF_API bool nn_param_fits_int8(const NnParam *);
/* From now on the weight, and its input of numbers from `low` to `high` (0 is among them, high > low), are
 * multiplied in 8 bits where no tape is kept; a scale for each row is taken from what it holds. tensor->quantization
 * says so, and may be set to NULL. DF_OK or DF_ENOMEM. */
DF_API int nn_param_quantise(NnModel *, NnParam *, float low, float high);
DF_API int nn_model_quantised(const NnModel *); /* how many weights are */
DF_API void nn_quantisation_set(DfQuantization *, float low, float high); /* all but its scales */

/* ---- training: train.c ------------------------------------------------------------------------------------------ */

/* What a training run changes: neither a buffer nor frozen. */
static inline bool nn_is_trained(const NnParam *param)
{
    return !param->buffer && !param->frozen;
}

/* Makes a model ready for training, and no longer lean: gradients of all its trained parameters have memory in one
 * block, where they outlive df_reset() and add up until nn_model_zero_gradients(). To be called after nn_model_init(),
 * and again when `frozen` of a parameter has changed. DF_OK or DF_ENOMEM. */
DF_API int nn_model_train(NnModel *);

/* All trained parameters side by side, in the order of nn_model_at(), and their gradients in the same places: so an
 * update is one loop, and a sum over processes one call. A parameter begins at
 *     offset = param->tensor->grad - gradients = param->tensor->data - weights,
 * a multiple of 16; gaps between parameters hold zeros and are to stay so. NULL and 0 before nn_model_train(). */
typedef struct {
    float *weights, *gradients;
    size_t n;               /* floats in each, gaps included */
} NnTrained;
DF_API NnTrained nn_model_trained(const NnModel *);
/* All gradients 0, and no parameter `reached`: a parameter that is not when the step is made has no gradient, which an
 * optimizer should not take for one of 0. */
DF_API void nn_model_zero_gradients(NnModel *);
/* To be called when trained weights have other numbers: packed copies are made anew, in the same memory. */
DF_API void nn_model_changed(NnModel *);
/* The first parameter whose gradient holds a number that is NaN or infinite; NULL if there is none. */
DF_API const NnParam *nn_model_bad_gradient(const NnModel *);
/* After a pass in training, df_apply_statistics(): the running statistics of batch norms move by what they saw. */
DF_API void nn_model_take_statistics(NnModel *, DfCtx *);

/* ---- building: scope.c ------------------------------------------------------------------------------------------- */

typedef struct {
    NnModel *model;
    const char *path; /* "" or "backbone.layers.0" */
} NnScope;
DF_API NnScope nn_root(NnModel *);
/* One step down, or several: nn_at(s, "blocks.%d.attn", i). */
DF_API NnScope nn_at(NnScope, const char *format, ...) DF_PRINTF(2, 3);

/* Poisons the model with a sentence, the path in front; the first one stays. */
DF_API void nn_fail(NnScope, int code, const char *format, ...) DF_PRINTF(3, 4);
DF_API bool nn_ok(NnScope);                                 /* false once the model is poisoned */
/* df_bind() of a config dict into a struct; false, and the model is poisoned, if the dict is wrong. `what` names it in
 * messages. */
DF_API bool nn_configure(NnScope, const DfNode *dict, const DfOpt *opts, void *out, const char *what);

/* n items of `size` bytes, zeroed, that live as long as the model. NULL poisons the model. */
DF_API void *nn_alloc(NnScope, size_t n, size_t size);
/* done(object) is called when the model is freed: for parts of a module that own memory outside the arena. */
DF_API void nn_at_end(NnScope, void (*done)(void *object), void *object);

/* Registers NAME under the scope, with its official shape. NULL after a failure: a model is run only when
 * nn_model_error() said DF_OK. A parameter may also be without a layer around it; a buffer starts at `value`. */
DF_API DfTensor *nn_param(NnScope, const char *name, DfShape official, NnLayout, NnInit);
DF_API DfTensor *nn_buffer(NnScope, const char *name, DfShape official, double value);
DF_API NnParam *nn_last(NnScope); /* the one just registered, to set its `resize` or `role`; never NULL  */
DF_API void nn_optional(NnScope); /* what is registered under it may be absent from a checkpoint        */
DF_API void nn_freeze(NnScope);   /* a training run leaves what is registered under it as it is         */
/* Modules that share their weights stand in files under each of their names: what is registered under `first` by now is
 * written under `other` too, and read from `first` alone. */
DF_API void nn_share(NnScope first, NnScope other);

/* ---- layers
 * ----------------------------------------------------------------------------------------------------------
 *
 * A struct, nn_X_init() that registers its parameters under a scope, nn_X() that runs it. Shapes stand at the right
 * margin, B batch, N H W C maps, O and I channels out and in. A layer owns nothing: its weights are the model's. */

/* A frozen part of a network whose input nobody trains has no way back: nothing is kept for it. Behind it comes
 * df_forget(c, false). */
static inline void nn_enter_frozen(DfCtx *c, bool frozen, const DfTensor *x)
{
    df_forget(c, frozen && !x->wants_grad);
}

/* How a branch of a block ends: residual + drop_path(scale * dropout(branch)). Any part may be absent. It is fused into
 * the last linear layer or convolution of the branch, except in training with something dropped. */
typedef struct {
    DfTensor *residual;         /* of the branch's shape, or NULL                                                   */
    DfTensor *scale;            /* one number a channel (layer scale; Touvron et al., ICCV 2021), or NULL           */
    float drop_path;            /* training: probability that a sample's whole branch is dropped (stochastic depth) */
    float drop;                 /* training: probability that a number of the branch is dropped                     */
} NnResidual;
DF_API DfTensor *nn_add(DfCtx *, DfTensor *branch, NnResidual); /* that sum, behind any module */

/* linear.c: y = x W' + b */
typedef struct {
    DfTensor *weight, *bias;    /* O I; O or NULL */
} NnLinear;
DF_API void nn_linear_init(NnScope, NnLinear *, int in, int out, bool bias);        /* PyTorch's default init */
DF_API void nn_linear_init_as(NnScope, NnLinear *, int in, int out, bool bias, NnInit weight, NnInit bias_init);
DF_API void nn_pointwise_init(NnScope, NnLinear *, int in, int out, bool bias);     /* a 1x1 convolution in the files */
DF_API DfTensor *nn_linear(DfCtx *, const NnLinear *, DfTensor *x);                 /* .. I -> .. O */
DF_API DfTensor *nn_linear_add(DfCtx *, const NnLinear *, DfTensor *x, NnResidual); /* .. I -> .. O */

/* linear.c: fc1, activation, fc2, the feed-forward half of a transformer block. The hidden layer exists a few rows at a
 * time only. */
typedef struct {
    NnLinear fc1, fc2;
    DfAct act;
    float drop[2];              /* dropout behind the activation, and behind fc2 in the place of NnResidual.drop */
} NnMlp;
DF_API DfTensor *nn_mlp_add(DfCtx *, const NnMlp *, DfTensor *x, NnResidual); /* .. C -> .. C */

/* conv.c: convolutions of maps, the same along both axes but for `patch`; depthwise if groups = in = out. */
typedef struct {
    DfTensor *weight, *bias;    /* O kh kw I/groups, or kh kw C if depthwise; O or NULL */
    DfConv conv;
    int in, out, kernel[2];
    float standard_eps;         /* not 0: the weight is standardised before it is used (Qiao et al., 2019) */
} NnConv;
typedef struct {
    int kernel, stride, padding, dilation, groups; /* 0 means 1, but for padding                      */
    int patch[2];                                  /* height and width of kernel and stride; 0: square */
    bool no_bias;
    float standard_eps;                            /* as in NnConv: of nn_conv_kind()                 */
} NnConvShape;
/* mmcv's conv_cfg: 0 for a plain convolution (None, Conv, Conv2d), the eps of one whose weights are standardised
 * (ConvWS). Anything else poisons the model. */
DF_API float nn_conv_kind(NnScope, const DfNode *conv_cfg);
DF_API void nn_conv_init(NnScope, NnConv *, int in, int out, NnConvShape);    /* PyTorch's default init */
DF_API void nn_conv_init_as(NnScope, NnConv *, int in, int out, NnConvShape, NnInit weight, NnInit bias_init);
DF_API DfTensor *nn_conv(DfCtx *, const NnConv *, DfTensor *x);               /* N H W I -> N H' W' O */
DF_API DfTensor *nn_conv_fused(DfCtx *, const NnConv *, DfTensor *x, DfFuse); /* act(conv(x)) * scale + residual */

/* norm.c: layer norm over the last dimension (Ba et al., 2016) */
typedef struct {
    DfTensor *weight, *bias;    /* C each */
    float eps;
} NnLayerNorm;
DF_API void nn_layer_norm_init(NnScope, NnLayerNorm *, int dim, double eps);
DF_API DfTensor *nn_layer_norm(DfCtx *, const NnLayerNorm *, DfTensor *x);    /* .. C -> .. C */

/* norm.c: what mmcv's norm_cfg asks for: BN, SyncBN, GN, LN or IN, which is GN with a group for each channel. */
typedef struct {
    enum { NN_NORM_NONE, NN_NORM_BATCH, NN_NORM_GROUP, NN_NORM_LAYER } kind;
    DfTensor *weight, *bias;                /* C each; NULL in IN without affine                                   */
    DfTensor *running_mean, *running_var;   /* C each, of a batch norm                                             */
    int groups;
    float eps, momentum;                    /* momentum: weight of a batch in the running statistics               */
    bool evaluates;                         /* by the running statistics, in training too, and these stay          */
    bool sync;                              /* SyncBN: by the batches of all processes                             */
} NnNorm;
/* its official key: "bn", "gn", "ln", "in" */
DF_API const char *nn_norm_name(const DfNode *norm_cfg);
/* an unknown type poisons the model */
DF_API void nn_norm_init(NnScope, NnNorm *, const DfNode *norm_cfg, int channels);
DF_API void nn_batch_norm_init(NnScope, NnNorm *, int channels);              /* torch.nn.BatchNorm2d by its defaults */
DF_API DfTensor *nn_norm(DfCtx *, const NnNorm *, DfTensor *x);                    /* N H W C; kind NONE: x itself */
/* Whether a pixel of the result depends on that pixel alone: then a map can be normalised piece by piece. */
DF_API bool nn_norm_is_local(const DfCtx *, const NnNorm *);
/* act(norm(x) + residual); residual or NULL */
DF_API DfTensor *nn_norm_fused(DfCtx *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual);
/* conv_module.c: act(norm(conv(x)) + residual); residual or NULL. Without a tape a batch norm becomes a part of the
 * convolution. */
DF_API DfTensor *nn_conv_norm(DfCtx *, const NnConv *, const NnNorm *, DfTensor *x, DfAct, DfTensor *residual);
/* The same without a residual, of a result that one convolution alone reads (DfFuse.reader); NULL: not so. */
DF_API DfTensor *nn_conv_norm_for(DfCtx *, const NnConv *, const NnNorm *, DfTensor *x, DfAct, const NnConv *reader);
/* Two in a row, y = first(x) and *z = second(y), where both are computed together (df_conv2d_pair()); else, and where
 * `second` is NULL, *z is NULL. */
typedef struct {
    const NnConv *conv;
    const NnNorm *norm;
    DfFuse fuse; /* act and residual, which is inside; reader */
} NnConvNorm;
DF_API DfTensor *nn_conv_norm_pair(DfCtx *, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                                   DfTensor **z);
/* The same with a residual of `first` that is residual(side), computed along (df_conv2d_pair_with()). NULL: that is not
 * possible, and nothing was done. */
DF_API DfTensor *nn_conv_norm_pair_with(DfCtx *, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                                        DfTensor *side, const NnConvNorm *residual, DfTensor **z);

/* norm.c: an activation by its name in PyTorch, in letters of any case: ReLU, GELU, SiLU, ..; and of those that only
 * transformers has: QuickGELU, Laplace, .. Anything else poisons the model. */
DF_API DfAct nn_act_named(NnScope, const char *name);
/* mmcv's act_cfg, whose `type` is such a name; NULL is none. */
DF_API DfAct nn_act(NnScope, const DfNode *act_cfg);

/* conv_module.c: mmcv's ConvModule, conv, norm, activation; the conv has a bias only without a norm. Keys: conv.*, bn.*
 * or gn.*. */
typedef struct {
    NnConv conv;
    NnNorm norm;
    DfAct act;
} NnConvModule;
DF_API void nn_conv_module_init(NnScope, NnConvModule *, int in, int out, NnConvShape, const DfNode *norm_cfg,
                                DfAct act, NnInit weight);
DF_API DfTensor *nn_conv_module(DfCtx *, const NnConvModule *, DfTensor *x);  /* N H W I -> N H' W' O */
/* All three, then + residual. */
DF_API DfTensor *nn_conv_module_add(DfCtx *, const NnConvModule *, DfTensor *x, DfTensor *residual);

/* The same of n maps of one N that are brought to the size of the first (bilinear) and put side by side, strip by strip.
 * Of maps that are much smaller only products at their own size exist (df_conv2d_taps()). What nn_join_maps() makes
 * lives in the scope around. */
typedef struct {
    const NnConvModule *module;
    DfTensor *map[DF_SOURCES];       /* to be enlarged              */
    DfTensor *taps[DF_SOURCES];      /* of maps that are not        */
    int n, n_taps, H, W;
    DfTensor *scale, *bias;          /* scale: that of a norm; NULL */
    bool align_corners;
} NnJoinedConv;
DF_API NnJoinedConv nn_join_maps(DfCtx *, const NnConvModule *, DfTensor *const *x, int n, bool align_corners);
/* Rows first .. first + rows - 1 of the result. */
DF_API DfTensor *nn_joined_rows(DfCtx *, const NnJoinedConv *, int first, int rows);  /* -> N rows W O */

/* window_attention.c: the attention of Swin and of DAT's L and S blocks, eq. 4 of the Swin paper, whose init stands
 * with them. */
typedef struct {
    NnLinear qkv, proj;
    DfTensor *table;            /* relative_position_bias_table: (2w-1)^2 heads, or NULL */
    DfWindowAttention attn;
    float proj_drop;            /* dropout of the projection: it takes the place of NnResidual.drop */
} NnWindowAttention;
/* x: B H W C, normalised -> B H W C */
DF_API DfTensor *nn_window_attention_add(DfCtx *, const NnWindowAttention *, DfTensor *x, NnResidual);
/* The same of norm(x), which large maps are faster with. */
DF_API DfTensor *nn_window_attention_branch(DfCtx *, const NnWindowAttention *, const NnLayerNorm *norm, DfTensor *x,
                                            NnResidual);

/* cosine_window_attention.c: that of Swin v2. Keys: logit_scale, q_bias, v_bias, cpb_mlp.0.*, cpb_mlp.2.weight,
 * qkv.weight, proj.*. */
typedef struct {
    NnLinear qkv, proj, cpb[2];
    DfTensor *q_bias, *v_bias;  /* C each, or NULL                                                     */
    DfTensor *logit_scale;      /* heads 1 1                                                           */
    const float *distances;     /* (2w-1)^2 2: of query and key along y and x, what `cpb` reads        */
    DfWindowAttention attn;
    float proj_drop;
} NnCosineWindowAttention;
/* trained: side of the window that the network was trained with before, at least 2; 0: attn.window */
DF_API void nn_cosine_window_attention_init(NnScope, NnCosineWindowAttention *, int dim, DfWindowAttention attn,
                                            bool bias, int trained);
/* B H W C -> B H W C */
DF_API DfTensor *nn_cosine_window_attention(DfCtx *, const NnCosineWindowAttention *, DfTensor *x);

/* multihead_attention.c: torch.nn.MultiheadAttention between lists of tokens, batch first. Keys: in_proj_weight,
 * in_proj_bias, out_proj.*. */
typedef struct {
    DfTensor *in_weight, *in_bias; /* 3C C, 3C or NULL: of queries, keys and values */
    NnLinear out;
    int heads;                  /* they divide C                         */
    float drop;                 /* dropout of the attention weights, in training */
} NnMultiheadAttention;
DF_API void nn_multihead_attention_init(NnScope, NnMultiheadAttention *, int dim, int heads, double drop, bool bias);
/* query B L C; key and value B M C -> B L C. padding_mask: B M, 1 for keys that are padding, lasting as long as the
 * step; NULL: none. */
DF_API DfTensor *nn_multihead_attention_add(DfCtx *, const NnMultiheadAttention *, DfTensor *query, DfTensor *key,
                                            DfTensor *value, const uint8_t *padding_mask, NnResidual);

/* ms_deform_attention.c: multi-scale deformable attention (Zhu et al., ICLR 2021, eq. 3) and the pyramid that it reads,
 * whose cells are one list of tokens; some may be padding. Keys: sampling_offsets, attention_weights, value_proj,
 * output_proj. */
typedef struct {
    DfPyramid levels;
    const uint8_t *padding_mask; /* B cells: 1 for padding; NULL: none                      */
    const float *valid_ratios;   /* B levels 2 (x, y): the part of a level that is no padding */
} NnField;
typedef struct {
    NnLinear offsets, weights, value, output;
    int heads, levels, points;
} NnMsDeformAttention;
DF_API void nn_ms_deform_attention_init(NnScope, NnMsDeformAttention *, int dim, int heads, int levels, int points);
/* query B Q C; reference B Q 2 or 4 (x y, or cx cy w h, in [0, 1] of what is no padding); source B cells C -> B Q C */
DF_API DfTensor *nn_ms_deform_attention_add(DfCtx *, const NnMsDeformAttention *, DfTensor *query, DfTensor *reference,
                                            DfTensor *source, const NnField *, NnResidual);

/* ---- feature maps between backbone, neck and head ---------------------------------------------------------------- */

enum { DF_LEVELS = 8 };
typedef struct {
    int n;
    DfTensor *map[DF_LEVELS]; /* N H W C, finest first; they are the context's                   */
    DfTensor *logits;         /* N classes, of a backbone in its classification form; or NULL    */
    int picture[2];           /* height and width that all pictures fit in, before padding; 0 0: not known */
} DfMaps;

/* Levels of one width from the maps of a backbone: levels.c. Convolutions and a group norm of 32 groups for each. */
typedef struct {
    const char *scope;            /* what a level is called while it runs                                             */
    const char *given;            /* format of its place, by its number                                               */
    const char *conv, *norm;      /* its parts, below that                                                            */
} NnLevelNames;
typedef struct {
    int n_maps;                   /* how many maps are read, the last ones                                            */
    int n;                        /* how many levels there are, at least as many                                      */
    const char *scope;
    NnConv conv[DF_LEVELS];
    NnLayerNorm norm[DF_LEVELS];  /* weight and bias of the group norms                                               */
} NnLevels;
/* channels[n_maps] of the maps; `dim`, a multiple of 32, of every level. */
DF_API void nn_levels_init(NnScope, NnLevels *, const NnLevelNames *, int n_maps, const int *channels, int levels,
                           int dim);
/* Poisons the context with DF_ESHAPE if there are fewer maps; then out->n is 0. */
DF_API void nn_levels(DfCtx *, const NnLevels *, const DfMaps *in, DfMaps *out);

/* ---- checkpoints: load.c, report.c, save.c ----------------------------------------------------------------------- */

/* What became of a key of the file, or of a parameter of the model. */
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
    char **name;    /* those of wrong shapes with both shapes behind the name */
} NnNames;
/* The first dimension of a parameter of another shape, if the others are right; else both are 0. */
typedef struct {
    int64_t met, wanted;
} NnRows;
typedef struct NnDialect NnDialect; /* names of another library: nn/dialects/ */
typedef struct {
    NnNames of[NN_FATES];
    NnRows *rows;   /* of each in of[NN_WRONG_SHAPE]                               */
    size_t rows_capacity;
    const NnDialect *dialect;  /* in which the names of the file are; NULL: in ours */
} NnReport;
typedef struct {
    const char *const *ignorable;  /* patterns of keys that are known and not needed, NULL-terminated: "*.attn_mask" */
    bool allow_missing, allow_wrong_shape;
    const char *module;            /* only its parameters are loaded, "roi_head.bbox_head"; NULL or "": all        */
    const char *prefix;            /* only the keys below it are read, "backbone", as the names of `module` without
                                    * its own; NULL: all keys                                                      */
} NnLoad;
/* Copies every parameter from the checkpoint (nn_model_init() gave it memory). A lean model shares the
 * checkpoint instead, which the caller may close. Names of other libraries are understood (nn/dialects/), and
 * prefixes ("backbone.", "module.", ..) are cut off or put in front as it fits best. Missing or wrong-shaped
 * parameters are an error (DF_EFORMAT, DF_ESHAPE) unless `load` allows them; NULL allows nothing. DF_EVALUE: there is no
 * key or no parameter in the part that `load` names. The report is
 * filled in either case: free it with nn_report_free(). */
DF_API int nn_model_load(NnModel *, DfCheckpoint *, const NnLoad *load, NnReport *report);
DF_API void nn_report_free(NnReport *);
DF_API char *nn_report_text(const NnReport *); /* a few lines for the log; df_free() it. NULL: out of memory */

/* Arrays under the names of another library: "mmdet", "official", "torchvision", .. (nn/dialects/); those that they are
 * under are found out. The arrays are borrowed; what is made of them has views of their numbers. `window` is the side
 * of Swin v2's windows, for libraries that store tables of their places; 0: not known. DF_EVALUE: no such library, or a
 * name for which no table of it has one. */
typedef struct NnConverted NnConverted;
DF_API int nn_convert(NnConverted **out, const DfArray *arrays, int n, const char *library, int window);
DF_API void nn_converted_free(NnConverted *);                               /* NULL is fine                        */
DF_API int nn_converted_arrays(const NnConverted *, const DfArray **arrays); /* how many                           */
DF_API const char *nn_converted_from(const NnConverted *);                  /* "torchvision (Swin)"; "": our names */

/* Between the official order of dimensions and ours, for weights and what has their shape, such as gradients. */
DF_API void nn_param_from_official(const NnParam *, const float *official, float *ours);
DF_API void nn_param_to_official(const NnParam *, const float *ours, float *official);

/* The same as a view, without a copy: `ours`, borrowed, as an array of the
 * official shape. For df_checkpoint_write(). */
DF_API DfArray nn_param_array(const NnParam *, const char *name, const float *ours);

/* Writes all parameters and buffers under their official keys and shapes; metadata as in df_checkpoint_write(). */
DF_API int nn_model_save(const NnModel *, const char *path, const char *const *metadata, int n_metadata);

DF_END_DECLS

#endif
