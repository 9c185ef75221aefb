/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/nn.h -- the public header of nn/: modules with weights, the tree of parameters, loading and saving checkpoints.
 *
 * A model is built once, module by module, in scopes. A scope knows its path, and a parameter's name is its path:
 * nn_linear_init(nn_at(s, "qkv"), ..) inside "backbone.layers.0.blocks.1.attn" makes
 * "backbone.layers.0.blocks.1.attn.qkv.weight", which is the official state_dict key, so loading is a lookup. Modules
 * are plain structs, const during the forward pass.
 *
 * Errors. While a model is built, the first failure poisons it: later calls do nothing, and nn_model_error() returns
 * the failure at the end. A forward pass does the same with the context (tensor/tensor.h). Other functions return
 * DF_OK or a negative code, with a sentence in df_error().
 */
#ifndef DF_NN_NN_H
#define DF_NN_NN_H

#include "nn/attention.h"
#include "nn/checkpoints.h"
#include "nn/layers.h"
#include "nn/levels.h"
#include "nn/parameters.h"

#endif
