/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/streams.h -- runs one network on several pictures at once: each stream has a share of the threads and its
 * own activations; all share the weights. If a network is too small to keep all threads busy, two pictures on one
 * thread each are faster than one after the other on both threads; they take twice the memory for activations.
 */
#ifndef DF_INFERENCE_STREAMS_H
#define DF_INFERENCE_STREAMS_H

#include "inference/detector.h"

DF_BEGIN_DECLS

enum { DF_MOST_STREAMS = 64 };

/* n streams of a loaded detector; for n = 1, the detector itself. They divide its threads; each has at least one. */
typedef struct DfStreams DfStreams;
DF_API int df_streams_new(DfStreams **out, DfDetector *, int n);
DF_API void df_streams_free(DfStreams *); /* after all were put back; NULL is fine */
DF_API int df_streams_count(const DfStreams *);

/* A free stream; waits until there is one. May be called from any thread. */
DF_API DfDetector *df_streams_take(DfStreams *);
DF_API void df_streams_put(DfStreams *, DfDetector *);

/* The number of streams with the highest throughput for inputs of H x W: one for each thread if a pass is small (up to
 * 4 G multiply-adds) and the memory suffices, else one. */
DF_API int df_streams_best(const DfDetector *, int H, int W);

DF_END_DECLS

#endif
