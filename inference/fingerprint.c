/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/fingerprint.c -- hashes of settings, weights and data.
 */
#include "inference/fingerprint.h"

/* Kind, key and value; where a value was written does not count. Nodes are nested no deeper than a file may nest
 * them. */
static uint64_t add_node(uint64_t hash, const DfNode *node)
{
    if (!node)
        return df_hash_add(hash, "-", 1);
    const char kind = (char)node->kind;
    hash = df_hash_add_text(df_hash_add(hash, &kind, 1), node->key);
    if (node->kind == DF_NODE_BOOL)
        return df_hash_add(hash, &node->boolean, sizeof node->boolean);
    if (node->kind == DF_NODE_INT || node->kind == DF_NODE_FLOAT)
        return df_hash_add(hash, &node->number, sizeof node->number);
    if (node->kind == DF_NODE_TEXT)
        return df_hash_add_text(hash, node->text);
    for (const DfNode *child = node->first; child; child = child->next)
        hash = add_node(hash, child);
    return df_hash_add(hash, ".", 1);
}

/* Runs in float32 have the hashes that they had before there were other precisions. */
static uint64_t add_precision(uint64_t hash, DfPrecision precision)
{
    return precision == DF_PRECISION_F32 ? hash : df_hash_add_text(hash, df_precision_name(precision));
}

uint64_t df_hash_settings(const DfDetector *detector)
{
    const DfNode *root = df_detector_config(detector);
    const DfNode *pipeline = df_node_get(df_dataset_first(df_node_at(root, "data.test")), "pipeline");
    uint64_t hash = add_node(DF_HASH_START, df_node_get(root, "model"));
    hash = add_node(hash, df_node_get(root, "test_cfg"));
    hash = add_node(hash, pipeline ? pipeline : df_node_get(root, "test_pipeline"));
    return add_precision(hash, df_detector_precision(detector));
}

/* Four bytes at a time: there may be hundreds of megabytes. */
static uint64_t add_floats(uint64_t hash, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ df_float_bits(x[i])) * DF_HASH_PRIME;
    return hash;
}

int df_hash_weights(DfModel *model, uint64_t *out)
{
    const NnModel *weights = df_model_weights(model);
    int error = DF_OK;
    *out = DF_HASH_START;
    for (int i = 0; error == DF_OK && i < nn_model_count(weights); i++) {
        DfTensor *tensor = nn_model_at(weights, i)->tensor;
        DfNumbers numbers;
        error = df_numbers_open(tensor, &numbers);
        if (error < 0)
            break;
        *out = add_floats(*out, numbers.at, df_size(tensor));
        if (tensor->quantization)
            *out = add_floats(*out, tensor->quantization->range, 2);
        error = df_numbers_close(tensor, &numbers);
    }
    return error;
}

uint64_t df_hash_dataset(const DfCocoDataset *dataset)
{
    uint64_t hash = DF_HASH_START;
    for (int i = 0; i < dataset->n_images; i++) {
        const DfCocoImage *image = &dataset->images[i];
        hash = df_hash_add(hash, &image->id, sizeof image->id);
        hash = df_hash_add_text(hash, image->file_name);
    }
    for (int i = 0; i < dataset->n_classes; i++)
        hash = df_hash_add(hash, &dataset->category_ids[i], sizeof dataset->category_ids[i]);
    return hash;
}

uint64_t df_hash_segmentation(const DfSegmentation *set)
{
    uint64_t hash = DF_HASH_START;
    for (int i = 0; i < set->n; i++)
        hash = df_hash_add_text(hash, set->name[i]);
    for (int i = 0; i < set->classes.n; i++)
        hash = df_hash_add_text(hash, set->classes.name[i]);
    return hash;
}
