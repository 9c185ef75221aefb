/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/names/segmentation.c -- classes and colours of segmentation datasets, as mmseg lists them.
 */
#include "datasets/names/names.h"

static const char *const cityscapes_names[19] = {
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
};
static const uint8_t cityscapes_colours[19][3] = {
    { 128, 64, 128 }, { 244, 35, 232 }, { 70, 70, 70 }, { 102, 102, 156 }, { 190, 153, 153 }, { 153, 153, 153 },
    { 250, 170, 30 }, { 220, 220, 0 }, { 107, 142, 35 }, { 152, 251, 152 }, { 70, 130, 180 }, { 220, 20, 60 },
    { 255, 0, 0 }, { 0, 0, 142 }, { 0, 0, 70 }, { 0, 60, 100 }, { 0, 80, 100 }, { 0, 0, 230 }, { 119, 11, 32 },
};
const DfClasses df_names_cityscapes = { 19, cityscapes_names, cityscapes_colours };

static const char *const voc_segments_names[21] = {
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};
static const uint8_t voc_segments_colours[21][3] = {
    { 0, 0, 0 }, { 128, 0, 0 }, { 0, 128, 0 }, { 128, 128, 0 }, { 0, 0, 128 }, { 128, 0, 128 }, { 0, 128, 128 },
    { 128, 128, 128 }, { 64, 0, 0 }, { 192, 0, 0 }, { 64, 128, 0 }, { 192, 128, 0 }, { 64, 0, 128 }, { 192, 0, 128 },
    { 64, 128, 128 }, { 192, 128, 128 }, { 0, 64, 0 }, { 128, 64, 0 }, { 0, 192, 0 }, { 128, 192, 0 },
    { 0, 64, 128 },
};
const DfClasses df_names_voc_segments = { 21, voc_segments_names, voc_segments_colours };

static const char *const pascal_context_names[60] = {
    "background", "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle", "bird", "boat", "book", "bottle",
    "building", "bus", "cabinet", "car", "cat", "ceiling", "chair", "cloth", "computer", "cow", "cup", "curtain",
    "dog", "door", "fence", "floor", "flower", "food", "grass", "ground", "horse", "keyboard", "light", "motorbike",
    "mountain", "mouse", "person", "plate", "platform", "pottedplant", "road", "rock", "sheep", "shelves",
    "sidewalk", "sign", "sky", "snow", "sofa", "table", "track", "train", "tree", "truck", "tvmonitor", "wall",
    "water", "window", "wood",
};
static const uint8_t pascal_context_colours[60][3] = {
    { 120, 120, 120 }, { 180, 120, 120 }, { 6, 230, 230 }, { 80, 50, 50 }, { 4, 200, 3 }, { 120, 120, 80 },
    { 140, 140, 140 }, { 204, 5, 255 }, { 230, 230, 230 }, { 4, 250, 7 }, { 224, 5, 255 }, { 235, 255, 7 },
    { 150, 5, 61 }, { 120, 120, 70 }, { 8, 255, 51 }, { 255, 6, 82 }, { 143, 255, 140 }, { 204, 255, 4 },
    { 255, 51, 7 }, { 204, 70, 3 }, { 0, 102, 200 }, { 61, 230, 250 }, { 255, 6, 51 }, { 11, 102, 255 },
    { 255, 7, 71 }, { 255, 9, 224 }, { 9, 7, 230 }, { 220, 220, 220 }, { 255, 9, 92 }, { 112, 9, 255 },
    { 8, 255, 214 }, { 7, 255, 224 }, { 255, 184, 6 }, { 10, 255, 71 }, { 255, 41, 10 }, { 7, 255, 255 },
    { 224, 255, 8 }, { 102, 8, 255 }, { 255, 61, 6 }, { 255, 194, 7 }, { 255, 122, 8 }, { 0, 255, 20 },
    { 255, 8, 41 }, { 255, 5, 153 }, { 6, 51, 255 }, { 235, 12, 255 }, { 160, 150, 20 }, { 0, 163, 255 },
    { 140, 140, 140 }, { 250, 10, 15 }, { 20, 255, 0 }, { 31, 255, 0 }, { 255, 31, 0 }, { 255, 224, 0 },
    { 153, 255, 0 }, { 0, 0, 255 }, { 255, 71, 0 }, { 0, 235, 255 }, { 0, 173, 255 }, { 31, 0, 255 },
};
const DfClasses df_names_pascal_context = { 60, pascal_context_names, pascal_context_colours };

static const char *const pascal_context_59_names[59] = {
    "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle", "bird", "boat", "book", "bottle", "building", "bus",
    "cabinet", "car", "cat", "ceiling", "chair", "cloth", "computer", "cow", "cup", "curtain", "dog", "door",
    "fence", "floor", "flower", "food", "grass", "ground", "horse", "keyboard", "light", "motorbike", "mountain",
    "mouse", "person", "plate", "platform", "pottedplant", "road", "rock", "sheep", "shelves", "sidewalk", "sign",
    "sky", "snow", "sofa", "table", "track", "train", "tree", "truck", "tvmonitor", "wall", "water", "window",
    "wood",
};
static const uint8_t pascal_context_59_colours[59][3] = {
    { 180, 120, 120 }, { 6, 230, 230 }, { 80, 50, 50 }, { 4, 200, 3 }, { 120, 120, 80 }, { 140, 140, 140 },
    { 204, 5, 255 }, { 230, 230, 230 }, { 4, 250, 7 }, { 224, 5, 255 }, { 235, 255, 7 }, { 150, 5, 61 },
    { 120, 120, 70 }, { 8, 255, 51 }, { 255, 6, 82 }, { 143, 255, 140 }, { 204, 255, 4 }, { 255, 51, 7 },
    { 204, 70, 3 }, { 0, 102, 200 }, { 61, 230, 250 }, { 255, 6, 51 }, { 11, 102, 255 }, { 255, 7, 71 },
    { 255, 9, 224 }, { 9, 7, 230 }, { 220, 220, 220 }, { 255, 9, 92 }, { 112, 9, 255 }, { 8, 255, 214 },
    { 7, 255, 224 }, { 255, 184, 6 }, { 10, 255, 71 }, { 255, 41, 10 }, { 7, 255, 255 }, { 224, 255, 8 },
    { 102, 8, 255 }, { 255, 61, 6 }, { 255, 194, 7 }, { 255, 122, 8 }, { 0, 255, 20 }, { 255, 8, 41 },
    { 255, 5, 153 }, { 6, 51, 255 }, { 235, 12, 255 }, { 160, 150, 20 }, { 0, 163, 255 }, { 140, 140, 140 },
    { 250, 10, 15 }, { 20, 255, 0 }, { 31, 255, 0 }, { 255, 31, 0 }, { 255, 224, 0 }, { 153, 255, 0 }, { 0, 0, 255 },
    { 255, 71, 0 }, { 0, 235, 255 }, { 0, 173, 255 }, { 31, 0, 255 },
};
const DfClasses df_names_pascal_context_59 = { 59, pascal_context_59_names, pascal_context_59_colours };

static const char *const loveda_names[7] = {
    "background", "building", "road", "water", "barren", "forest", "agricultural",
};
static const uint8_t loveda_colours[7][3] = {
    { 255, 255, 255 }, { 255, 0, 0 }, { 255, 255, 0 }, { 0, 0, 255 }, { 159, 129, 183 }, { 0, 255, 0 },
    { 255, 195, 128 },
};
const DfClasses df_names_loveda = { 7, loveda_names, loveda_colours };

static const char *const isprs_names[6] = {
    "impervious_surface", "building", "low_vegetation", "tree", "car", "clutter",
};
static const uint8_t isprs_colours[6][3] = {
    { 255, 255, 255 }, { 0, 0, 255 }, { 0, 255, 255 }, { 0, 255, 0 }, { 255, 255, 0 }, { 255, 0, 0 },
};
const DfClasses df_names_isprs = { 6, isprs_names, isprs_colours };

static const char *const isaid_names[16] = {
    "background", "ship", "store_tank", "baseball_diamond", "tennis_court", "basketball_court", "Ground_Track_Field",
    "Bridge", "Large_Vehicle", "Small_Vehicle", "Helicopter", "Swimming_pool", "Roundabout", "Soccer_ball_field",
    "plane", "Harbor",
};
static const uint8_t isaid_colours[16][3] = {
    { 0, 0, 0 }, { 0, 0, 63 }, { 0, 63, 63 }, { 0, 63, 0 }, { 0, 63, 127 }, { 0, 63, 191 }, { 0, 63, 255 },
    { 0, 127, 63 }, { 0, 127, 127 }, { 0, 0, 127 }, { 0, 0, 191 }, { 0, 0, 255 }, { 0, 191, 127 }, { 0, 127, 191 },
    { 0, 127, 255 }, { 0, 100, 155 },
};
const DfClasses df_names_isaid = { 16, isaid_names, isaid_colours };

static const char *const vessels_names[2] = {
    "background", "vessel",
};
static const uint8_t vessels_colours[2][3] = {
    { 120, 120, 120 }, { 6, 230, 230 },
};
const DfClasses df_names_vessels = { 2, vessels_names, vessels_colours };

static const char *const occluded_face_names[2] = {
    "background", "face",
};
static const uint8_t occluded_face_colours[2][3] = {
    { 0, 0, 0 }, { 128, 0, 0 },
};
const DfClasses df_names_occluded_face = { 2, occluded_face_names, occluded_face_colours };
