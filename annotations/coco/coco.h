/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/coco.h -- files of COCO's schema (Lin et al., ECCV 2014) as streams of records: images,
 * categories and annotations of a ground truth, detections of a results file. Included by
 * annotations/annotations.h.
 *
 * The reader knows how the schema is written down, and nothing of what a file is for. A sink says which fields it
 * wants, and is told each record. What is not as the schema has it is a problem, described in words: a strict sink
 * makes it the error, a patient one notes it and lets the reader go on behind it.
 *
 *     static int take(void *arg, DfCocoRecord *r)         { if (r->has & DF_COCO_BBOX) ... r->box ...; return DF_OK; }
 *     static int list(void *arg, DfCocoList list, DfJson *json)
 *     {
 *         const DfCocoSink sink = { .wanted = DF_COCO_ID | DF_COCO_BBOX, .record = take };
 *         return df_coco_stream_records(json, list, 0, &room, &sink);
 *     }
 *     df_coco_stream_truth(json, &(DfCocoFile){ .list = list });
 */
#ifndef DF_ANNOTATIONS_COCO_COCO_H
#define DF_ANNOTATIONS_COCO_COCO_H

#include "annotations/ids.h"
#include "boxes/boxes.h"
#include "core/core.h"

DF_BEGIN_DECLS

typedef enum { DF_COCO_IMAGES, DF_COCO_CATEGORIES, DF_COCO_ANNOTATIONS, DF_COCO_RESULTS } DfCocoList;

/* ---- records --------------------------------------------------------------------------------------------------- */

/* The fields that are known; all others are passed over.
 *     image       {"id": 139, "file_name": "000000000139.jpg", "height": 426, "width": 640}
 *     category    {"id": 1, "name": "person"}
 *     annotation  {"id": 1768, "image_id": 139, "category_id": 1, "bbox": [x, y, width, height], "area": 702.1,
 *                  "iscrowd": 0, "segmentation": [[x, y, x, y, ...], ...]}, and of other sets "ignore": 1
 *     detection   {"image_id": 139, "category_id": 1, "bbox": [x, y, width, height], "score": 0.9,
 *                  "segmentation": {...}}
 * LVIS adds, to an image, {"coco_url": "http://images.cocodataset.org/val2017/000000000139.jpg", "neg_category_ids":
 * [7], "not_exhaustive_category_ids": [12]}, and to a category {"frequency": "r"}, c or f.
 * Keypoints add, to an annotation, {"keypoints": [x, y, visibility, ...], "num_keypoints": 15}, and the former to a
 * detection; CrowdPose adds, to an image, {"crowdIndex": 0.4}. Oriented boxes are {"obb": [cx, cy, width, height,
 * angle]} (boxes/rotated.h). Panoptic annotations and results are annotations of a whole image, {"image_id": 139,
 * "file_name": "000000000139.png", "segments_info": [{"id": 3226956, "category_id": 1, "iscrowd": 0, "area": 2840},
 * ...]}, and their categories say "isthing": 1.
 * A flag may be a number or true and false; an id may be a text. Of a field that is given twice the last one holds. */
enum {
    DF_COCO_ID = 1 << 0,
    DF_COCO_IMAGE_ID = 1 << 1,
    DF_COCO_CATEGORY_ID = 1 << 2,
    DF_COCO_BBOX = 1 << 3,
    DF_COCO_AREA = 1 << 4,
    DF_COCO_ISCROWD = 1 << 5,
    DF_COCO_IGNORE = 1 << 6,
    DF_COCO_SCORE = 1 << 7,
    DF_COCO_WIDTH = 1 << 8,
    DF_COCO_HEIGHT = 1 << 9,
    DF_COCO_FILE_NAME = 1 << 10,
    DF_COCO_NAME = 1 << 11,
    DF_COCO_SEGMENTATION = 1 << 12,
    DF_COCO_URL = 1 << 13,
    DF_COCO_FREQUENCY = 1 << 14,
    DF_COCO_ABSENT = 1 << 15,
    DF_COCO_INCOMPLETE = 1 << 16,
    DF_COCO_POINTS = 1 << 17,
    DF_COCO_NUM_POINTS = 1 << 18,
    DF_COCO_CROWD_INDEX = 1 << 19,
    DF_COCO_OBB = 1 << 20,
    DF_COCO_SEGMENTS = 1 << 21,
    DF_COCO_ISTHING = 1 << 22
};

/* A segmentation in one of the forms that files have:
 *     [[x, y, x, y, ...], ...]                           polygons; the object is their union
 *     {"size": [height, width], "counts": "PPYo0..."}    runs, compressed
 *     {"size": [height, width], "counts": [0, 5, ...]}   runs
 *     [{"size": ..., "counts": [...]}, ...]              runs of several masks, which are united
 * [] has the form DF_MASK_NONE. Runs of different sizes that are to be united give no runs, and the size 0 x 0. */
typedef struct {
    DfMaskForm form;
    bool compressed;        /* runs: the counts are a text ... */
    bool undecoded;         /* ... that a patient sink let pass although it holds no runs */
    bool listed;            /* runs: of objects in a list */
    uint32_t height, width; /* of runs */
    double size[2];         /* the same as it stands in the file, where a patient sink let it pass */
    size_t n_size;          /* how many numbers "size" has */
    double *numbers;        /* polygons: of each how many numbers follow, and these; or the counts of a list */
    size_t n, capacity;
    DfRunList runs, other, merged;
} DfCocoSegmentation;
DF_API void df_coco_segmentation_done(DfCocoSegmentation *);

/* A segment of a panoptic map: all pixels of one value, `id`. Its ids are integers. */
typedef struct {
    int64_t id, category_id;
    double area;            /* square pixels; only where has_area  */
    bool has_area, has_iscrowd;
    bool iscrowd;           /* exactly 1, or true                  */
} DfCocoSegment;

/* Segments in a list. */
typedef struct {
    DfCocoSegment *at;
    size_t n, capacity;
} DfCocoSegmentList;

/* A text; zero-terminated, and there may be zeros in it. */
typedef struct {
    char *at;
    size_t n, capacity;
} DfCocoText;

/* Ids in a list. */
typedef struct {
    int64_t *at;
    size_t n, capacity;
} DfCocoIdList;

/* Numbers in a list. */
typedef struct {
    double *at;
    size_t n, capacity;
} DfCocoNumbers;

/* One record, and the room for reading the next: {0} to begin with. Texts and arrays are valid until then. */
typedef struct {
    DfJson *json;            /* that it is read from; NULL: it comes from memory          */
    DfCocoList list;
    size_t number, line;     /* in its list, from 1; the line of its '{'                 */
    uint64_t offset;         /* the byte of its '{'                                      */
    unsigned has;            /* DF_COCO_*: the fields that are there and of their type   */
    DfId id, image_id, category_id;
    double box[4];           /* x y width height                                         */
    double obb[5];           /* cx cy width height angle                                 */
    double area, score, width, height, num_keypoints, crowd_index;
    bool iscrowd, ignore;
    bool isthing;            /* exactly 1, or true                                       */
    DfCocoText file_name, name, url;
    char frequency;          /* the first letter                                         */
    DfCocoIdList absent;     /* classes that were looked for and not found               */
    DfCocoIdList incomplete; /* classes of which not all objects are annotated           */
    DfCocoNumbers keypoints; /* x y visibility, of each                                  */
    DfCocoSegmentation segmentation;
    DfCocoSegmentList segments;
    char id_text[3][256];    /* where ids that are texts are                             */
    unsigned char order[16]; /* of the members of the record before, as the reader has it */
} DfCocoRecord;
DF_API void df_coco_record_done(DfCocoRecord *);

/* What a record is called: "annotation 3 (id 1768, image 139)", as far as the ids are there. */
enum { DF_COCO_NAME_ROOM = 256 };
DF_API void df_coco_record_name(const DfCocoRecord *, char name[DF_COCO_NAME_ROOM]);

/* Fails with "FILE: line N, byte M: annotation 3 (id 1768, image 139): " in front, and where the reader stands. The ids
 * may come later in the record. */
DF_API int df_coco_record_fail(const DfCocoRecord *, const char *format, ...) DF_PRINTF(2, 3);

/* ---- sinks ----------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned field;       /* DF_COCO_*, or 0: the record itself is no object                              */
    DfJsonEvent met;      /* what stands there                                                            */
    bool inside;          /* that is in a list or object of the value, and not the value itself           */
    bool of_its_type;     /* it is of the right type, and only its value is not accepted                  */
    size_t count;         /* of a bbox: how many numbers it has                                           */
    const char *sentence; /* "id is not an integer or a string"; valid during the call           */
} DfCocoProblem;

/* All functions return DF_OK to go on, or else what the reading ends with: a failure, or DF_COCO_ENOUGH. */
enum { DF_COCO_ENOUGH = 1 };
typedef struct {
    void *arg;
    unsigned wanted;      /* DF_COCO_*: fields that are read; others are passed over, which is faster. record() may
                             change it for the next one                                                     */
    unsigned watched;     /* DF_COCO_*: fields of which field() is told as soon as they are read           */
    int (*record)(void *arg, DfCocoRecord *); /* a whole record; NULL: nobody is told                      */
    int (*field)(void *arg, DfCocoRecord *, unsigned field);
    int (*problem)(void *arg, DfCocoRecord *, const DfCocoProblem *); /* NULL: df_coco_refuse(), the strict one */
    /* The key of a field that is not wanted: reads its value, which is due. NULL: it is passed over */
    int (*other)(void *arg, DfCocoRecord *, const DfJsonValue *key);
} DfCocoSink;
DF_API int df_coco_refuse(void *arg, DfCocoRecord *, const DfCocoProblem *);
/* Strict, but null for a bbox or a segmentation, and [] for a bbox, are as if they were not there. */
DF_API int df_coco_allow_empty(void *arg, DfCocoRecord *, const DfCocoProblem *);

/* Tells the records of a list, or of a piece of one (df_json_records()), after its '[' and to its ']'. `before`
 * counts the records in front of the piece. DF_OK, or what the sink ended it with. */
DF_API int df_coco_stream_records(DfJson *, DfCocoList, size_t before, DfCocoRecord *, const DfCocoSink *);

/* ---- files ----------------------------------------------------------------------------------------------------- */

typedef struct {
    void *arg;
    /* The '[' of a list was met: reads it to its ']', by df_coco_stream_records() or in pieces. */
    int (*list)(void *arg, DfCocoList, DfJson *);
    /* Told before list() of a list that had come before, and which the new one replaces, as it does in Python: forgets
     * the records that were told. NULL: nobody is told, and list() forgets them */
    int (*again)(void *arg, DfCocoList, DfJson *);
    /* What the file is not, for which the sink finds its own sentence and code; `list`: "images", or "" for the
     * whole file. NULL: `sentence` */
    int (*wrong)(void *arg, DfJson *, const char *list, const char *sentence);
    /* The key of anything beside the three lists: reads its value, which is due. NULL: it is passed over */
    int (*other)(void *arg, DfJson *, const DfJsonValue *key);
} DfCocoFile;

/* An annotation file, {"images": [...], "annotations": [...], "categories": [...]}, its lists in any order. A list
 * that is given twice is told twice, one that is missing never. */
DF_API int df_coco_stream_truth(DfJson *, const DfCocoFile *);
/* Does the file look like one? One of the three lists begins in its first
 * megabyte; other JSON files are somebody else's. */
DF_API bool df_coco_is_truth(const char *path);
/* A results file, [{...}, ...]: one list. */
DF_API int df_coco_stream_results(DfJson *, const DfCocoFile *);

DF_END_DECLS

#endif
