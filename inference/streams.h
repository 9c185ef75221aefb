/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/streams.h -- several pictures through one network at once: each stream has its share of the threads and
 * activations of its own, and the weights are everybody's. Two pictures on a thread each are done sooner than one after
 * the other on both, where a network is too small to keep all threads busy; they take twice the memory.
 */
#ifndef DF_INFERENCE_STREAMS_H
#define DF_INFERENCE_STREAMS_H

#include "inference/detector.h"

DF_BEGIN_DECLS

enum { DF_MOST_STREAMS = 64 };

/* n streams over a detector that is loaded; 1 is the detector itself. They share its threads, each has one at least. */
typedef struct DfStreams DfStreams;
DF_API int df_streams_new(DfStreams **out, DfDetector *, int n);
DF_API void df_streams_free(DfStreams *); /* all were put back; NULL is fine */
DF_API int df_streams_count(const DfStreams *);

/* One that nobody uses, from any thread; waits for it. */
DF_API DfDetector *df_streams_take(DfStreams *);
DF_API void df_streams_put(DfStreams *, DfDetector *);

/* How many do most pictures a second, of inputs of H x W: one for each thread if a pass is small (up to 4 G
 * multiply-adds) and there is memory for so many, else one. */
DF_API int df_streams_best(const DfDetector *, int H, int W);

DF_END_DECLS

#endif
