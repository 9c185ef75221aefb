/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/detector.h -- a config, its weights and its test pipeline as one object: from pictures to results.
 * Detectors, segmentors and classifiers are opened and run by the same calls.
 *
 *     DfDetector *detector;  DfImage picture;  DfResult result;
 *     df_detector_open(&detector, "mask_rcnn_swin_tiny_fpn_3x_coco.py", "weights.pth", NULL);
 *     df_image_read(&picture, "street.jpg");
 *     df_detector_run(detector, &picture, 1, &result);
 *     for (size_t i = 0; i < result.detections.n; i++)
 *         puts(df_detector_class_name(detector, result.detections.v[i].label));
 *     df_result_done(&result);  df_image_free(&picture);  df_detector_close(detector);
 *
 * Functions that can fail return DF_OK or a negative code, with a sentence in df_error(). Only one thread at a time may
 * use a detector; it computes on its own thread pool.
 */
#ifndef DF_INFERENCE_DETECTOR_H
#define DF_INFERENCE_DETECTOR_H

#include "datasets/datasets.h"
#include "models/models.h"

DF_BEGIN_DECLS

typedef struct DfDetector DfDetector;

/* {0} means: all processors, the config unchanged, the loading rules of the official code. */
typedef struct {
    int threads;             /* 0: DEFORMER_THREADS, else OMP_NUM_THREADS, else all processors it may use */
    const char *const *set;  /* n_set changes to the config, as "model.test_cfg.score_thr=0.3"            */
    int n_set;
    DfModelLoad load;        /* how the checkpoint is read                                                */
    DfPrecision precision;   /* of products: DF_PRECISION_F32 or DF_PRECISION_BF16                        */
} DfDetectorOptions;

/* Reads the config, builds the network, loads the weights, reads the test pipeline. `checkpoint` is a .pth or
 * .safetensors file, or "random" or "random:SEED" for random weights; NULL: `config` is the folder of a model, or the
 * config.json in it, with the weights beside it. `options` may be NULL. All arguments are copied. */
DF_API int df_detector_open(DfDetector **out, const char *config, const char *checkpoint,
                            const DfDetectorOptions *options);
DF_API void df_detector_close(DfDetector *); /* NULL is fine */

/* The same in steps, for programs that check their inputs before they load hundreds of megabytes. */
DF_API int df_detector_build(DfDetector **out, const char *config, const DfDetectorOptions *); /* the network */
DF_API int df_detector_prepare(DfDetector *);               /* test pipeline and class names; once                 */
/* weights; NULL: official rules */
DF_API int df_detector_load(DfDetector *, const char *checkpoint, const DfModelLoad *);

/* A second detector that shares the network, weights and pipeline of `of`, with its own `threads` and activations, so
 * that two threads can run one each. `of` keeps owning what is shared: prepare and load it before, and close it after
 * its twins. */
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
/* The name of a class: that of the checkpoint, if it has names; else that of the config's data.test; else COCO's,
 * ADE20K's or ImageNet's, if the network has as many classes; else its number. Lives as long as the detector; valid
 * after df_detector_prepare(). */
DF_API const char *df_detector_class_name(const DfDetector *, int label);
/* Names and colours of all classes; n = 0 if the classes have only numbers. */
DF_API const DfClasses *df_detector_class_names(const DfDetector *);
/* Takes the class names of a file (df_class_names_read()) in place of all others, also of those in the checkpoint. Call
 * after df_detector_prepare(). DF_EVALUE: the number of names is not the number of classes. */
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

/* Runs n pictures (BGR, 8 bits) one after the other, into results[n]. A result depends only on its picture. After a
 * failure all are empty. */
DF_API int df_detector_run(DfDetector *, const DfImage *pictures, int n, DfResult *results);
/* The same for pixels in another channel order. */
DF_API int df_detector_run_as(DfDetector *, const DfImage *pictures, int n, DfPixelOrder, DfResult *results);
/* The same for a picture that a loader prepared with df_detector_pipeline(). Errors name the picture. */
DF_API int df_detector_run_sample(DfDetector *, const DfSample *, DfResult *);

/* DF_ENOMEM if the activations of an input of n x H x W would take more than this machine's memory. */
DF_API int df_detector_check_memory(const DfDetector *, int n, int H, int W);
/* DF_EVALUE if the network reads another number of channels than the three of a picture. */
DF_API int df_detector_check_channels(const DfDetector *);
/* The usual input size: 800 x `wide` for detectors, 512 x 512 for segmentors, the config's img_size for classifiers. */
DF_API void df_detector_usual_shape(const DfDetector *, int wide, int *H, int *W);

/* The detections in the order in which to print them: by query, if the network's own library prints them so, else the
 * best first. df_free() the list. NULL: an error, see df_error(). */
DF_API const DfDetection **df_detections_listed(const DfDetections *);

/* Removes the detections with a lower score. */
DF_API void df_detections_keep_above(DfDetections *, double score);
/* x1 y1 x2 y2 to x y width height, in double as mmdet writes them. */
DF_API void df_box_to_xywh(const float box[4], double out[4]);

DF_END_DECLS

#endif
