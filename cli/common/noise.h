/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/noise.h -- a training batch of random pictures with objects of all sizes, to measure the time or the
 * memory of a step without data.
 */
#ifndef DF_CLI_COMMON_NOISE_H
#define DF_CLI_COMMON_NOISE_H

#include "cli/cli.h"

enum { CLI_NOISE_OBJECTS = 8 }; /* in each picture */

typedef struct {
    DfLossBatch batch;
    DfImageMeta *metas;
    DfAnnotations *objects;
} CliNoise;

/* n pictures of H x W pixels with what the network of the session learns from: boxes with a class, their masks as
 * polygons, a class for every pixel, or one for the whole. DF_OK or DF_ENOMEM; done() in either case. */
int cli_noise_new(CliNoise *, const CliSession *, int n, int H, int W);
void cli_noise_done(CliNoise *);

/* The pictures themselves: n H W 3 in [-1, 1), made in the session's context. */
DfTensor *cli_noise_pictures(CliSession *, int n, int H, int W);

#endif
