/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/sequence.h -- runs a network on many pictures, in order. While the caller uses the results of one picture
 * (draws or writes them), the network works on the next, and later pictures are read and prepared.
 */
#ifndef DF_INFERENCE_SEQUENCE_H
#define DF_INFERENCE_SEQUENCE_H

#include "inference/detector.h"

DF_BEGIN_DECLS

/* Called before the first picture and after every picture: `done` of `n` pictures are finished, including those of an
 * earlier run. Return false to stop the run. */
typedef bool DfProgress(void *user, long done, long n);

enum { DF_MOST_BATCH = 64 };

typedef struct {
    DfDetector *detector;
    DfLoading loading;                            /* pictures; `threads` is chosen here                             */
    int streams;                                  /* pictures computed at a time (inference/streams.h); 0: what is   */
                                                  /* fastest for inputs like the first one                           */
    int batch;                                    /* pictures of a pass; 0: one                                     */
    bool alone;                                   /* the network waits until take() returns: needed with listeners */
    long n, done;                                 /* pictures in all; done: by an earlier run, then by this one too */
    DfProgress *progress;                         /* may be NULL                                                    */
    void *progress_user;
    /* Called with each picture in order, on the calling thread. sample->error: the picture could not be read. error:
     * the same, or the error of the network; df_error() has the sentence, and the result is empty. If take() fails,
     * the run ends. */
    int (*take)(void *user, DfSample *sample, DfResult *result, int error);
    void *take_user;
} DfSequence;
DF_API int df_sequence_run(DfSequence *); /* a stop is not an error: then done < n */

/* A picture, its result and its error. */
typedef struct {
    DfSample sample;
    DfResult result;
    int error;          /* of sample, or of the network */
    char message[1024];
} DfPicture;
/* Runs the network on the pictures that could be read. For detectors and classifiers, inputs of the same size go
 * through in one pass, others alone. Nothing is padded, so the bits of a result are those of its picture alone. Frees
 * the prepared pixels. */
DF_API void df_detector_run_pictures(DfDetector *, DfPicture *, int n);

DF_END_DECLS

#endif
