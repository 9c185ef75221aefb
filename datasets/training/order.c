/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/order.c -- divides samples into batches, epoch by epoch.
 *
 * An epoch is laid out when its first batch is requested: `at` holds its samples in order, and batch b has those from
 * start[b] to start[b + 1]. Two epochs are kept, because batches of an endless order reach into the next one.
 */
#include "datasets/training/order.h"

#include <string.h>

typedef struct {
    int64_t number;      /* of the epoch; -1: none is laid out */
    int *at;             /* [capacity]                         */
} Epoch;

struct DfOrder {
    DfOrderOptions o;
    int n;               /* samples                                                     */
    uint8_t *group;      /* [n]: 0 or 1; all 0 without grouping                         */
    int size[2];         /* of the groups                                               */
    int64_t batches;     /* of an epoch                                                 */
    int capacity;        /* samples of an epoch: n, or more where groups are filled up  */
    int *start;          /* [batches + 1]; they are the same in every epoch             */
    int *shuffled;       /* [n]: scratch                                                */
    int *batch_order;    /* [batches]: scratch                                          */
    Epoch epoch[2];
};

/* ---- shuffling -------------------------------------------------------------------------------------------------- */

static int below(DfRandom *random, int n)
{
    return (int)(df_uniform(random) * n);
}

/* Fisher and Yates, as Durstenfeld wrote it down in 1964. */
static void shuffle(int *v, int n, DfRandom *random)
{
    for (int i = n - 1; i > 0; i--) {
        const int k = below(random, i + 1);
        const int swap = v[i];
        v[i] = v[k];
        v[k] = swap;
    }
}

static void all_samples(const DfOrder *order, int *out, DfRandom *random)
{
    for (int i = 0; i < order->n; i++)
        out[i] = i;
    if (order->o.shuffle)
        shuffle(out, order->n, random);
}

/* ---- GroupSampler ----------------------------------------------------------------------------------------------- */

/* The members of a group in random order, then more of them, drawn with repetition, until the last batch is full. */
static int *fill_group(const DfOrder *order, int group, int *out, DfRandom *random)
{
    const int batch = order->o.batch;
    const int n = order->size[group];
    int filled = 0;
    for (int i = 0; i < order->n; i++)
        if (order->group[i] == group)
            out[filled++] = i;
    if (order->o.shuffle)
        shuffle(out, n, random);
    for (int first = 0; filled % batch; filled++, first++)
        out[filled] = order->o.shuffle ? out[below(random, n)] : out[first % n];
    return out + filled;
}

/* Whole batches change places. */
static void layout_groups(DfOrder *order, int *out, DfRandom *random)
{
    const int batch = order->o.batch;
    int *grouped = order->shuffled;
    int *end = fill_group(order, 0, grouped, random);
    fill_group(order, 1, end, random);
    for (int b = 0; b < order->batches; b++)
        order->batch_order[b] = b;
    if (order->o.shuffle)
        shuffle(order->batch_order, (int)order->batches, random);
    for (int b = 0; b < order->batches; b++)
        memcpy(out + (size_t)b * (size_t)batch, grouped + (size_t)order->batch_order[b] * (size_t)batch,
               (size_t)batch * sizeof *out);
}

/* ---- AspectRatioBatchSampler ------------------------------------------------------------------------------------ */

/* A batch of the latest members of the group, up to place i of the shuffled list. */
static int *last_of_group(const DfOrder *order, int group, int i, int *to)
{
    for (int k = order->o.batch; k > 0; i--)
        if (order->group[order->shuffled[i]] == group)
            to[--k] = order->shuffled[i];
    return to + order->o.batch;
}

/* Samples come in order and wait until there is a batch of their kind. What waits at the end, of group 0 first, makes
 * the last batches, of both kinds together. */
static void layout_aspects(DfOrder *order, int *out, DfRandom *random)
{
    const int batch = order->o.batch;
    const int full[2] = { order->size[0] / batch * batch, order->size[1] / batch * batch };
    int *const rest[2] = { out + full[0] + full[1], out + full[1] + order->size[0] };
    int seen[2] = { 0, 0 };
    int *to = out;
    all_samples(order, order->shuffled, random);
    for (int i = 0; i < order->n; i++) {
        const int g = order->group[order->shuffled[i]];
        if (seen[g] >= full[g])
            rest[g][seen[g] - full[g]] = order->shuffled[i];
        else if ((seen[g] + 1) % batch == 0)
            to = last_of_group(order, g, i, to);
        seen[g]++;
    }
}

/* ---- epochs ----------------------------------------------------------------------------------------------------- */

static const int *epoch_of(DfOrder *order, int64_t number)
{
    Epoch *epoch = &order->epoch[number % 2];
    if (epoch->number == number)
        return epoch->at;
    DfRandom random = df_random(order->o.seed ^ df_hash("order of samples"), (uint64_t)number);
    if (order->o.kind == DF_ORDER_GROUPS)
        layout_groups(order, epoch->at, &random);
    else if (order->o.kind == DF_ORDER_ASPECTS)
        layout_aspects(order, epoch->at, &random);
    else
        all_samples(order, epoch->at, &random);
    epoch->number = number;
    return epoch->at;
}

int df_order_batch(DfOrder *order, int64_t k, int *sample)
{
    const int batch = order->o.batch;
    if (order->o.kind == DF_ORDER_ENDLESS) {
        for (int i = 0; i < batch; i++) {
            const int64_t position = k * batch + i;
            sample[i] = epoch_of(order, position / order->n)[position % order->n];
        }
        return batch;
    }
    const int64_t b = k % order->batches;
    const int *at = epoch_of(order, k / order->batches);
    const int n = order->start[b + 1] - order->start[b];
    memcpy(sample, at + order->start[b], (size_t)n * sizeof *sample);
    return n;
}

int64_t df_order_epoch_batches(const DfOrder *order)
{
    return order->batches;
}

int df_order_part(int n, int rank, int ranks, int *first)
{
    const int64_t begin = (int64_t)n * rank / ranks;
    *first = (int)begin;
    return (int)((int64_t)n * (rank + 1) / ranks - begin);
}

int df_order_another(const DfOrder *order, int i, double draw)
{
    if (order->o.kind != DF_ORDER_GROUPS)
        return (int)(draw * order->n);
    int k = (int)(draw * order->size[order->group[i]]);
    for (int j = 0; j < order->n; j++)
        if (order->group[j] == order->group[i] && k-- == 0)
            return j;
    return i;
}

/* ---- made and freed --------------------------------------------------------------------------------------------- */

/* mmdet 2.x flags w / h > 1, and 3.x puts w < h aside: squares are of the other kind there. */
static int find_groups(DfOrder *order, const DfTrainingSet *set)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < order->n; i++) {
        int height = 0, width = 0;
        if (order->o.kind == DF_ORDER_GROUPS || order->o.kind == DF_ORDER_ASPECTS)
            error = df_training_set_size(set, i, &height, &width);
        if (order->o.kind == DF_ORDER_ASPECTS)
            order->group[i] = width >= height;
        else
            order->group[i] = width > height;
        order->size[order->group[i]]++;
    }
    return error;
}

static int divide_up(int n, int batch)
{
    return n / batch + (n % batch != 0);
}

static int count_batches(DfOrder *order)
{
    const int batch = order->o.batch;
    order->capacity = order->n;
    order->batches = order->o.drop_last ? order->n / batch : divide_up(order->n, batch);
    if (order->o.kind == DF_ORDER_ENDLESS)
        order->batches = order->n < batch ? 1 : order->n / batch;
    if (order->o.kind == DF_ORDER_GROUPS)
        order->batches = divide_up(order->size[0], batch) + divide_up(order->size[1], batch);
    if (order->o.kind == DF_ORDER_ASPECTS && order->o.drop_last)
        order->batches = order->size[0] / batch + order->size[1] / batch + /* a rest of one batch is dropped, too */
                         (order->size[0] % batch + order->size[1] % batch > batch);
    if (order->o.kind == DF_ORDER_GROUPS && order->batches > INT32_MAX / batch)
        return df_fail(DF_EVALUE, "batches of %d samples: want smaller ones", batch);
    if (order->o.kind == DF_ORDER_GROUPS)
        order->capacity = (int)order->batches * batch;
    if (order->batches)
        return DF_OK;
    return df_fail(DF_EVALUE, "a training set of %d samples makes no batch of %d: want a smaller data.samples_per_gpu",
                   order->n, batch);
}

static int make_room(DfOrder *order)
{
    const size_t capacity = (size_t)order->capacity + 1;
    order->start = df_malloc(((size_t)order->batches + 1) * sizeof *order->start);
    order->batch_order = df_malloc(((size_t)order->batches + 1) * sizeof *order->batch_order);
    order->shuffled = df_malloc(capacity * sizeof *order->shuffled);
    for (int e = 0; e < 2; e++) {
        order->epoch[e].number = -1;
        order->epoch[e].at = df_malloc(capacity * sizeof *order->epoch[e].at);
    }
    if (!order->start || !order->batch_order || !order->shuffled || !order->epoch[0].at || !order->epoch[1].at)
        return df_fail_memory("the order of samples");
    for (int64_t b = 0; b <= order->batches; b++) {
        const int64_t at = b * order->o.batch;
        order->start[b] = at < order->capacity ? (int)at : order->capacity;
    }
    return DF_OK;
}

int df_order_new(DfOrder **out, const DfOrderOptions *options, const DfTrainingSet *set)
{
    *out = NULL;
    if (options->batch < 1)
        return df_fail(DF_EVALUE, "a batch of %d samples: want 1 or more", options->batch);
    DfOrder *order = df_calloc(1, sizeof *order);
    if (!order)
        return df_fail_memory("the order of samples");
    order->o = *options;
    order->n = df_training_set_count(set);
    order->group = df_calloc((size_t)order->n, 1);
    int error = order->group ? find_groups(order, set) : df_fail_memory("the order of samples");
    if (error == DF_OK)
        error = count_batches(order);
    if (error == DF_OK)
        error = make_room(order);
    if (error < 0)
        df_order_free(order);
    else
        *out = order;
    return error;
}

void df_order_free(DfOrder *order)
{
    if (!order)
        return;
    df_free(order->group);
    df_free(order->start);
    df_free(order->batch_order);
    df_free(order->shuffled);
    df_free(order->epoch[0].at);
    df_free(order->epoch[1].at);
    df_free(order);
}

/* ---- what a config says ----------------------------------------------------------------------------------------- */

static bool is_called(const DfNode *dict, const char *type)
{
    return strcmp(df_node_text(df_node_get(dict, "type"), ""), type) == 0;
}

static int read_batch(int *out, const DfNode *node)
{
    *out = 1;
    if (!node)
        return DF_OK;
    if (node->kind != DF_NODE_INT || node->integer < 1 || node->integer > 1 << 20)
        return df_node_fail(node, DF_EVALUE, "want how many samples a batch has: 1 to %d", 1 << 20);
    *out = (int)node->integer;
    return DF_OK;
}

/* A loader that names its sampler. */
static int named_sampler(DfOrderOptions *o, const DfNode *loader)
{
    const DfNode *sampler = df_node_get(loader, "sampler");
    const DfNode *batches = df_node_get(loader, "batch_sampler");
    o->kind = is_called(sampler, "InfiniteSampler") ? DF_ORDER_ENDLESS : DF_ORDER_EPOCHS;
    o->shuffle = df_node_bool(df_node_get(sampler, "shuffle"), true);
    o->drop_last = df_node_bool(df_node_get(loader, "drop_last"), false);
    if (is_called(batches, "AspectRatioBatchSampler") && o->kind == DF_ORDER_EPOCHS) {
        o->kind = DF_ORDER_ASPECTS;
        o->drop_last = df_node_bool(df_node_get(batches, "drop_last"), false);
    }
    return read_batch(&o->batch, df_node_get(loader, "samples_per_gpu"));
}

int df_order_options(DfOrderOptions *o, const DfNode *config, const DfTrainingSet *set)
{
    const DfNode *loader = df_node_at(config, "data.train_dataloader");
    const bool objects = df_training_set_learning(set) == DF_LEARN_OBJECTS;
    if (df_node_get(loader, "sampler"))
        return named_sampler(o, loader);
    const DfNode *args = df_node_get(config, "args"); /* the official DETR programs */
    const DfNode *batch = df_node_get(args, "batch_size");
    if (!batch)
        batch = df_node_get(loader, "samples_per_gpu");
    if (!batch)
        batch = df_node_at(config, "data.samples_per_gpu");
    o->kind = objects && !args ? DF_ORDER_GROUPS : DF_ORDER_EPOCHS;
    o->shuffle = true;
    o->drop_last = !objects || args;
    return read_batch(&o->batch, batch);
}
