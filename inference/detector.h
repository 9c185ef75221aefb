/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/detector.h -- a config, its weights and its test pipeline as one thing: pictures in, results out.
 * Detectors, segmentors and classifiers are opened and run alike.
 *
 *     DfDetector *detector;  DfImage picture;  DfResult result;
 *     df_detector_open(&detector, "mask_rcnn_swin_tiny_fpn_3x_coco.py", "weights.pth", NULL);
 *     df_image_read(&picture, "street.jpg");
 *     df_detector_run(detector, &picture, 1, &result);
 *     for (size_t i = 0; i < result.detections.n; i++)
 *         puts(df_detector_class_name(detector, result.detections.v[i].label));
 *     df_result_done(&result);  df_image_free(&picture);  df_detector_close(detector);
 *
 * Functions that can fail return DF_OK or a negative code, with a sentence in df_error(). A detector serves one
 * thread at a time; it computes on a pool of its own.
 */
#ifndef DF_INFERENCE_DETECTOR_H
#define DF_INFERENCE_DETECTOR_H

#include "datasets/datasets.h"
#include "models/models.h"

DF_BEGIN_DECLS

typedef struct DfDetector DfDetector;

/* {0} is fine: every processor, the config as it stands, the loading rules of the official code. */
typedef struct {
    int threads;             /* 0: DEFORMER_THREADS, else OMP_NUM_THREADS, else all processors it may use */
    const char *const *set;  /* n_set changes to the config, as "model.test_cfg.score_thr=0.3"            */
    int n_set;
    DfModelLoad load;        /* how the checkpoint is read                                                */
    DfPrecision precision;   /* of products: DF_PRECISION_F32 or DF_PRECISION_BF16                        */
} DfDetectorOptions;

/* Reads the config, builds the network, loads the weights, reads the test pipeline. `checkpoint` is a .pth or
 * .safetensors file, or "random" or "random:SEED" for fresh weights; NULL: `config` is the folder of a model, or the
 * config.json in it, whose weights are beside it. `options` may be NULL. All is copied. */
DF_API int df_detector_open(DfDetector **out, const char *config, const char *checkpoint,
                            const DfDetectorOptions *options);
DF_API void df_detector_close(DfDetector *); /* NULL is fine */

/* The same in steps, for programs that check their inputs before they load hundreds of megabytes. */
DF_API int df_detector_build(DfDetector **out, const char *config, const DfDetectorOptions *); /* the network */
DF_API int df_detector_prepare(DfDetector *);               /* test pipeline and class names; once                 */
/* weights; NULL: official rules */
DF_API int df_detector_load(DfDetector *, const char *checkpoint, const DfModelLoad *);

/* A second one over the same network, weights and pipeline, with `threads` and activations of its
 * own, so that two threads can run one each. Network, weights and pipeline stay owned by `of`,
 * which is prepared and loaded before, and closed after it. */
DF_API int df_detector_twin(DfDetector **out, const DfDetector *of, int threads);

/* ---- what it is -------------------------------------------------------------------------------------------------- */

typedef enum {
    DF_TASK_DETECTION,      /* boxes, and masks if the network has a mask head */
    DF_TASK_SEGMENTATION,   /* a class for every pixel                         */
    DF_TASK_CLASSIFICATION, /* a class for the picture                         */
    DF_TASK_FEATURES        /* a bare backbone: maps, no results               */
} DfDetectorTask;
DF_API DfDetectorTask df_detector_task(const DfDetector *);
DF_API int df_detector_classes(const DfDetector *);                /* how many */
/* The name of a class: the checkpoint's, where it has any; else that of the config's data.test; else
 * COCO's, ADE20K's or ImageNet's where the number of classes says so; else its number. Lives as long as
 * the detector; known after df_detector_prepare(). */
DF_API const char *df_detector_class_name(const DfDetector *, int label);
/* Names and colours of all classes; n = 0 where there are numbers alone. */
DF_API const DfClasses *df_detector_class_names(const DfDetector *);
/* The names of a file (df_class_names_read()) go before all others, those of the checkpoint, too. After
 * df_detector_prepare(). DF_EVALUE: there are not as many as classes. */
DF_API int df_detector_take_names(DfDetector *, const char *path);
/* The category_id of a label in COCO's results format: by the annotation file given to df_detector_take_categories(),
 * else COCO's own ids, or counted from 1. */
DF_API int64_t df_detector_category_id(const DfDetector *, int label);
/* Takes the category ids of an annotation file, by the names of the classes. After df_detector_prepare(). DF_EVALUE:
 * the file has no category with the name of a class, or the classes have no names. */
DF_API int df_detector_take_categories(DfDetector *, const char *ann_file);

DF_API DfModel *df_detector_model(const DfDetector *);
DF_API DfCtx *df_detector_context(const DfDetector *);
DF_API DfPool *df_detector_pool(const DfDetector *);
DF_API DfPrecision df_detector_precision(const DfDetector *);
DF_API const DfNode *df_detector_config(const DfDetector *);        /* the root of the config, changes included    */
DF_API const DfPipeline *df_detector_pipeline(const DfDetector *);  /* after df_detector_prepare()                 */
DF_API const char *df_detector_config_path(const DfDetector *);
DF_API const char *df_detector_checkpoint_path(const DfDetector *); /* as given; NULL before df_detector_load()    */

/* ---- running it -------------------------------------------------------------------------------------------------- */

typedef struct {
    int height, width;        /* of the picture, upright                                              */
    DfDetections detections;  /* of a detector: best first, boxes and masks in pixels of the picture  */
    uint16_t *label_map;      /* of a segmentor: [height][width], the class of every pixel; else NULL */
    float *class_scores;      /* of a classifier: a softmax over the classes; else NULL               */
    int class_label;          /* of a classifier: the class of the best score; else -1                */
} DfResult;
DF_API void df_result_done(DfResult *); /* frees what it holds and empties it; {0} is fine */

/* n pictures (BGR, 8 bits), one after the other: results[n]. A result depends on its picture alone. After a failure
 * all are empty. */
DF_API int df_detector_run(DfDetector *, const DfImage *pictures, int n, DfResult *results);
/* The same with pixels as they stand in the memory of another program. */
DF_API int df_detector_run_as(DfDetector *, const DfImage *pictures, int n, DfPixelOrder, DfResult *results);
/* The same for a picture that a loader has prepared with df_detector_pipeline(). Errors name the picture. */
DF_API int df_detector_run_sample(DfDetector *, const DfSample *, DfResult *);

/* DF_ENOMEM if the activations of an input of n x H x W would take more than this machine's memory. */
DF_API int df_detector_check_memory(const DfDetector *, int n, int H, int W);
/* DF_EVALUE if the network reads another number of channels than the three of a picture. */
DF_API int df_detector_check_channels(const DfDetector *);
/* The usual input size: 800 x `wide` for detectors, 512 x 512 for segmentors, the config's img_size for classifiers. */
DF_API void df_detector_usual_shape(const DfDetector *, int wide, int *H, int *W);

/* The detections in the order in which they are listed for people, which is that of queries where the network's own
 * library lists them so, else the best first; df_free() the list. NULL after df_fail(). */
DF_API const DfDetection **df_detections_listed(const DfDetections *);

/* Removes the detections with a lower score. */
DF_API void df_detections_keep_above(DfDetections *, double score);
/* x1 y1 x2 y2 to x y width height, in double as mmdet writes them. */
DF_API void df_box_to_xywh(const float box[4], double out[4]);

DF_END_DECLS

#endif
