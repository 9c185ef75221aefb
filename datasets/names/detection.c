/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/names/detection.c -- classes of smaller detection datasets, as mmdet lists them.
 */
#include "datasets/names/names.h"

static const char *const voc_names[20] = {
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};
const DfClasses df_names_voc = { 20, voc_names, NULL };

static const char *const cityscapes_things_names[8] = {
    "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
};
const DfClasses df_names_cityscapes_things = { 8, cityscapes_things_names, NULL };

static const char *const deepfashion_names[15] = {
    "top", "skirt", "leggings", "dress", "outer", "pants", "bag", "neckwear", "headwear", "eyeglass", "belt",
    "footwear", "hair", "skin", "face",
};
const DfClasses df_names_deepfashion = { 15, deepfashion_names, NULL };

static const char *const wider_face_names[1] = {
    "face",
};
const DfClasses df_names_wider_face = { 1, wider_face_names, NULL };
