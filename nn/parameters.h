/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/parameters.h -- parameters, the model that holds them, and the scopes in which layers register them. Part of
 * the door nn/nn.h.
 */
#ifndef DF_NN_PARAMETERS_H
#define DF_NN_PARAMETERS_H

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

DF_END_DECLS

#endif
