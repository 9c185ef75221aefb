/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/quantise.h -- quantises the weights of a network to int8. The range of every input is measured on some
 * pictures, then how much each quantised weight alone changes the outputs. The worst weights stay in float32 until all
 * others together change the outputs by no more than a budget.
 *
 *     df_detector_quantise(detector, paths, n, &options, &report);
 *     df_detector_save(detector, "int8.safetensors");
 */
#ifndef DF_INFERENCE_QUANTISE_H
#define DF_INFERENCE_QUANTISE_H

#include "inference/detector.h"
#include "inference/sequence.h"

DF_BEGIN_DECLS

/* The range of an input that int8 covers. */
typedef enum {
    DF_RANGE_MSE,       /* the range with the least squared error of rounding and clipping together       */
    DF_RANGE_MIN_MAX,   /* from the smallest to the largest number                                        */
    DF_RANGE_PERCENTILE /* all but 0.01 % at either end                                                   */
} DfRangeMethod;

/* {0} is fine. */
typedef struct {
    DfRangeMethod method;
    double budget;              /* how far outputs may be off, see DfQuantisedReport.loss; 0: DF_QUANTISE_BUDGET */
    int probes;                 /* pictures on which outputs are compared, the first ones; 0: 4                   */
    const char *const *keep;    /* weights whose names begin with one of these stay in float32                   */
    int n_keep;
    DfProgress *progress;       /* of all passes; may be NULL                                                     */
    void *progress_user;
} DfQuantiseOptions;
#define DF_QUANTISE_BUDGET 0.05

typedef struct {
    const char *name;           /* of the weight: the model's                                                    */
    double loss;                /* if only this weight is in int8                                                 */
    float low, high;            /* of its input                                                                   */
    bool kept;                  /* in float32                                                                     */
} DfQuantisedLayer;
/* A loss is the error of the network's outputs, against those in float32, as a share of how much these vary:
 * sqrt(mean over outputs of sum (y - y0)^2 / sum (y0 - mean y0)^2). */
typedef struct {
    DfQuantisedLayer *layer;    /* [n], in the order of the network's parameters */
    int n, kept;
    double loss_all, loss;      /* with all weights in int8, and with those that are not kept */
} DfQuantisedReport;
DF_API void df_quantised_report_done(DfQuantisedReport *); /* {0} is fine */

/* Call after df_detector_load() and df_detector_prepare(). Weights that no picture uses stay in float32. DF_EVALUE: an
 * input is NaN or infinite, or the weights are already in int8. DF_EINTERRUPT: progress() stopped it; the detector is
 * then in float32 as before. */
DF_API int df_detector_quantise(DfDetector *, const char *const *pictures, int n, const DfQuantiseOptions *,
                                DfQuantisedReport *);
/* Saves the weights as a checkpoint, with the class names of the loaded one, if it had any, and the precision. */
DF_API int df_detector_save(const DfDetector *, const char *path);

DF_END_DECLS

#endif
