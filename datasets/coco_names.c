/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_names.c -- the 80 categories of COCO's detection task, in the order of their ids.
 */
#include "datasets/coco.h"

const char *const df_coco_classes[DF_COCO_CLASSES] = {
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
};

/* Ten of the 90 ids were given up before the data was published. */
int df_coco_category_id(int label)
{
    static const int unused[] = { 12, 26, 29, 30, 45, 66, 68, 69, 71, 83 };
    int id = label + 1;
    for (size_t i = 0; i < sizeof unused / sizeof *unused; i++)
        id += id >= unused[i];
    return id;
}
