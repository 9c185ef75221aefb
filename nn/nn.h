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

#include "nn/attention.h"
#include "nn/checkpoints.h"
#include "nn/layers.h"
#include "nn/levels.h"
#include "nn/parameters.h"

#endif
