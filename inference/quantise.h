/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/quantise.h -- a network's weights in 8 bits: the range of every input is measured on some
 * pictures, then how much each weight alone changes the outputs, and the worst stay in float32 until all
 * together change them by no more than a budget.
 *
 *     df_detector_quantise(detector, paths, n, &options, &report);
 *     df_detector_save(detector, "int8.safetensors");
 */
#ifndef DF_INFERENCE_QUANTISE_H
#define DF_INFERENCE_QUANTISE_H

#include "inference/detector.h"
#include "inference/sequence.h"

DF_BEGIN_DECLS

/* What of an input is said by 8 bits. */
typedef enum {
    DF_RANGE_MSE,       /* the range whose rounding and cutting off together have the least squared error */
    DF_RANGE_MIN_MAX,   /* from the least to the largest number                                           */
    DF_RANGE_PERCENTILE /* all but 0.01 % at either end                                                   */
} DfRangeMethod;

/* {0} is fine. */
typedef struct {
    DfRangeMethod method;
    double budget;              /* how far outputs may be off, see DfQuantisedReport.loss; 0: DF_QUANTISE_BUDGET */
    int probes;                 /* pictures on which outputs are compared, the first ones; 0: 4                   */
    const char *const *keep;    /* weights whose names begin so stay in float32                                  */
    int n_keep;
    DfProgress *progress;       /* of all passes; may be NULL                                                     */
    void *progress_user;
} DfQuantiseOptions;
#define DF_QUANTISE_BUDGET 0.05

typedef struct {
    const char *name;           /* of the weight: the model's                                                    */
    double loss;                /* if it alone is in 8 bits                                                       */
    float low, high;            /* of its input                                                                   */
    bool kept;                  /* in float32                                                                     */
} DfQuantisedLayer;
/* A loss is the error of the network's outputs, against those in float32, as a share of how much these vary:
 * sqrt(mean over outputs of sum (y - y0)^2 / sum (y0 - mean y0)^2). */
typedef struct {
    DfQuantisedLayer *layer;    /* [n], in the order of the network's parameters */
    int n, kept;
    double loss_all, loss;      /* with all weights in 8 bits, and with those that are */
} DfQuantisedReport;
DF_API void df_quantised_report_done(DfQuantisedReport *); /* {0} is fine */

/* After df_detector_load() and df_detector_prepare(). Weights that no picture reaches stay in float32. DF_EVALUE: an
 * input is NaN or infinite, or the weights are in 8 bits already; DF_EINTERRUPT when progress() said so: then the
 * detector is in float32 as before. */
DF_API int df_detector_quantise(DfDetector *, const char *const *pictures, int n, const DfQuantiseOptions *,
                                DfQuantisedReport *);
/* The weights as a checkpoint, with the names of the classes if the one that was loaded had some, and the precision. */
DF_API int df_detector_save(const DfDetector *, const char *path);

DF_END_DECLS

#endif
