/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/model.h -- one of the compared models: its costs and scores.
 */
#ifndef DF_CLI_COMPARE_MODEL_H
#define DF_CLI_COMPARE_MODEL_H

#include "cli/compare/options.h"
#include "cli/compare/runs.h"

enum { CLI_ROUNDS = 100 };

typedef struct {
    const char *name, *family;             /* family: the name without a size; NULL: nothing is left then */
    const char *stem;                      /* what it is named after: its file or folder                  */
    const char *config, *checkpoint, *run; /* as given; NULL: none                                        */
    const char *type;                      /* "RetinaNet"                                                 */
    int height, width;                     /* of the input, pixels                                        */
    double parameters, multiply_adds;
    double activations;                    /* bytes alive at once, at most                                */
    double network[CLI_ROUNDS];            /* seconds for the network, in each round                      */
    double whole[CLI_ROUNDS];              /* seconds with decoding                                       */
    double memory[CLI_ROUNDS];             /* bytes: peak of the process                                  */
    bool known[CLI_RUN_KINDS];             /* is there an accuracy of this kind?                          */
    DfCompared accuracy[CLI_RUN_KINDS];    /* NAN where a number came without intervals                   */
} CliModel;

typedef struct {
    DfArena *arena;
    CliModel *model;
    size_t n;
    int rounds, threads;
    const char *kernels, *precision;
    size_t images[CLI_RUN_KINDS]; /* how many images the intervals are over; 0: no intervals */
} CliModels;

/* The median round, and the fastest and the slowest. */
typedef struct {
    double value, low, high;
} CliTime;
CliTime cli_time_of(const CliModels *, const double *rounds);

/* Does any of the models have an accuracy of this kind? */
bool cli_any_known(const CliModels *, CliRunKind);

#endif
