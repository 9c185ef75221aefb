/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/list.c -- deformer list: prints what is registered, with every option, from the tables that read configs.
 */
#include "cli/cli.h"

#include <string.h>

#include "datasets/datasets.h"
#include "train/train.h"

static const char *type_name(const DfOpt *opt)
{
    switch (opt->kind) {
    case DF_KIND_INT: return "int";
    case DF_KIND_FLOAT: return "float";
    case DF_KIND_BOOL: return "bool";
    case DF_KIND_TEXT: return "str";
    case DF_KIND_ENUM: return opt->choices;
    case DF_KIND_INTS: return "[int]";
    case DF_KIND_FLOATS: return "[float]";
    case DF_KIND_BOOLS: return "[bool]";
    case DF_KIND_DICT: return "dict";
    case DF_KIND_NODE: return "any";
    case DF_KIND_UNUSED:
    case DF_KIND_END: break;
    }
    return "unused";
}

static void print_opts(const DfOpt *opts)
{
    for (const DfOpt *o = opts; o && o->kind != DF_KIND_END; o++) {
        if (o->kind == DF_KIND_UNUSED) {
            printf("    %-22s accepted, not needed here\n      %s\n", o->name, o->help);
            continue;
        }
        printf("    %-22s %s", o->name, type_name(o));
        if (o->kind == DF_KIND_INT || o->kind == DF_KIND_FLOAT || o->kind == DF_KIND_INTS || o->kind == DF_KIND_FLOATS)
            printf(", %.10g to %.10g", o->min, o->max);
        printf("; %s%s\n      %s\n", o->fallback ? "default " : "required", o->fallback ? o->fallback : "", o->help);
    }
}

static void print_table(const void *table)
{
    DfPlugin p;
    for (int i = 0; df_plugin_at(table, i, &p); i++) {
        printf("  %s -- %s\n", p.name, p.help);
        print_opts(p.opts);
        printf("\n");
    }
}

static const struct {
    const char *name;
    const void *table;
} kinds[] = {
    { "models", df_architectures },
    { "backbones", df_backbones },
    { "necks", df_necks },
    { "heads", df_heads },
    { "datasets", df_dataset_types },
    { "transforms", df_transforms },
    { "optimizers", df_optimizers },
    { "policies", df_lr_policies },
    { "schedulers", df_lr_schedulers },
    { "averages", df_averages },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void print_name(void *user, const char *name)
{
    (void)user;
    cli_put_name(stdout, name);
    fputc('\n', stdout);
}

static int print_rungs(void)
{
    const char *name;
    for (int i = 0; (name = df_kernels_rung(i)); i++) {
        const DfKernels *k = df_kernels_named(name);
        const char *about = df_kernels_about(k);
        printf("%s%s%s%s\n", name, *about ? "  " : "", about, k == df_kernels() ? "  (in use)" : "");
    }
    return DF_OK;
}

static int run(int n, const char *const *args)
{
    const char *names[KINDS];
    bool found = n == 0;
    if (n && strcmp(args[0], "configs") == 0)
        return df_config_list_ready(print_name, NULL);
    if (n && strcmp(args[0], "rungs") == 0)
        return print_rungs();
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        if (n && strcmp(args[0], kinds[i].name) != 0)
            continue;
        found = true;
        printf("%s\n", kinds[i].name);
        print_table(kinds[i].table);
    }
    if (found)
        return DF_OK;
    const char *nearest = df_nearest_name(args[0], names, KINDS);
    return df_fail(CLI_EUSAGE,
                   "nothing is called '%s': want models, backbones, necks, heads, datasets, transforms, optimizers, "
                   "policies, schedulers, averages, configs or rungs%s%s%s",
                   args[0], nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

const CliCommand cli_command_list = {
    .name = "list",
    .synopsis = "[KIND]",
    .summary = "list the models, backbones, heads, ... and their options",
    .details = "Prints everything that a config can name with `type`, and for each of its\n"
               "options the type, the allowed range, the default and the meaning. KIND is one\n"
               "of models, backbones, necks, heads, datasets, transforms; for training:\n"
               "optimizers, policies (of lr_config), schedulers (of param_scheduler), averages\n"
               "(EMAHook). `deformer list configs` prints the names of the ready configs, which\n"
               "every command takes as CONFIG. `deformer list rungs` prints the values of\n"
               "DEFORMER_CPU for this machine: the instruction sets whose kernels run here,\n"
               "slowest first.",
    .examples = "  deformer list\n"
                "  deformer list backbones\n"
                "  deformer list configs",
    .least = 0,
    .most = 1,
    .run = run,
};
