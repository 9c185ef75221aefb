/* SPDX-License-Identifier: Apache-2.0
 *
 * train/schedule.c -- the learning rate of every iteration, by `lr_config` (lr_hooks.c) or `param_scheduler`
 * (lr_schedulers.c).
 */
#include "train/schedule_parts.h"

#include <math.h>
#include <string.h>

double df_anneal_cos(double from, double to, double x)
{
    return to + 0.5 * (from - to) * (cos(3.141592653589793 * x) + 1);
}

double df_anneal_linear(double from, double to, double x)
{
    return (to - from) * x + from;
}

/* The old dialect says `policy`, or the name of the hook. */
static bool in_old_dialect(const DfNode *rules)
{
    const char *type = df_node_text(df_node_get(rules, "type"), "");
    return df_node_get(rules, "policy") || strstr(type, "LrUpdaterHook");
}

static int read_rules(DfSchedule *s, const DfNode *rules)
{
    if (!rules || rules->kind == DF_NODE_NONE)
        return DF_OK;
    if (in_old_dialect(rules))
        return df_lr_hook_new(s, rules);
    return df_lr_schedulers_new(s, rules);
}

static void restart(DfSchedule *s)
{
    s->iteration = 0;
    memcpy(s->rates, s->base, (size_t)s->n * sizeof *s->rates);
    if (s->hook)
        df_lr_hook_set(s);
    else
        df_lr_schedulers_begin(s);
}

static int check_length(const DfRunLength *run)
{
    if (run->epoch_length >= 1 && run->iterations >= 1 && run->epochs >= 0)
        return DF_OK;
    return df_fail(DF_EVALUE, "a run of %lld iterations, %lld an epoch: want at least 1 of both",
                   (long long)run->iterations, (long long)run->epoch_length);
}

int df_schedule_new(DfSchedule **out, const DfNode *rules, const DfRunLength *run, const double *base, int n)
{
    *out = NULL;
    int error = check_length(run);
    DfArena *arena = error == DF_OK ? df_arena_new() : NULL;
    DfSchedule *s = arena ? df_arena_alloc(arena, 1, sizeof *s) : NULL;
    if (s) {
        *s = (DfSchedule){ .arena = arena, .run = *run, .n = n };
        s->base = df_arena_alloc(arena, (size_t)n + 1, sizeof *s->base);
        s->rates = df_arena_alloc(arena, (size_t)n + 1, sizeof *s->rates);
    }
    if (error == DF_OK && (!s || !s->base || !s->rates))
        error = df_fail_memory("a schedule");
    if (error == DF_OK) {
        memcpy(s->base, base, (size_t)n * sizeof *base);
        error = read_rules(s, rules);
    }
    if (error < 0) {
        df_arena_free(arena);
        return error;
    }
    restart(s);
    *out = s;
    return DF_OK;
}

void df_schedule_free(DfSchedule *s)
{
    if (s)
        df_arena_free(s->arena);
}

const double *df_schedule_rates(const DfSchedule *s)
{
    return s->rates;
}

void df_schedule_next(DfSchedule *s)
{
    s->iteration++;
    if (s->hook)
        df_lr_hook_set(s);
    else
        df_lr_schedulers_step(s, s->run.epochs > 0 && s->iteration % s->run.epoch_length == 0);
}

/* A hook needs no way: its rates are a function of the iteration. */
void df_schedule_seek(DfSchedule *s, int64_t iteration)
{
    if (s->hook) {
        s->iteration = iteration;
        df_lr_hook_set(s);
        return;
    }
    if (iteration < s->iteration)
        restart(s);
    while (s->iteration < iteration)
        df_schedule_next(s);
}
