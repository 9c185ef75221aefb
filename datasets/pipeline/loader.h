/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/loader.h -- reads and prepares pictures ahead, in its own threads, and returns them in order.
 *
 *     DfLoader *loader;
 *     DfLoading what = { .pipeline = p, .paths = coco->picture, .n = coco->n_images, .threads = 1, .ahead = 4 };
 *     df_loader_new(&loader, &what);
 *     for (DfSample sample; df_loader_next(loader, &sample); df_sample_free(&sample))
 *         if (sample.error == DF_OK)
 *             use(&sample.views);
 *     df_loader_free(loader);
 */
#ifndef DF_DATASETS_PIPELINE_LOADER_H
#define DF_DATASETS_PIPELINE_LOADER_H

#include "datasets/pipeline/pipeline.h"

DF_BEGIN_DECLS

/* One picture. A picture that cannot be read or prepared comes with its error and sentence; whether the run goes
 * on is the caller's decision. Owned by whoever took it. */
typedef struct {
    int index;          /* into `paths` */
    const char *path;   /* borrowed     */
    int error;
    char message[512];
    DfImage image;      /* BGR, upright; empty unless keep_images */
    DfViews views;
} DfSample;
DF_API void df_sample_free(DfSample *);

typedef struct {
    const DfPipeline *pipeline;
    const char *const *paths; /* of the whole dataset; borrowed                                     */
    const int *order;         /* [n]: which of them, in which order; borrowed. NULL: 0..n-1         */
    int n;
    int threads;              /* that prepare pictures; 0: df_loader_next() prepares them itself    */
    int ahead;                /* pictures held at a time, at most (at least 1): bounds the memory   */
    bool keep_images;         /* give the picture itself too, to draw on                            */
} DfLoading;

typedef struct DfLoader DfLoader;
DF_API int df_loader_new(DfLoader **out, const DfLoading *what);
DF_API bool df_loader_next(DfLoader *, DfSample *out); /* waits; false after the last */
DF_API void df_loader_free(DfLoader *);                /* also before the last        */

/* The same for one picture, on the calling thread. */
DF_API void df_sample_load(DfSample *out, const DfPipeline *pipeline, const char *path, bool keep_image);

DF_END_DECLS

#endif
