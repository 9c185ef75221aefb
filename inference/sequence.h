/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/sequence.h -- many pictures, one by one, while the next ones are read and prepared.
 */
#ifndef DF_INFERENCE_SEQUENCE_H
#define DF_INFERENCE_SEQUENCE_H

#include "datasets/datasets.h"

DF_BEGIN_DECLS

/* Called before the first picture and after every one: `done` of `n` pictures are through, those of an earlier run
 * included. False stops the run. */
typedef bool DfProgress(void *user, long done, long n);

typedef struct {
    DfLoading loading;
    long n, done;                                 /* pictures in all; done: by an earlier run, then by this one too */
    DfProgress *progress;                         /* may be NULL                                                    */
    void *progress_user;
    int (*take)(void *user, DfSample *sample);    /* also of samples that could not be read; a failure ends the run */
    void *take_user;
} DfSequence;
DF_API int df_sequence_run(DfSequence *); /* a stop is no error: then done < n */

DF_END_DECLS

#endif
