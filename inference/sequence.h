/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/sequence.h -- many pictures through a network, in order. While results of one picture are taken, which may
 * mean drawing and writing, the network works on the next, and the ones behind it are read and prepared.
 */
#ifndef DF_INFERENCE_SEQUENCE_H
#define DF_INFERENCE_SEQUENCE_H

#include "inference/detector.h"

DF_BEGIN_DECLS

/* Called before the first picture and after every one: `done` of `n` pictures are through, those of an earlier run
 * included. False stops the run. */
typedef bool DfProgress(void *user, long done, long n);

enum { DF_MOST_BATCH = 64 };

typedef struct {
    DfDetector *detector;
    DfLoading loading;                            /* pictures; `threads` is chosen here                             */
    int streams;                                  /* pictures computed at a time (inference/streams.h); 0: what is   */
                                                  /* fastest for inputs like the first one                           */
    int batch;                                    /* pictures of a pass; 0: one                                     */
    bool alone;                                   /* the network waits until a result is taken: for who listens to it */
    long n, done;                                 /* pictures in all; done: by an earlier run, then by this one too */
    DfProgress *progress;                         /* may be NULL                                                    */
    void *progress_user;
    /* Takes a picture in order, on the calling thread. sample->error: it could not be read. error: that, or what the
     * network failed with; its sentence is in df_error(), and the result is empty. A failure ends the run. */
    int (*take)(void *user, DfSample *sample, DfResult *result, int error);
    void *take_user;
} DfSequence;
DF_API int df_sequence_run(DfSequence *); /* a stop is no error: then done < n */

/* A picture on its way. */
typedef struct {
    DfSample sample;
    DfResult result;
    int error;          /* of sample, or of the network */
    char message[1024];
} DfPicture;
/* Those that could be read through the network: the ones of a detector or a classifier whose prepared inputs have the
 * same size in one pass, others by themselves. Nothing is padded, so a result has the bits that it has alone. Prepared
 * pixels are freed. */
DF_API void df_detector_run_pictures(DfDetector *, DfPicture *, int n);

DF_END_DECLS

#endif
