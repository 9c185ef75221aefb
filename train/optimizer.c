/* SPDX-License-Identifier: Apache-2.0
 *
 * train/optimizer.c -- one step of an optimizer over all weights. Each parameter is divided into runs of fixed length,
 * which the threads share.
 */
#include <math.h>
#include <string.h>

#include "train/optimizer.h"
#include "train/update.h"

enum { RUN = 16384 };

typedef struct {
    size_t offset, n;
    int slot;
} Run;

struct DfOptimizer {
    DfOptimizerRule rule;
    DfSlot *slots;
    int n;
    Run *runs;
    size_t n_runs;
    size_t block;
    DfOptimizerState state;
    DfUpdateNumbers *numbers; /* [slots], of this step */
};

/* ---- making one -------------------------------------------------------------------------------------------------- */

static int cut(DfOptimizer *o)
{
    size_t runs = 0;
    for (int i = 0; i < o->n; i++)
        runs += (o->slots[i].n + RUN - 1) / RUN;
    o->runs = df_malloc((runs + 1) * sizeof *o->runs);
    if (!o->runs)
        return df_fail_memory("an optimizer");
    for (int i = 0; i < o->n; i++)
        for (size_t at = 0; at < o->slots[i].n; at += RUN) {
            const size_t left = o->slots[i].n - at;
            o->runs[o->n_runs++] = (Run){ o->slots[i].offset + at, left < RUN ? left : RUN, i };
        }
    return DF_OK;
}

static int remember(DfOptimizer *o)
{
    static const char *const of_sgd[DF_MOMENTS] = { "momentum" };
    static const char *const of_adam[DF_MOMENTS] = { "exp_avg", "exp_avg_sq", "max_exp_avg_sq" };
    DfOptimizerState *s = &o->state;
    s->n = 2 + o->rule.amsgrad;
    if (o->rule.kind == DF_SGD)
        s->n = o->rule.momentum > 0;
    for (int i = 0; i < s->n; i++) {
        s->name[i] = o->rule.kind == DF_SGD ? of_sgd[i] : of_adam[i];
        s->block[i] = df_calloc(o->block + 1, sizeof *s->block[i]);
        if (!s->block[i])
            return df_fail(DF_ENOMEM, "out of memory for the moments of %zu weights", o->block);
    }
    s->steps = df_calloc((size_t)o->n + 1, sizeof *s->steps);
    o->numbers = df_calloc((size_t)o->n + 1, sizeof *o->numbers);
    return s->steps && o->numbers ? DF_OK : df_fail_memory("an optimizer");
}

int df_optimizer_new(DfOptimizer **out, const DfOptimizerRule *rule, const DfSlot *slots, int n, size_t block)
{
    *out = NULL;
    DfOptimizer *o = df_calloc(1, sizeof *o);
    if (!o)
        return df_fail_memory("an optimizer");
    o->rule = *rule;
    o->n = n;
    o->block = block;
    o->slots = df_malloc(((size_t)n + 1) * sizeof *slots);
    int error = o->slots ? DF_OK : df_fail_memory("an optimizer");
    if (error == DF_OK) {
        memcpy(o->slots, slots, (size_t)n * sizeof *slots);
        error = cut(o);
    }
    if (error == DF_OK)
        error = remember(o);
    if (error < 0) {
        df_optimizer_free(o);
        return error;
    }
    *out = o;
    return DF_OK;
}

void df_optimizer_free(DfOptimizer *o)
{
    if (!o)
        return;
    for (int i = 0; i < DF_MOMENTS; i++)
        df_free(o->state.block[i]);
    df_free(o->state.steps);
    df_free(o->numbers);
    df_free(o->runs);
    df_free(o->slots);
    df_free(o);
}

DfOptimizerState df_optimizer_state(DfOptimizer *o)
{
    return o->state;
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

/* t is the number of steps of this parameter, including this one. The first velocity is the gradient itself. */
static void set_sgd(DfUpdateNumbers *u, const DfOptimizerRule *r, int64_t t, double rate, double decay)
{
    u->rate = (float)rate;
    u->decay = (float)decay;
    u->momentum = (float)r->momentum;
    u->fresh = t == 1 ? 1 : (float)(1 - r->dampening);
    u->nesterov = r->nesterov;
}

/* Kingma and Ba, ICLR 2015, algorithm 1: both moments start at 0, and this bias is corrected. AdamW decays the weight
 * itself instead of adding the decay to the gradient (Loshchilov and Hutter, ICLR 2019, algorithm 2). */
static void set_adam(DfUpdateNumbers *u, const DfOptimizerRule *r, int64_t t, double rate, double decay)
{
    u->rate = (float)(rate / (1 - pow(r->beta1, (double)t)));
    u->root = (float)sqrt(1 - pow(r->beta2, (double)t));
    u->decay = r->kind == DF_ADAM ? (float)decay : 0;
    u->keep = r->kind == DF_ADAMW ? (float)(1 - rate * decay) : 1;
    u->one_minus_beta1 = (float)(1 - r->beta1);
    u->one_minus_beta2 = (float)(1 - r->beta2);
    u->eps = (float)r->eps;
}

static void set_numbers(DfOptimizer *o, const DfUpdate *update)
{
    for (int i = 0; i < o->n; i++) {
        if (update->absent && update->absent[i])
            continue;
        DfUpdateNumbers *u = &o->numbers[i];
        const int64_t t = ++o->state.steps[i];
        const double rate = update->rates[o->slots[i].group];
        const double decay = update->decays[o->slots[i].group];
        u->scale = (float)update->scale;
        u->limit = (float)update->limit;
        if (o->rule.kind == DF_SGD)
            set_sgd(u, &o->rule, t, rate, decay);
        else
            set_adam(u, &o->rule, t, rate, decay);
    }
}

typedef struct {
    const DfOptimizer *o;
    const DfUpdate *update;
    float *weights;
    const float *gradients;
} Step;

static void update_run(void *arg, size_t task, void *scratch)
{
    (void)scratch;
    const Step *s = arg;
    const Run *run = &s->o->runs[task];
    const DfUpdateNumbers *u = &s->o->numbers[run->slot];
    float *const *block = s->o->state.block;
    float *w = s->weights + run->offset;
    const float *g = s->gradients + run->offset;
    if (s->update->absent && s->update->absent[run->slot])
        return;
    if (s->o->state.n == 0)
        df_update_sgd(u, run->n, w, g);
    else if (s->o->rule.kind == DF_SGD)
        df_update_momentum(u, run->n, w, g, block[0] + run->offset);
    else if (s->o->rule.amsgrad)
        df_update_amsgrad(u, run->n, w, g, block[0] + run->offset, block[1] + run->offset, block[2] + run->offset);
    else
        df_update_adam(u, run->n, w, g, block[0] + run->offset, block[1] + run->offset);
}

void df_optimizer_step(DfOptimizer *o, DfPool *pool, float *weights, const float *gradients, const DfUpdate *update)
{
    Step step = { o, update, weights, gradients };
    set_numbers(o, update);
    df_parallel(pool, o->n_runs, 0, update_run, &step);
}

/* ---- the rule of a config ---------------------------------------------------------------------------------------- */

typedef struct {
    DfOptimizerRule rule;
    DfFloats betas;
    const DfNode *paramwise_cfg; /* these two are for groups.c */
    const char *constructor;
} Read;

#define LR_ROWS                                                                                                        \
    DF_OPT_AS(Read, lr, rule.lr, DF_KIND_FLOAT, "1e-3", 0, 1e9, NULL, "learning rate"),                                \
    DF_OPT_DICT(Read, paramwise_cfg, "None",                                                                           \
                "learning rates and weight decays of some parameters: custom_keys, bias_lr_mult, norm_decay_mult, "    \
                "..."),                                                                                                \
    DF_OPT_TEXT(Read, constructor, "None", "DefaultOptimizerConstructor, LayerDecayOptimizerConstructor, ..."),        \
    DF_OPT_UNUSED(foreach, "how PyTorch loops over parameters"), DF_OPT_UNUSED(fused, "how PyTorch computes a step"),  \
    DF_OPT_UNUSED(capturable, "for CUDA graphs"), DF_OPT_UNUSED(differentiable,                                        \
                  "PyTorch can differentiate a step; not supported")
#define DECAY_ROW(decay)                                                                                               \
    DF_OPT_AS(Read, weight_decay, rule.weight_decay, DF_KIND_FLOAT, decay, 0, 1e9, NULL,                               \
              "weight decay")

static const DfOpt sgd_opts[] = {
    LR_ROWS, DECAY_ROW("0"),
    DF_OPT_AS(Read, momentum, rule.momentum, DF_KIND_FLOAT, "0", 0, 1, NULL, "factor of the previous velocity"),
    DF_OPT_AS(Read, dampening, rule.dampening, DF_KIND_FLOAT, "0", 0, 1, NULL,
              "share of the gradient that the momentum leaves out"),
    DF_OPT_AS(Read, nesterov, rule.nesterov, DF_KIND_BOOL, "False", 0, 1, NULL, "Nesterov's momentum"),
    DF_OPT_END
};
#define ADAM_ROWS(decay)                                                                                               \
    LR_ROWS, DECAY_ROW(decay),                                                                                         \
    DF_OPT_FLOATS(Read, betas, "[0.9, 0.999]", 0, 0.9999999, "decay factors of the first and the second moment"),      \
    DF_OPT_AS(Read, eps, rule.eps, DF_KIND_FLOAT, "1e-8", 0, 1e9, NULL, "added to the divisor, which must not be 0"),  \
    DF_OPT_AS(Read, amsgrad, rule.amsgrad, DF_KIND_BOOL, "False", 0, 1, NULL,                                          \
              "AMSGrad: divide by the largest second moment so far")
static const DfOpt adam_opts[] = { ADAM_ROWS("0"), DF_OPT_END };
static const DfOpt adamw_opts[] = { ADAM_ROWS("0.01"), DF_OPT_END };

static const DfPlugin kinds[] = {
    { "SGD",   "stochastic gradient descent, with momentum",                                          sgd_opts   },
    { "Adam",  "a step size for each weight, from its gradient's moments (Kingma and Ba, ICLR 2015)", adam_opts  },
    { "AdamW", "Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)",                 adamw_opts },
};
const DfPlugin *const df_optimizers[] = { &kinds[DF_SGD], &kinds[DF_ADAM], &kinds[DF_ADAMW], NULL };

static int find_kind(const DfNode *dict, int *kind)
{
    const char *type = df_node_text(df_node_get(dict, "type"), NULL);
    for (*kind = 0; type && *kind < 3; ++*kind)
        if (strcmp(type, kinds[*kind].name) == 0)
            return DF_OK;
    return df_node_fail(dict, DF_EVALUE, "no optimizer '%s': want SGD, Adam or AdamW", type ? type : "");
}

int df_optimizer_rule(DfOptimizerRule *out, const DfNode *dict)
{
    int kind;
    int error = find_kind(dict, &kind);
    DfArena *arena = error == DF_OK ? df_arena_new() : NULL;
    Read read = { 0 };
    if (error == DF_OK && !arena)
        error = df_fail_memory("an optimizer");
    if (error == DF_OK)
        error = df_bind(dict, kinds[kind].opts, &read, arena, kinds[kind].name);
    if (error == DF_OK && kind > 0 && read.betas.n != 2)
        error = df_node_fail(dict, DF_EVALUE, "betas has %d numbers: want 2", read.betas.n);
    if (error == DF_OK && read.rule.nesterov && (read.rule.momentum <= 0 || read.rule.dampening > 0))
        error = df_node_fail(dict, DF_EVALUE, "nesterov = True: want a momentum, and no dampening");
    if (error == DF_OK && kind > 0) {
        read.rule.beta1 = read.betas.v[0];
        read.rule.beta2 = read.betas.v[1];
    }
    read.rule.kind = (unsigned)kind;
    df_arena_free(arena);
    *out = read.rule;
    return error;
}
