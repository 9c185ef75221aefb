/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models.h -- models side by side, once all is known about them.
 */
#ifndef DF_CLI_COMPARE_MODELS_H
#define DF_CLI_COMPARE_MODELS_H

#include "cli/compare/compare.h"

enum { CLI_ROUNDS = 100 };

typedef struct {
    const char *name, *family;              /* family: the name without its size; NULL: none of its own */
    const char *config, *checkpoint, *run;  /* as given; NULL: none                                     */
    const char *type;                       /* "RetinaNet"                                              */
    int height, width;
    double parameters, multiply_adds, activations; /* activations: bytes alive at once                  */
    double network[CLI_ROUNDS], whole[CLI_ROUNDS], memory[CLI_ROUNDS]; /* of each round: seconds, seconds with decoding, bytes */
    bool known[CLI_RUN_KINDS];              /* is there an accuracy of this kind?                       */
    DfCompared accuracy[CLI_RUN_KINDS];     /* NAN where a number came without intervals                */
} CliModel;

typedef struct {
    DfArena *arena;
    CliModel *model;
    size_t n;
    int rounds, threads;
    const char *kernels;
    size_t images[CLI_RUN_KINDS]; /* that the intervals are over; 0: no intervals */
} CliModels;

/* The median round, and the fastest and the slowest. */
typedef struct {
    double value, low, high;
} CliTime;
CliTime cli_time_of(const CliModels *, const double *rounds);

bool cli_any_known(const CliModels *, CliRunKind);
int cli_models_tell(const CliModels *);                    /* table, Markdown, JSON and chart, as the options want */
int cli_models_chart(const CliModels *, const char *path);
int cli_check_cost(void);                                  /* --cost as a small number, or why it is none          */

#endif
