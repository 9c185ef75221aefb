/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/detectron2.h -- private to the translation of detectron2's YAML files: values by their paths, and the
 * functions that write each part of our config. The first error is kept in `error`; later functions then do nothing.
 */
#ifndef DF_CONFIG_DIALECT_DETECTRON2_H
#define DF_CONFIG_DIALECT_DETECTRON2_H

#include "config/dialect/dialect.h"

typedef struct {
    DfConfig *tree;
    const DfNode *config; /* the file over detectron2's own values: every key that is read is there, in its kind */
    DfTextbuf out;        /* our config                                                                       */
    int error;
} D2;

enum { DF_D2_MOST_SIDE = 65500 }; /* of a picture */

extern const char df_d2_values[]; /* detectron2_values.c: a config in Python's syntax */

/* ---- detectron2.c: "MODEL.RPN.NMS_THRESH" ------------------------------------------------------------------------ */

double df_d2_number(D2 *, const char *path, double low, double high);
int df_d2_int(D2 *, const char *path, int low, int high);
bool df_d2_bool(D2 *, const char *path);
bool df_d2_is(D2 *, const char *path, const char *text);
void df_d2_numbers(D2 *, const char *path, int n, double *out);

/* How many names a list has that should go "p3", "p4", .. (letter 'p'), or "res3", .. ('r'), from `first` on. */
int df_d2_features(D2 *, const char *path, char letter, int first, int most);

/* ---- detectron2_data.c, detectron2_network.c --------------------------------------------------------------------- */

void df_d2_write_data(D2 *, bool masks);
void df_d2_write_rcnn(D2 *, bool masks);
void df_d2_write_retinanet(D2 *);

#endif
