/* SPDX-License-Identifier: Apache-2.0
 *
 * train/lr_schedulers.c -- learning rates by `param_scheduler` of mmengine. Each scheduler changes the current rate,
 * whichever scheduler set it, so two that overlap do not give the product of their closed forms. Schedulers that count
 * iterations step after every iteration, the others after every epoch, in the order of the config.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "train/schedule_parts.h"

typedef struct {
    DfPlugin is;
    double (*rate)(const LrScheduler *, double now, int group); /* the rate of the next step */
} Kind;

struct LrScheduler {
    const Kind *kind;
    int begin;
    double end;             /* NAN in the config: the end of the run         */
    bool by_epoch, convert_to_iter_based;
    double factor, start_factor, end_factor;
    double gamma, power;
    DfInts milestones;
    int step_size;
    double T_max, eta_min, eta_min_ratio;
    DfInts periods;
    DfFloats restart_weights;
    DfFloats eta_max;
    int total_steps, anneal_strategy;
    double pct_start, div_factor, final_div_factor;
    bool three_phase;
    double first, last;     /* begin and end, in its own steps               */
    double scale;           /* factor that converts milestones and step_size to steps */
    double *initial;        /* the initial rate of each group                */
    int64_t clock, steps;   /* steps so far; those of them in [first, last)  */
};

#define COMMON_ROWS                                                                                                    \
    DF_OPT_INT(LrScheduler, begin, 0, 0, 2e9, "step at which the schedule starts"),                                    \
    DF_OPT_FLOAT(LrScheduler, end, None, 0, 1e18, "the first step after it; None: the end of the run"),                \
    DF_OPT_BOOL(LrScheduler, by_epoch, True, "steps are epochs; False: iterations"),                                   \
    DF_OPT_BOOL(LrScheduler, convert_to_iter_based, False, "numbers are given in epochs, steps are iterations"),       \
    DF_OPT_UNUSED(last_step, "step of a resumed run; use `train --resume`"),                                           \
    DF_OPT_UNUSED(verbose, "print the rate; the log always has it")
#define ETA_MIN_ROWS                                                                                                   \
    DF_OPT_FLOAT(LrScheduler, eta_min, None, 0, 1e9, "lowest rate; default: 0"),                                       \
    DF_OPT_FLOAT(LrScheduler, eta_min_ratio, None, 0, 1e9, "the same, as a fraction of the initial rate")

/* ---- the schedules ----------------------------------------------------------------------------------------------- */

/* t is the step: 0 is the first. A scheduler over n steps ends at t = n - 1. */

static double length(const LrScheduler *s)
{
    return s->last - s->first - 1;
}

static double eta_min(const LrScheduler *s, int group)
{
    if (!isnan(s->eta_min_ratio))
        return s->initial[group] * s->eta_min_ratio;
    return isnan(s->eta_min) ? 0 : s->eta_min;
}

static double constant(const LrScheduler *s, double now, int group)
{
    (void)group;
    if (s->steps == 0)
        return now * s->factor;
    return (double)s->steps == length(s) ? now * (1 / s->factor) : now;
}

static double linear(const LrScheduler *s, double now, int group)
{
    (void)group;
    if (s->steps == 0)
        return now * s->start_factor;
    const double rise = s->end_factor - s->start_factor;
    return now * (1 + rise / (length(s) * s->start_factor + (double)(s->steps - 1) * rise));
}

static double exponential(const LrScheduler *s, double now, int group)
{
    (void)group;
    return s->steps == 0 ? now : now * s->gamma;
}

static double multi_step(const LrScheduler *s, double now, int group)
{
    (void)group;
    int hit = 0;
    for (int i = 0; i < s->milestones.n; i++)
        hit += (double)s->milestones.v[i] * s->scale == (double)s->steps;
    return hit ? now * pow(s->gamma, hit) : now;
}

static double step(const LrScheduler *s, double now, int group)
{
    (void)group;
    if (s->steps == 0 || fmod((double)s->steps, (double)s->step_size * s->scale) != 0)
        return now;
    return now * s->gamma;
}

static double poly(const LrScheduler *s, double now, int group)
{
    const double to = eta_min(s, group);
    if (s->steps == 0)
        return now;
    return (now - to) * pow(1 - 1 / (length(s) - (double)s->steps + 1), s->power) + to;
}

/* (1 + cos(pi t / T)) / (1 + cos(pi (t - 1) / T)): the factor by which step t of half a cosine shrinks the distance to
 * eta_min. */
static double closer(double t, double T)
{
    return (1 + cos(3.141592653589793 * t / T)) / (1 + cos(3.141592653589793 * (t - 1) / T));
}

static double cosine(const LrScheduler *s, double now, int group)
{
    const double T = isnan(s->T_max) ? s->last - s->first : s->T_max * s->scale;
    const double t = (double)s->steps;
    const double to = eta_min(s, group);
    if (s->steps == 0)
        return now;
    if (fmod(t - 1 - T, 2 * T) == 0) /* at the bottom: up again */
        return now + (s->initial[group] - to) * (1 - cos(3.141592653589793 / T)) / 2;
    return closer(t, T) * (now - to) + to;
}

static double cosine_restart(const LrScheduler *s, double now, int group)
{
    double begin = 0;
    int i = 0;
    while (i < s->periods.n && (double)s->steps >= begin + s->periods.v[i] * s->scale)
        begin += s->periods.v[i++] * s->scale;
    if (i == s->periods.n)
        return now;
    const double t = (double)s->steps - begin;
    const double to = eta_min(s, group);
    const double weight = s->restart_weights.n == 1 ? s->restart_weights.v[0] : s->restart_weights.v[i];
    if (t == 0)
        return s->initial[group] * weight;
    return closer(t, s->periods.v[i] * s->scale) * (now - to) + to;
}

static double one_cycle(const LrScheduler *s, double now, int group)
{
    (void)now;
    double (*const anneal)(double, double, double) = s->anneal_strategy ? df_anneal_linear : df_anneal_cos;
    const double high = s->eta_max.v[s->eta_max.n == 1 ? 0 : group];
    const double first = high / s->div_factor;
    const double low = first / s->final_div_factor;
    const double total = s->total_steps * s->scale;
    const double up = s->pct_start * total - 1;
    const double down = s->three_phase ? 2 * s->pct_start * total - 2 : total - 1;
    const double t = (double)s->steps;
    if (t <= up)
        return anneal(first, high, t / up);
    if (t <= down || !s->three_phase)
        return anneal(high, s->three_phase ? first : low, fmin((t - up) / (down - up), 1));
    return anneal(first, low, fmin((t - down) / (total - 1 - down), 1));
}

/* ---- their options ----------------------------------------------------------------------------------------------- */

static const DfOpt constant_opts[] = {
    DF_OPT_FLOAT(LrScheduler, factor, 0.3333333333333333, 1e-30, 1, "factor of the rate until `end`"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt linear_opts[] = {
    DF_OPT_FLOAT(LrScheduler, start_factor, 0.3333333333333333, 1e-30, 1, "factor of the rate in the first step"),
    DF_OPT_FLOAT(LrScheduler, end_factor, 1, 0, 1, "factor of the rate in the last step"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt exponential_opts[] = {
    DF_OPT_ROW(LrScheduler, gamma, DF_KIND_FLOAT, NULL, 1e-9, 1e9, NULL, "factor of the rate at each step"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt multi_step_opts[] = {
    DF_OPT_ROW(LrScheduler, milestones, DF_KIND_INTS, NULL, 0, 2e9, NULL, "steps at which the rate drops"),
    DF_OPT_FLOAT(LrScheduler, gamma, 0.1, 1e-9, 1e9, "factor of the rate at each drop"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt step_opts[] = {
    DF_OPT_ROW(LrScheduler, step_size, DF_KIND_INT, NULL, 1, 2e9, NULL, "steps between two drops"),
    DF_OPT_FLOAT(LrScheduler, gamma, 0.1, 1e-9, 1e9, "factor of the rate at each drop"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt poly_opts[] = {
    DF_OPT_FLOAT(LrScheduler, power, 1, 0, 100, "exponent of the share of the run that is left"),
    DF_OPT_FLOAT(LrScheduler, eta_min, 0, 0, 1e9, "lowest rate"),
    COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt cosine_opts[] = {
    DF_OPT_FLOAT(LrScheduler, T_max, None, 1, 1e18, "length of half a cosine, in steps; None: from begin to end"),
    ETA_MIN_ROWS, COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt restart_opts[] = {
    DF_OPT_ROW(LrScheduler, periods, DF_KIND_INTS, NULL, 1, 2e9, NULL,
               "length of each period, in epochs or iterations"),
    DF_OPT_FLOATS(LrScheduler, restart_weights, "[1]", 0, 1e9,
                  "initial rate of each period, as a fraction of the first rate"),
    ETA_MIN_ROWS, COMMON_ROWS,
    DF_OPT_END
};
static const DfOpt one_cycle_opts[] = {
    DF_OPT_ROW(LrScheduler, eta_max, DF_KIND_FLOATS, NULL, 0, 1e9, NULL,
               "highest rate: one for all parameters, or one for each group"),
    DF_OPT_ROW(LrScheduler, total_steps, DF_KIND_INT, NULL, 1, 2e9, NULL, "length of the cycle, in steps"),
    DF_OPT_FLOAT(LrScheduler, pct_start, 0.3, 0, 1, "share of the cycle in which the rate rises"),
    DF_OPT_ENUM(LrScheduler, anneal_strategy, cos, "cos|linear",
                "cos: half a cosine between two rates; linear: a straight line"),
    DF_OPT_FLOAT(LrScheduler, div_factor, 25, 1e-9, 1e12, "first rate = eta_max / div_factor"),
    DF_OPT_FLOAT(LrScheduler, final_div_factor, 1e4, 1e-9, 1e18, "last rate = first rate / final_div_factor"),
    DF_OPT_BOOL(LrScheduler, three_phase, False, "fall to the first rate, then to the last"),
    COMMON_ROWS,
    DF_OPT_END
};

static const Kind kinds[] = {
    { { "ConstantLR",        "the rate is multiplied by a factor until `end`", constant_opts    }, constant       },
    { { "LinearLR",          "a factor of the rate changes linearly",          linear_opts      }, linear         },
    { { "ExponentialLR",     "the rate falls by a factor at each step",        exponential_opts }, exponential    },
    { { "MultiStepLR",       "the rate drops at given steps",                  multi_step_opts  }, multi_step     },
    { { "StepLR",            "the rate drops every step_size steps",           step_opts        }, step           },
    { { "PolyLR",            "a power of the share of the run that is left",   poly_opts        }, poly           },
    { { "CosineAnnealingLR", "the rate falls as half a cosine",                cosine_opts      }, cosine         },
    { { "CosineRestartLR",   "the rate falls as half a cosine, and restarts",  restart_opts     }, cosine_restart },
    { { "OneCycleLR",        "the rate rises, then falls, once",               one_cycle_opts   }, one_cycle      },
};
enum { KINDS = sizeof kinds / sizeof *kinds };
const DfPlugin *const df_lr_schedulers[] = {
    &kinds[0].is, &kinds[1].is, &kinds[2].is, &kinds[3].is, &kinds[4].is,
    &kinds[5].is, &kinds[6].is, &kinds[7].is, &kinds[8].is, NULL,
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const Kind *find_kind(const DfNode *dict)
{
    const char *names[KINDS];
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].is.name;
        if (strcmp(type, kinds[i].is.name) == 0)
            return &kinds[i];
    }
    const char *near = df_nearest_name(type, names, KINDS);
    df_node_fail(dict, DF_EVALUE, "no scheduler of the learning rate '%s'%s%s%s", type, near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "");
    return NULL;
}

/* Converts begin, end and all other times of a scheduler to its steps. */
static int place(LrScheduler *x, const DfSchedule *s, const DfNode *dict)
{
    const double epoch = (double)s->run.epoch_length;
    const double epochs = s->run.epochs ? (double)s->run.epochs : 1;
    const double whole = x->by_epoch ? epochs : (double)s->run.iterations;
    if (x->convert_to_iter_based && !x->by_epoch)
        return df_node_fail(dict, DF_EVALUE, "convert_to_iter_based = True: want by_epoch = True beside it");
    x->scale = x->convert_to_iter_based ? epoch : 1;
    x->first = x->begin * x->scale;
    x->last = (isnan(x->end) ? whole : x->end) * x->scale;
    if (x->first >= x->last)
        return df_node_fail(dict, DF_EVALUE, "begin = %d, end = %.15g: want the end behind the begin", x->begin,
                            x->last / x->scale);
    if (x->convert_to_iter_based) /* but not gamma of ExponentialLR, as in mmengine */
        x->by_epoch = false;
    return DF_OK;
}

static int check(const LrScheduler *x, const DfNode *dict, int groups)
{
    if (!isnan(x->eta_min) && !isnan(x->eta_min_ratio) && x->kind->is.opts != poly_opts)
        return df_node_fail(dict, DF_EVALUE, "want one of eta_min and eta_min_ratio");
    if (x->kind->is.opts == restart_opts && x->restart_weights.n != 1 && x->restart_weights.n != x->periods.n)
        return df_node_fail(dict, DF_EVALUE, "%d periods and %d restart_weights: want as many", x->periods.n,
                            x->restart_weights.n);
    if (x->kind->is.opts == one_cycle_opts && x->eta_max.n != 1 && x->eta_max.n != groups)
        return df_node_fail(dict, DF_EVALUE, "eta_max has %d rates for %d groups: want 1 or as many", x->eta_max.n,
                            groups);
    return DF_OK;
}

static int read_one(LrScheduler *x, const DfSchedule *s, const DfNode *dict)
{
    const Kind *kind = find_kind(dict);
    if (!kind)
        return DF_EVALUE;
    *x = (LrScheduler){ .eta_min = NAN, .eta_min_ratio = NAN };
    int error = df_bind(dict, kind->is.opts, x, s->arena, kind->is.name);
    x->kind = kind;
    if (error == DF_OK)
        error = check(x, dict, s->n);
    if (error == DF_OK)
        error = place(x, s, dict);
    x->initial = df_arena_alloc(s->arena, (size_t)s->n + 1, sizeof *x->initial);
    if (error == DF_OK && !x->initial)
        error = df_fail_memory("a schedule");
    return error;
}

int df_lr_schedulers_new(DfSchedule *s, const DfNode *rules)
{
    const bool many = rules->kind == DF_NODE_LIST;
    const int n = many ? rules->n : 1;
    s->schedulers = df_arena_alloc(s->arena, (size_t)n + 1, sizeof *s->schedulers);
    if (!s->schedulers)
        return df_fail_memory("a schedule");
    const DfNode *dict = many ? rules->first : rules;
    int error = DF_OK;
    for (int i = 0; i < n && error == DF_OK; i++, dict = dict->next)
        error = read_one(&s->schedulers[i], s, dict);
    s->n_schedulers = n;
    return error;
}

/* ---- stepping ---------------------------------------------------------------------------------------------------- */

static void advance(LrScheduler *x, DfSchedule *s)
{
    const double clock = (double)++x->clock;
    if (clock < x->first || clock >= x->last)
        return;
    x->steps++;
    for (int i = 0; i < s->n; i++)
        s->rates[i] = x->kind->rate(x, s->rates[i], i);
}

/* All schedulers start from the rates of the config, except that OneCycleLR changes them for the schedulers after
 * it. */
void df_lr_schedulers_begin(DfSchedule *s)
{
    for (int k = 0; k < s->n_schedulers; k++) {
        LrScheduler *x = &s->schedulers[k];
        const double *before = k > 0 ? s->schedulers[k - 1].initial : s->base;
        memcpy(x->initial, before, (size_t)s->n * sizeof *x->initial);
        for (int i = 0; i < s->n && x->kind->is.opts == one_cycle_opts; i++)
            x->initial[i] = x->eta_max.v[x->eta_max.n == 1 ? 0 : i] / x->div_factor;
        x->clock = x->steps = -1;
        advance(x, s);
    }
}

void df_lr_schedulers_step(DfSchedule *s, bool epoch_ended)
{
    for (int k = 0; k < s->n_schedulers; k++)
        if (!s->schedulers[k].by_epoch)
            advance(&s->schedulers[k], s);
    for (int k = 0; k < s->n_schedulers && epoch_ended; k++)
        if (s->schedulers[k].by_epoch)
            advance(&s->schedulers[k], s);
}
