/* SPDX-License-Identifier: Apache-2.0
 *
 * report/training.h -- the page of a training run: where it stands, curves, and what the network finds in pictures that
 * it does not learn from. Included by report/report.h.
 */
#ifndef DF_REPORT_TRAINING_H
#define DF_REPORT_TRAINING_H

#include "core/core.h"

DF_BEGIN_DECLS

/* A line of a chart. Values that are not finite are left out. */
typedef struct {
    const char *name;
    const double *x, *y;    /* [n], x ascending */
    size_t n;
} DfCurve;

/* Curves over the iterations of a run. */
typedef struct {
    const char *title;
    const char *lead;       /* a sentence under the title, or ""      */
    const DfCurve *curves;
    size_t n;
    bool percent;           /* values 0..1, shown as 0..100           */
    bool smooth;            /* noisy: many values become their mean, behind them a band from least to most */
    bool from_first;        /* the first values may be far above the rest: the axis ends where most values do */
} DfTrainingChart;

/* A picture twice: as it is labelled, and as it is seen. Paths are relative to the page. */
typedef struct {
    const char *name;
    const char *truth, *found;
} DfTrainingPicture;

typedef struct {
    const char *title;
    const char *state;      /* a sentence: "Epoch 3 of 12. About 12 minutes are left." */
    int reload;             /* seconds until it loads itself again; 0: the run is over */
    const char *const *card_names, *const *card_values; /* [n_cards]: the main numbers  */
    size_t n_cards;
    const DfTrainingChart *charts;
    size_t n_charts;
    const DfTrainingPicture *pictures;
    size_t n_pictures;
    const char *pictures_lead;
} DfTrainingPage;
DF_API int df_report_training(const DfTrainingPage *, char **out); /* df_free it */

/* The charts beside one another as one SVG file without scripts, light or dark as its reader is; df_free it. */
DF_API int df_report_curves(const DfTrainingChart *, size_t n, char **out);

DF_END_DECLS

#endif
