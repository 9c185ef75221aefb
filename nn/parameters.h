/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/parameters.h -- parameters, the model that holds them, and the scopes in which layers register them. Included by
 * nn/nn.h.
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
    double a, b;         /* the constant; or the lowest and highest value; or the standard deviation */
    const float *values; /* one for each element, in our layout                                      */
} NnInit;
DF_API NnInit nn_constant(double value);
DF_API NnInit nn_values(const float *values);  /* borrowed: they must outlive nn_model_init()                */
DF_API NnInit nn_uniform(double bound);        /* in [-bound, bound)                                         */
DF_API NnInit nn_normal(double std);
DF_API NnInit nn_truncated_normal(double std); /* truncated at -2 and 2 (not at 2 std), as timm's trunc_normal_ */
DF_API NnInit nn_kaiming_uniform(int fan_in);  /* PyTorch's default for weight and bias: bound 1/sqrt(fan_in) */
DF_API NnInit nn_xavier_uniform(int fan_in, int fan_out); /* bound sqrt(6 / (fan_in + fan_out))                   */

/* How a table is resized if a checkpoint has it at another size, as the official loaders do: bicubic, a = -0.75,
 * align_corners = False (resize.c). */
typedef enum {
    NN_RESIZE_NO,           /* another size is an error                                                    */
    NN_RESIZE_WINDOW_TABLE, /* (2w-1)^2 heads, as `heads` maps of 2w-1 x 2w-1                              */
    NN_RESIZE_MAP_TABLE,    /* heads H W                                                                   */
    NN_RESIZE_POSITION,     /* 1 C H W, from 1 L C: laid out as a map, and resized if L is another square  */
    NN_RESIZE_TOKENS        /* 1 L C, a square map of tokens                                               */
} NnResize;

/* The kind of module that a parameter belongs to; training recipes treat some kinds differently. */
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
    bool buffer;            /* not a weight: running statistics of a batch norm                            */
    bool frozen;            /* training does not change it                                                 */
    bool product;           /* matrix products read it packed; in a lean model it has no data (DfOrigin)   */
    bool optional;          /* absent from some official checkpoints: then it keeps its initial value              */
} NnParam;

/* ---- models: model.c, init.c ------------------------------------------------------------------------------------- */

/* All parameters, in the order in which they were registered. A model owns them, the arrays of its modules, and the
 * objects passed to nn_at_end(). */
typedef struct NnModel NnModel;
DF_API int nn_model_new(NnModel **out);                     /* DF_OK or DF_ENOMEM                                  */
DF_API void nn_model_free(NnModel *);                       /* NULL is fine                                        */
DF_API int nn_model_error(const NnModel *);                 /* DF_OK or the first failure, with its sentence       */
DF_API DfArena *nn_model_arena(const NnModel *);            /* for memory that lives as long as the model          */

DF_API int nn_model_count(const NnModel *);
DF_API NnParam *nn_model_at(const NnModel *, int i);           /* 0 <= i < nn_model_count()                           */
DF_API NnParam *nn_model_find(const NnModel *, const char *name); /* NULL if there is none */
/* The number of elements in all weights (not buffers) whose name begins with `prefix`; "" for all. */
DF_API size_t nn_model_elements(const NnModel *, const char *prefix);

/* A second name of a parameter, by nn_share(). */
typedef struct {
    const char *name;
    int param;              /* of nn_model_at() */
} NnShared;
DF_API int nn_model_shared(const NnModel *, const NnShared **out); /* returns their number; *out is borrowed */

/* Allocates the weights, the first time, and draws them. Each parameter has its own random stream, from seed and name,
 * so adding one changes no other. DF_OK, DF_ENOMEM, or the code of nn_model_error(). */
DF_API int nn_model_init(NnModel *, uint64_t seed);

/* Makes a model lean, for inference: the weights of products are kept only as packed copies. They are read again from
 * the checkpoint, which stays mapped, or drawn again, whenever a copy is made; their tensor->data is NULL. Call it
 * before nn_model_init(); later it does nothing. To read the numbers of one parameter, call df_numbers_open(); the
 * second function gives all of them memory: DF_OK, or the error of a weight that cannot be read. */
DF_API void nn_model_lean(NnModel *);
DF_API int nn_model_hold(NnModel *);

/* ---- products in 8 bits: quantised.c ---------------------------------------------------------------------------- */

/* Whether a weight can be quantised: its first dimension are its rows, which are short enough for sums of 32 bits. */
DF_API bool nn_param_fits_int8(const NnParam *);
/* From now on, products of the weight and its input, whose numbers are in low..high (low <= 0 <= high, low < high), are
 * computed in 8 bits unless a tape is recorded. Each row of the weight gets a scale. This is stored in
 * tensor->quantization, which may be set to NULL. DF_OK or DF_ENOMEM. */
DF_API int nn_param_quantise(NnModel *, NnParam *, float low, float high);
DF_API int nn_model_quantised(const NnModel *); /* the number of quantised weights */
DF_API void nn_quantisation_set(DfQuantization *, float low, float high); /* sets all but the scales */

/* ---- training: train.c ------------------------------------------------------------------------------------------ */

/* Whether training changes a parameter: it is neither a buffer nor frozen. */
static inline bool nn_is_trained(const NnParam *param)
{
    return !param->buffer && !param->frozen;
}

/* Makes a model ready for training, and no longer lean: the gradients of all trained parameters get memory in one
 * block, where they outlive df_reset() and accumulate until nn_model_zero_gradients(). Call it after nn_model_init(),
 * and again after `frozen` of a parameter has changed. DF_OK or DF_ENOMEM. */
DF_API int nn_model_train(NnModel *);

/* All trained parameters in one block, in the order of nn_model_at(), and their gradients in another with the same
 * offsets: so an update is one loop, and a sum over processes one call. A parameter begins at
 *     offset = param->tensor->grad - gradients = param->tensor->data - weights,
 * a multiple of 16. Gaps hold zeros, which must not be changed. NULL and 0 before nn_model_train(). */
typedef struct {
    float *weights, *gradients;
    size_t n;               /* floats in each, gaps included */
} NnTrained;
DF_API NnTrained nn_model_trained(const NnModel *);
/* Sets all gradients to 0 and `reached` of all parameters to false. A parameter that no loss has reached has no
 * gradient, which an optimizer must not mistake for a gradient of 0. */
DF_API void nn_model_zero_gradients(NnModel *);
/* Call this after changing trained weights: packed copies are made again, in the same memory. */
DF_API void nn_model_changed(NnModel *);
/* The first parameter whose gradient contains NaN or infinity; NULL if there is none. */
DF_API const NnParam *nn_model_bad_gradient(const NnModel *);
/* After a training pass: updates the running statistics of batch norms (df_apply_statistics()). */
DF_API void nn_model_take_statistics(NnModel *, DfCtx *);

/* ---- building: scope.c ------------------------------------------------------------------------------------------- */

typedef struct {
    NnModel *model;
    const char *path; /* "" or "backbone.layers.0" */
} NnScope;
DF_API NnScope nn_root(NnModel *);
/* One step down, or several: nn_at(s, "blocks.%d.attn", i). */
DF_API NnScope nn_at(NnScope, const char *format, ...) DF_PRINTF(2, 3);

/* Poisons the model with a sentence, prefixed by the path; a model keeps its first one. */
DF_API void nn_fail(NnScope, int code, const char *format, ...) DF_PRINTF(3, 4);
DF_API bool nn_ok(NnScope);                                 /* false once the model is poisoned */
/* Reads a config dict into a struct by df_bind(). If the dict is wrong, it poisons the model and returns false. `what`
 * names the dict in messages. */
DF_API bool nn_configure(NnScope, const DfNode *dict, const DfOpt *opts, void *out, const char *what);

/* n items of `size` bytes, zeroed, that live as long as the model. NULL poisons the model. */
DF_API void *nn_alloc(NnScope, size_t n, size_t size);
/* Registers done(object), to be called when the model is freed: for objects that own memory outside the arena. */
DF_API void nn_at_end(NnScope, void (*done)(void *object), void *object);

/* Registers a parameter under the scope, with its official shape. NULL after a failure: run a model only if
 * nn_model_error() is DF_OK. A parameter need not belong to a layer. A buffer starts at `value`. */
DF_API DfTensor *nn_param(NnScope, const char *name, DfShape official, NnLayout, NnInit);
DF_API DfTensor *nn_buffer(NnScope, const char *name, DfShape official, double value);
DF_API NnParam *nn_last(NnScope); /* the one just registered, to set its `resize` or `role`; never NULL  */
DF_API void nn_optional(NnScope); /* parameters under this scope may be missing from a checkpoint        */
DF_API void nn_freeze(NnScope);   /* training does not change the parameters under this scope            */
/* For modules that share their weights and are stored under each of their names: the parameters registered under
 * `first` so far are also written under `other`; they are read from `first` only. */
DF_API void nn_share(NnScope first, NnScope other);

DF_END_DECLS

#endif
