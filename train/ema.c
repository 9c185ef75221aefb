/* SPDX-License-Identifier: Apache-2.0
 *
 * train/ema.c -- averages of the weights during training, all in one block of memory.
 */
#include "train/ema.h"

#include <math.h>
#include <string.h>

#include "train/update.h"

struct DfEma {
    DfEmaRule rule;
    DfEmaPart *parts;
    size_t *offset; /* of each part, in the block */
    int n;
    float *block;
    size_t size;
    int64_t steps;
};

int df_ema_new(DfEma **out, const DfEmaRule *rule, const DfEmaPart *parts, int n)
{
    *out = NULL;
    DfEma *e = df_calloc(1, sizeof *e);
    if (!e)
        return df_fail_memory("averaged weights");
    e->rule = *rule;
    e->n = n;
    for (int i = 0; i < n; i++)
        e->size += parts[i].n;
    e->parts = df_malloc(((size_t)n + 1) * sizeof *parts);
    e->offset = df_malloc(((size_t)n + 1) * sizeof *e->offset);
    e->block = df_malloc((e->size + 1) * sizeof *e->block);
    if (!e->parts || !e->offset || !e->block) {
        df_ema_free(e);
        return df_fail_memory("averaged weights");
    }
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        e->parts[i] = parts[i];
        e->offset[i] = at;
        memcpy(e->block + at, parts[i].source, parts[i].n * sizeof *e->block);
        at += parts[i].n;
    }
    *out = e;
    return DF_OK;
}

void df_ema_free(DfEma *e)
{
    if (!e)
        return;
    df_free(e->parts);
    df_free(e->offset);
    df_free(e->block);
    df_free(e);
}

float *df_ema_part(DfEma *e, int i)
{
    return e->block + e->offset[i];
}

DfEmaState df_ema_state(DfEma *e)
{
    return (DfEmaState){ e->block, e->size, &e->steps };
}

/* ---- an update --------------------------------------------------------------------------------------------------- */

static bool has_begun(const DfEmaRule *r, int64_t iteration, int64_t epoch)
{
    return r->begin_epoch > 0 ? epoch + 1 >= r->begin_epoch : iteration + 1 >= r->begin_iter;
}

/* The share of the current weight in the new average; 1 copies the weight, 0 keeps the average. */
static double share_of(const DfEma *e, int64_t iteration)
{
    const DfEmaRule *r = &e->rule;
    const double steps = (double)e->steps;
    const double t = (double)iteration;
    const bool old = r->kind == DF_EMA_MMCV || r->offset;
    if (old ? (iteration + r->offset) % r->interval != 0 : e->steps > 0 && e->steps % r->interval != 0)
        return 0;
    if (!old && e->steps == 0)
        return 1;
    switch (r->kind) {
    case DF_EMA_MMCV: return fmin(pow(r->momentum, r->interval), (1 + t) / (r->gamma + t));
    case DF_EMA_ANNEALING: return fmax(r->momentum, r->gamma / (r->gamma + steps));
    case DF_EMA_EXPONENTIAL: return (1 - r->momentum) * exp(-(1 + (old ? t : steps)) / r->gamma) + r->momentum;
    case DF_EMA_MEAN: return 1 / (double)(e->steps / r->interval + 1);
    default: return r->momentum;
    }
}

enum { RUN = 65536 };

typedef struct {
    const float *source;
    float *average;
    size_t n;
    float share;
} Work;

static void update_run(void *arg, size_t task, void *scratch)
{
    (void)scratch;
    const Work *w = arg;
    const size_t at = task * RUN;
    const size_t n = w->n - at < RUN ? w->n - at : RUN;
    if (w->share >= 1)
        memcpy(w->average + at, w->source + at, n * sizeof *w->source);
    else
        df_update_average(n, w->share, w->source + at, w->average + at);
}

void df_ema_update(DfEma *e, DfPool *pool, int64_t iteration, int64_t epoch)
{
    const bool begun = has_begun(&e->rule, iteration, epoch);
    const float share = begun ? (float)share_of(e, iteration) : 1;
    for (int i = 0; i < e->n; i++) {
        const DfEmaPart *part = &e->parts[i];
        const bool copied = part->buffer && !e->rule.buffers;
        Work work = { part->source, df_ema_part(e, i), part->n, copied ? 1 : share };
        if (work.share > 0)
            df_parallel(pool, (part->n + RUN - 1) / RUN, 0, update_run, &work);
    }
    e->steps += begun;
}

/* ---- the hooks of a config --------------------------------------------------------------------------------------- */

typedef struct {
    const char *ema_type;
    double momentum;
    int interval, warm_up, total_iter, begin_iter, begin_epoch;
    double gamma;
    bool update_buffers, skip_buffers;
} Hook;

#define COMMON_ROWS                                                                                                    \
    DF_OPT_FLOAT(Hook, momentum, 0.0002, 0, 1, "weight of the new value; 1 minus it of the average"),                  \
    DF_OPT_INT(Hook, interval, 1, 1, 1e9, "iterations between two updates of the average"),                            \
    DF_OPT_UNUSED(priority, "order of hooks, which is fixed here"),                                                    \
    DF_OPT_UNUSED(resume_from, "checkpoint of a resumed run; use `train --resume`"),                                   \
    DF_OPT_UNUSED(auto_resume, "a run is resumed by `train --resume`"),                                                \
    DF_OPT_UNUSED(strict_load, "fail if the file lacks an entry; our files are always complete")
#define NEW_ROWS                                                                                                       \
    DF_OPT_TEXT(Hook, ema_type, "'ExponentialMovingAverage'",                                                          \
                "class of the average, such as ExponentialMovingAverage"),                                             \
    DF_OPT_BOOL(Hook, update_buffers, False, "averages running statistics too"),                                       \
    DF_OPT_INT(Hook, begin_iter, 0, 0, 2e9, "until this iteration the average is a copy of the weights"),              \
    DF_OPT_INT(Hook, begin_epoch, 0, 0, 2e9,                                                                           \
               "until this epoch the average is a copy of the weights; 0: begin_iter decides")

static const DfOpt new_opts[] = { COMMON_ROWS, NEW_ROWS, DF_OPT_END };
static const DfOpt annealing_opts[] = {
    COMMON_ROWS, NEW_ROWS,
    DF_OPT_FLOAT(Hook, gamma, 100, 1e-9, 1e18, "the weight of the new value is at least gamma / (gamma + steps)"),
    DF_OPT_END
};
static const DfOpt exponential_opts[] = {
    COMMON_ROWS, NEW_ROWS,
    DF_OPT_FLOAT(Hook, gamma, 2000, 1e-9, 1e18, "steps after which most of the first weights is forgotten"),
    DF_OPT_END
};
/* Options of mmcv's EMAHook; mmengine's is recognised by its other keys. */
static const DfOpt mmcv_opts[] = {
    COMMON_ROWS,
    DF_OPT_INT(Hook, warm_up, 100, 0, 1e9, "the weight of the new is at most (1 + i) / (warm_up + i)"),
    DF_OPT_END
};
static const DfOpt old_linear_opts[] = {
    COMMON_ROWS,
    DF_OPT_INT(Hook, warm_up, 100, 0, 1e9, "the weight of the new is at most (1 + i) / (warm_up + i)"),
    DF_OPT_BOOL(Hook, skip_buffers, False, "leaves running statistics as they are"),
    DF_OPT_END
};
static const DfOpt old_exponential_opts[] = {
    COMMON_ROWS,
    DF_OPT_INT(Hook, total_iter, 2000, 1, 1e9, "iterations after which most of the first weights is forgotten"),
    DF_OPT_BOOL(Hook, skip_buffers, False, "leaves running statistics as they are"),
    DF_OPT_END
};

static const struct {
    DfPlugin is;
    int kind;
} kinds[] = {
    { { "ExponentialMovingAverage", "exponential moving average: average += momentum (weight - average)", new_opts },
      DF_EMA_MOMENTUM },
    { { "MomentumAnnealingEMA", "the same, with a larger momentum at first", annealing_opts }, DF_EMA_ANNEALING },
    { { "ExpMomentumEMA", "the same, with a momentum that falls exponentially", exponential_opts },
      DF_EMA_EXPONENTIAL },
    { { "StochasticWeightAverage", "the mean of all weights so far (Izmailov et al., UAI 2018)", new_opts },
      DF_EMA_MEAN },
};
const DfPlugin *const df_averages[] = { &kinds[0].is, &kinds[1].is, &kinds[2].is, &kinds[3].is, NULL };

/* Whether an EMAHook is mmcv's: it has warm_up or resume_from. If it has no such key, the other hooks decide. */
static bool is_old(const DfNode *dict)
{
    return df_node_get(dict, "warm_up") || df_node_get(dict, "resume_from");
}

static int bind_as(DfEmaRule *out, const DfNode *dict, const DfOpt *opts, int kind, DfArena *arena)
{
    Hook hook = { .gamma = 100, .warm_up = 100 };
    const int error = df_bind(dict, opts, &hook, arena, "EMAHook");
    const bool old = opts == old_linear_opts || opts == old_exponential_opts;
    *out = (DfEmaRule){
        .kind = (unsigned)kind,
        .momentum = hook.momentum,
        .gamma = hook.gamma,
        .interval = hook.interval,
        .offset = old,
        .buffers = old ? !hook.skip_buffers : hook.update_buffers,
        .begin_iter = hook.begin_iter,
        .begin_epoch = hook.begin_epoch,
    };
    if (kind == DF_EMA_MMCV)
        out->gamma = hook.warm_up;
    if (opts == old_exponential_opts)
        out->gamma = hook.total_iter;
    return error;
}

static int read_new(DfEmaRule *out, const DfNode *dict, DfArena *arena)
{
    const char *type = df_node_text(df_node_get(dict, "ema_type"), "ExponentialMovingAverage");
    const char *names[4];
    for (size_t i = 0; i < 4; i++) {
        names[i] = kinds[i].is.name;
        if (strcmp(type, kinds[i].is.name) == 0)
            return bind_as(out, dict, kinds[i].is.opts, kinds[i].kind, arena);
    }
    const char *near = df_nearest_name(type, names, 4);
    return df_node_fail(dict, DF_EVALUE, "no ema_type '%s'%s%s%s", type, near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "");
}

static int read_hook(DfEmaRule *out, const DfNode *dict, DfArena *arena)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    if (strcmp(type, "ExpMomentumEMAHook") == 0)
        return bind_as(out, dict, old_exponential_opts, DF_EMA_EXPONENTIAL, arena);
    if (strcmp(type, "LinearMomentumEMAHook") == 0)
        return bind_as(out, dict, old_linear_opts, DF_EMA_MMCV, arena);
    if (strcmp(type, "EMAHook") != 0)
        return DF_OK;
    if (is_old(dict))
        return bind_as(out, dict, mmcv_opts, DF_EMA_MMCV, arena);
    return read_new(out, dict, arena);
}

int df_ema_rule(DfEmaRule *out, const DfNode *custom_hooks)
{
    *out = (DfEmaRule){ .kind = DF_EMA_NONE };
    if (!custom_hooks || custom_hooks->kind != DF_NODE_LIST)
        return DF_OK;
    DfArena *arena = df_arena_new();
    int error = arena ? DF_OK : df_fail_memory("custom_hooks");
    for (const DfNode *dict = custom_hooks->first; error == DF_OK && dict; dict = dict->next)
        error = read_hook(out, dict, arena);
    df_arena_free(arena);
    return error;
}
