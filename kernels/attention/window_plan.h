/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_plan.h -- private to window_attention.c and window_branch.c: the sizes of window attention,
 * the tokens of a window and the rows of a head.
 */
#ifndef DF_KERNELS_ATTENTION_WINDOW_PLAN_H
#define DF_KERNELS_ATTENTION_WINDOW_PLAN_H

#include "kernels/attention/window_tiles.h"

/* Sizes derived from a problem. */
typedef struct {
    const DfWindowProblem *p;
    DfTiles t;                 /* the keys are the window's own tokens           */
    int rows, columns;         /* of windows                                     */
    int head_tasks;            /* tasks that share the heads of a row of windows */
    const float *bias;         /* heads keys stride, or NULL                     */
    float *dqkv;               /* backward only; or NULL                         */
} DfWindowPlan;

DfWindowPlan df_window_plan(const DfWindowProblem *, const DfAttentionKernels *);
/* Expands the table to every pair of tokens, into df_window_attention_workspace() floats. */
int df_window_expand_bias(DfPool *, DfWindowPlan *, float *bias);
/* Finds the tokens of window (row, column) of sample b, and their regions. */
void df_window_find_tokens(const DfWindowPlan *, DfWindowRows *, int b, int row, int column);
/* Points q, k, v at the rows of head h, and copies keys and values. */
void df_window_find_rows(const DfWindowPlan *, DfWindowRows *, int h);
/* DfWindowKind.scores of a plan. */
void df_window_tile_scores(const void *plan, DfWindowRows *, int h, int tile);

#endif
