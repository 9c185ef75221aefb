/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/calibration.h -- private: statistics of the inputs of a network's weights, and the range of each for 8
 * bits.
 */
#ifndef DF_INFERENCE_CALIBRATION_H
#define DF_INFERENCE_CALIBRATION_H

#include "inference/quantise.h"

/* How often numbers fell between k width and (k + 1) width, for -BINS / 2 <= k < BINS / 2. The width doubles when a
 * number lies outside. */
enum { DF_CALIBRATION_BINS = 4096 };
typedef struct {
    NnParam *param;
    float low, high;                      /* the least and the largest, 0 among them */
    bool heard;
    bool bad;                             /* a number was NaN or infinite            */
    float width;                          /* 0: nothing but zeros so far             */
    uint32_t count[DF_CALIBRATION_BINS];
} CalibratedInput;

typedef struct {
    CalibratedInput **input;              /* of the weights that fit into 8 bits     */
    int n;
} Calibration;

int df_calibration_new(Calibration *, NnModel *);
void df_calibration_done(Calibration *);  /* {0} is fine */
/* While it listens, every pass is counted. */
void df_calibration_listen(Calibration *, DfCtx *, bool on);
/* The range of an input: all of it, or without what is rare. */
void df_calibration_range(const CalibratedInput *, DfRangeMethod, float *low, float *high);

/* One number more; for tests. */
void df_calibration_count(CalibratedInput *, const float *x, size_t n);

#endif
