/* SPDX-License-Identifier: Apache-2.0
 *
 * train/lr_hooks.c -- learning rates by `lr_config` of mmdet 2.x and mmseg 0.x, computed as mmcv's LrUpdaterHook and
 * its subclasses do: the policy's rate at an epoch or iteration, times a warm-up factor at the beginning.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/schedule_parts.h"

typedef struct {
    double now, most; /* epochs or iterations: finished ones, and all of the run */
} Progress;

typedef struct {
    DfPlugin is;
    double (*rate)(const LrHook *, Progress, double base);
} Policy;

struct LrHook {
    const Policy *policy;
    bool by_epoch;
    int warmup;
    int warmup_iters;
    double warmup_ratio;
    bool warmup_by_epoch;
    DfInts step;
    bool every;             /* `step` is one number: a period, not a list */
    double gamma, power;
    double min_lr, min_lr_ratio;
    double start_percent;
    DfInts periods;
    DfFloats restart_weights;
    DfFloats target_ratio;
    int cyclic_times;
    double step_ratio_up;
    int anneal_strategy;
    DfFloats max_lr;
    double div_factor, final_div_factor, pct_start;
    int total_steps;
    bool three_phase;
    double cool_down_ratio, cool_down_time;
};
enum { WARMUP_NONE, WARMUP_CONSTANT, WARMUP_LINEAR, WARMUP_EXP };

#define COMMON_ROWS                                                                                                    \
    DF_OPT_UNUSED(policy, "name of the policy"),                                                                       \
    DF_OPT_ENUM(LrHook, warmup, None, "None|constant|linear|exp",                                                      \
                "how the rate rises during warm-up, from warmup_ratio times the policy's rate"),                       \
    DF_OPT_INT(LrHook, warmup_iters, 0, 0, 1e9, "warm-up iterations, or epochs if warmup_by_epoch"),                   \
    DF_OPT_FLOAT(LrHook, warmup_ratio, 0.1, 1e-30, 1, "factor of the rate in the first iteration"),                    \
    DF_OPT_BOOL(LrHook, warmup_by_epoch, False, "warmup_iters counts epochs")
#define BY_EPOCH_ROW DF_OPT_BOOL(LrHook, by_epoch, True, "change the rate between epochs; False: between iterations")
#define MIN_LR_ROW(fallback) DF_OPT_FLOAT(LrHook, min_lr, fallback, 0, 1e9, "lowest learning rate")
#define TARGET_ROWS                                                                                                    \
    MIN_LR_ROW(None), DF_OPT_FLOAT(LrHook, min_lr_ratio, None, 0, 1e9, "the same, as a fraction of the initial rate")
#define ANNEAL_ROW                                                                                                     \
    DF_OPT_ENUM(LrHook, anneal_strategy, cos, "cos|linear",                                                            \
                "cos: half a cosine between two rates; linear: a straight line")

/* ---- policies ---------------------------------------------------------------------------------------------------- */

static double fixed(const LrHook *h, Progress p, double base)
{
    (void)h, (void)p;
    return base;
}

/* The number of drops so far: `step` is a period or a list of times. */
static int drops(const LrHook *h, double now)
{
    int n = 0;
    if (h->every)
        return (int)floor(now / h->step.v[0]);
    while (n < h->step.n && now >= h->step.v[n])
        n++;
    return n;
}

static double stepwise(const LrHook *h, Progress p, double base)
{
    const double rate = base * pow(h->gamma, drops(h, p.now));
    return isnan(h->min_lr) ? rate : fmax(rate, h->min_lr);
}

static double exponential(const LrHook *h, Progress p, double base)
{
    return base * pow(h->gamma, p.now);
}

static double poly(const LrHook *h, Progress p, double base)
{
    return (base - h->min_lr) * pow(1 - p.now / p.most, h->power) + h->min_lr;
}

static double inverse(const LrHook *h, Progress p, double base)
{
    return base * pow(1 + h->gamma * p.now, -h->power);
}

static double target(const LrHook *h, double base)
{
    return isnan(h->min_lr_ratio) ? h->min_lr : base * h->min_lr_ratio;
}

/* Loshchilov and Hutter, ICLR 2017, eq. 5, without restarts. */
static double cosine(const LrHook *h, Progress p, double base)
{
    return df_anneal_cos(base, target(h, base), p.now / p.most);
}

static double linear(const LrHook *h, Progress p, double base)
{
    return df_anneal_linear(base, target(h, base), p.now / p.most);
}

static double flat_cosine(const LrHook *h, Progress p, double base)
{
    const double start = nearbyint(p.most * h->start_percent); /* ties to even, as Python's round() */
    if (p.now < start)
        return base;
    return df_anneal_cos(base, target(h, base), (p.now - start) / (p.most - start));
}

/* The same paper, with restarts: each period has its own length and initial rate. */
static double cosine_restart(const LrHook *h, Progress p, double base)
{
    double begin = 0;
    int i = 0;
    while (i < h->periods.n - 1 && p.now >= begin + h->periods.v[i])
        begin += h->periods.v[i++];
    const double x = fmin((p.now - begin) / h->periods.v[i], 1);
    const double to = target(h, base);
    const double weight = h->restart_weights.n == 1 ? h->restart_weights.v[0] : h->restart_weights.v[i];
    return to + 0.5 * weight * (base - to) * (cos(3.141592653589793 * x) + 1);
}

static double anneal(const LrHook *h, double from, double to, double x)
{
    return h->anneal_strategy ? df_anneal_linear(from, to, x) : df_anneal_cos(from, to, x);
}

/* Cyclical learning rates (Smith, WACV 2017): up for a part of a cycle, then down; gamma shrinks the amplitude above
 * the base rate from one cycle to the next. */
static double cyclic(const LrHook *h, Progress p, double base)
{
    const double length = floor(p.most / h->cyclic_times);
    const double up = floor(h->step_ratio_up * length);
    const double at = fmod(p.now, length);
    const double scale = pow(h->gamma, floor(p.now / length));
    const double high = h->target_ratio.v[0];
    const double low = h->target_ratio.n > 1 ? h->target_ratio.v[1] : high / 1e5;
    const double top = 1 - scale + high * scale;
    if (at < up)
        return anneal(h, base, base * top, at / up);
    return anneal(h, base * top, base * low, (at - up) / (length - up));
}

/* One cycle (Smith and Topin, 2019): from max_lr / div_factor up to max_lr, down again, then to the last rate; the last
 * two phases are one unless three_phase is set. */
static double one_cycle(const LrHook *h, Progress p, double base)
{
    const double total = h->total_steps ? h->total_steps : p.most;
    const double first = base / h->div_factor; /* base is max_lr: df_lr_hook_set() */
    const double last = first / h->final_div_factor;
    const double up = h->pct_start * total - 1;
    const double down = h->three_phase ? 2 * h->pct_start * total - 2 : total - 1;
    if (p.now <= up)
        return anneal(h, first, base, p.now / up);
    if (p.now <= down)
        return anneal(h, base, h->three_phase ? first : last, (p.now - up) / (down - up));
    return anneal(h, first, last, fmin((p.now - down) / (total - 1 - down), 1));
}

/* From mmcls: half a cosine to the target, then a straight line to cool_down_ratio of it. */
static double cosine_cooldown(const LrHook *h, Progress p, double base)
{
    const double to = target(h, base);
    const double cool = h->cool_down_ratio * to;
    const double end = p.most - h->cool_down_time;
    if (p.now > end)
        return df_anneal_linear(to, cool, (p.now - end) / h->cool_down_time);
    return df_anneal_cos(base, to, p.now / end);
}

/* ---- their options ----------------------------------------------------------------------------------------------- */

static const DfOpt fixed_opts[] = { COMMON_ROWS, BY_EPOCH_ROW, DF_OPT_END };
static const DfOpt step_opts[] = {
    DF_OPT_ROW(LrHook, step, DF_KIND_INTS, NULL, 1, 2e9, NULL,
               "epochs or iterations at which the rate drops: a list, or one number for a period"),
    DF_OPT_FLOAT(LrHook, gamma, 0.1, 1e-9, 1e9, "factor of the rate at each drop"),
    MIN_LR_ROW(None), COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt exp_opts[] = {
    DF_OPT_ROW(LrHook, gamma, DF_KIND_FLOAT, NULL, 1e-9, 1e9, NULL, "factor of the rate at each epoch or iteration"),
    COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt poly_opts[] = {
    DF_OPT_FLOAT(LrHook, power, 1, 0, 100, "exponent of the share of the run that is left"),
    MIN_LR_ROW(0), COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt inv_opts[] = {
    DF_OPT_ROW(LrHook, gamma, DF_KIND_FLOAT, NULL, 0, 1e9, NULL, "the rate is divided by (1 + gamma t) ** power"),
    DF_OPT_FLOAT(LrHook, power, 1, 0, 100, "exponent of the formula of gamma"),
    COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt target_opts[] = { TARGET_ROWS, COMMON_ROWS, BY_EPOCH_ROW, DF_OPT_END };
static const DfOpt flat_cosine_opts[] = {
    DF_OPT_FLOAT(LrHook, start_percent, 0.75, 0, 1, "share of the run before the rate falls"),
    TARGET_ROWS, COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt restart_opts[] = {
    DF_OPT_ROW(LrHook, periods, DF_KIND_INTS, NULL, 1, 1e9, NULL, "length of each period, in epochs or iterations"),
    DF_OPT_FLOATS(LrHook, restart_weights, "[1]", 0, 1e9,
                  "initial rate of each period, as a fraction of the first rate"),
    TARGET_ROWS, COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};
static const DfOpt cyclic_opts[] = {
    DF_OPT_BOOL(LrHook, by_epoch, False, "change the rate between epochs; False: between iterations"),
    DF_OPT_FLOATS(LrHook, target_ratio, "[10, 1e-4]", 0, 1e9, "highest and last rate, as multiples of the first"),
    DF_OPT_INT(LrHook, cyclic_times, 1, 1, 1e9, "number of cycles in the run"),
    DF_OPT_FLOAT(LrHook, step_ratio_up, 0.4, 0, 1, "share of a cycle in which the rate rises"),
    DF_OPT_FLOAT(LrHook, gamma, 1, 0, 1, "factor of the highest rate from one cycle to the next"),
    ANNEAL_ROW, COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt one_cycle_opts[] = {
    DF_OPT_BOOL(LrHook, by_epoch, False, "change the rate between epochs; False: between iterations"),
    DF_OPT_ROW(LrHook, max_lr, DF_KIND_FLOATS, NULL, 0, 1e9, NULL,
               "highest rate: one for all parameters, or one for each group"),
    DF_OPT_INT(LrHook, total_steps, 0, 0, 1e9, "length of the cycle, in iterations; 0: the whole run"),
    DF_OPT_FLOAT(LrHook, pct_start, 0.3, 0, 1, "share of the cycle in which the rate rises"),
    DF_OPT_FLOAT(LrHook, div_factor, 25, 1e-9, 1e12, "first rate = max_lr / div_factor"),
    DF_OPT_FLOAT(LrHook, final_div_factor, 1e4, 1e-9, 1e18, "last rate = first rate / final_div_factor"),
    DF_OPT_BOOL(LrHook, three_phase, False, "fall to the first rate, then to the last"),
    ANNEAL_ROW, COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt cooldown_opts[] = {
    DF_OPT_FLOAT(LrHook, cool_down_ratio, 0.1, 0, 1e9, "last rate, as a fraction of min_lr"),
    DF_OPT_FLOAT(LrHook, cool_down_time, 10, 0, 1e9, "length of the cool-down, in epochs or iterations"),
    TARGET_ROWS, COMMON_ROWS, BY_EPOCH_ROW,
    DF_OPT_END
};

static const Policy policies[] = {
    { { "Fixed",               "constant rate",                                       fixed_opts }, fixed },
    { { "Step",                "the rate drops at given epochs or iterations",        step_opts }, stepwise },
    { { "Exp",                 "the rate falls by a factor every epoch or iteration", exp_opts }, exponential },
    { { "Poly",                "a power of the share of the run that is left",        poly_opts }, poly },
    { { "Inv",                 "the rate falls as 1 / (1 + gamma t) ** power",        inv_opts }, inverse },
    { { "CosineAnnealing",     "the rate falls as half a cosine",                     target_opts }, cosine },
    { { "LinearAnnealing",     "the rate falls as a straight line",                   target_opts }, linear },
    { { "FlatCosineAnnealing", "the rate is constant, then falls as half a cosine",   flat_cosine_opts }, flat_cosine },
    { { "CosineRestart",       "the rate falls as half a cosine, and restarts",       restart_opts }, cosine_restart },
    { { "Cyclic",              "the rate rises and falls, in cycles",                 cyclic_opts }, cyclic },
    { { "OneCycle",            "the rate rises, then falls, once",                    one_cycle_opts }, one_cycle },
    { { "CosineAnnealingCooldown", "the rate falls as half a cosine, then as a straight line", cooldown_opts },
      cosine_cooldown },
};
enum { POLICIES = sizeof policies / sizeof *policies };
const DfPlugin *const df_lr_policies[] = {
    &policies[0].is, &policies[1].is, &policies[2].is, &policies[3].is, &policies[4].is,  &policies[5].is,
    &policies[6].is, &policies[7].is, &policies[8].is, &policies[9].is, &policies[10].is, &policies[11].is, NULL,
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* mmcv's rule: a policy in lower case is capitalised and "LrUpdaterHook" appended; `type` has the full name. */
static const Policy *find_policy(const DfNode *dict)
{
    char name[64];
    const DfNode *said = df_node_get(dict, "policy");
    const char *word = df_node_text(said ? said : df_node_get(dict, "type"), "");
    const char *names[POLICIES];
    snprintf(name, sizeof name, "%s", word);
    char *tail = strstr(name, "LrUpdaterHook");
    if (tail)
        *tail = '\0';
    if (said && name[0] >= 'a' && name[0] <= 'z')
        name[0] = (char)(name[0] - 'a' + 'A');
    for (int i = 0; i < POLICIES; i++) {
        names[i] = policies[i].is.name;
        if (strcmp(name, policies[i].is.name) == 0)
            return &policies[i];
    }
    const char *near = df_nearest_name(name, names, POLICIES);
    df_node_fail(said ? said : dict, DF_EVALUE, "no policy of the learning rate '%s'%s%s%s", word,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool needs_target(const LrHook *h)
{
    const DfOpt *opts = h->policy->is.opts;
    return opts == target_opts || opts == flat_cosine_opts || opts == restart_opts || opts == cooldown_opts;
}

static int check(const LrHook *h, const DfNode *dict, int groups)
{
    if (needs_target(h) && isnan(h->min_lr) == isnan(h->min_lr_ratio))
        return df_node_fail(dict, DF_EVALUE, "want one of min_lr and min_lr_ratio");
    if (h->policy->is.opts == restart_opts && h->restart_weights.n != 1 && h->restart_weights.n != h->periods.n)
        return df_node_fail(dict, DF_EVALUE, "%d periods and %d restart_weights: want as many", h->periods.n,
                            h->restart_weights.n);
    if (h->policy->is.opts == one_cycle_opts && h->max_lr.n != 1 && h->max_lr.n != groups)
        return df_node_fail(dict, DF_EVALUE, "max_lr has %d rates for %d groups: want 1 or as many", h->max_lr.n,
                            groups);
    if (h->policy->is.opts == cyclic_opts && (h->target_ratio.n < 1 || h->target_ratio.n > 2))
        return df_node_fail(dict, DF_EVALUE, "target_ratio has %d numbers: want 1 or 2", h->target_ratio.n);
    return DF_OK;
}

int df_lr_hook_new(DfSchedule *s, const DfNode *dict)
{
    const Policy *policy = find_policy(dict);
    if (!policy)
        return DF_EVALUE;
    LrHook *h = df_arena_alloc(s->arena, 1, sizeof *h);
    if (!h)
        return df_fail_memory("a schedule");
    *h = (LrHook){ .min_lr_ratio = NAN };
    int error = df_bind(dict, policy->is.opts, h, s->arena, "lr_config");
    h->policy = policy;
    const DfNode *step = df_node_get(dict, "step");
    h->every = step && step->kind != DF_NODE_LIST;
    if (error == DF_OK)
        error = check(h, dict, s->n);
    if (error == DF_OK)
        s->hook = h;
    return error;
}

/* ---- the rate of an iteration ------------------------------------------------------------------------------------ */

static double warmup_factor(const LrHook *h, const DfSchedule *s)
{
    const double length = (double)h->warmup_iters * (h->warmup_by_epoch ? (double)s->run.epoch_length : 1);
    const double t = (double)s->iteration;
    if (h->warmup == WARMUP_NONE || t >= length)
        return 1;
    switch (h->warmup) {
    case WARMUP_CONSTANT: return h->warmup_ratio;
    case WARMUP_LINEAR: return 1 - (1 - t / length) * (1 - h->warmup_ratio);
    default: return pow(h->warmup_ratio, 1 - t / length);
    }
}

static Progress progress(const LrHook *h, const DfSchedule *s)
{
    const DfRunLength *run = &s->run;
    if (!h->by_epoch)
        return (Progress){ (double)s->iteration, (double)run->iterations };
    const int64_t in_all = (run->iterations + run->epoch_length - 1) / run->epoch_length;
    const int64_t epoch = s->iteration / run->epoch_length;
    return (Progress){ (double)epoch, (double)(run->epochs ? run->epochs : in_all) };
}

void df_lr_hook_set(DfSchedule *s)
{
    const LrHook *h = s->hook;
    const double factor = warmup_factor(h, s);
    const Progress p = progress(h, s);
    for (int i = 0; i < s->n; i++) {
        double base = s->base[i];
        if (h->max_lr.n)
            base = h->max_lr.v[h->max_lr.n == 1 ? 0 : i];
        s->rates[i] = h->policy->rate(h, p, base) * factor;
    }
}
