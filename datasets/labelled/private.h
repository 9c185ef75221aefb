/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/private.h -- private to datasets/labelled/: what its readers and writers share.
 */
#ifndef DF_DATASETS_LABELLED_PRIVATE_H
#define DF_DATASETS_LABELLED_PRIVATE_H

#include "datasets/labelled/labelled.h"

/* ---- sources ----------------------------------------------------------------------------------------------------- */

DfLabelledSources *df_labelled_sources_new(void);
void df_labelled_sources_free(DfLabelledSources *); /* NULL is fine */
/* Readers note each file of annotations that they read; fine if there is none of that name. */
int df_labelled_note(const DfLabelled *, const char *path);
int df_labelled_note_all(const DfLabelled *, const DfLabelled *from);

/* ---- names and places -------------------------------------------------------------------------------------------- */

/* DF_EVALUE for a name that is absolute or leads out of its folder. */
int df_labelled_check_name(const char *name);
/* "a/b", in the arena; `a` when b is ""; NULL after df_fail(). */
const char *df_labelled_below(const DfLabelled *, const char *a, const char *b);
/* The first of several names (up to NULL) that is a folder, or a file, below dir; NULL: none. */
const char *df_labelled_first_folder(const char *dir, const char *const *names);
const char *df_labelled_first_file(const char *dir, const char *const *names);
bool df_labelled_has_file(const char *dir, const char *name);
/* What stands in dir itself, sorted; hidden names are left out. Folders alone, or files that end in `suffix`. */
typedef struct {
    int n;
    const char **name;
} DfLabelledNames;
int df_labelled_list_folders(DfLabelledNames *, const DfLabelled *, const char *dir);
int df_labelled_list_files(DfLabelledNames *, const DfLabelled *, const char *dir, const char *suffix);
/* The lines of a text file that are not empty. */
int df_labelled_lines(DfLabelledNames *, const DfLabelled *, const char *path);

/* Folders of pictures and of what is known of them, of one part: images/train and labels/train, train/images and
 * train/labels, or images and labels. `pictures` is NULL if there is none of that name. */
typedef struct {
    const char *part, *pictures, *labels; /* whole paths */
} DfLabelledPlace;
/* Where label files (ending in `suffix`) are: in folders called like one of `labels`, in the arena. */
int df_labelled_places(const DfLabelled *, const char *dir, const char *const *labels, const char *suffix,
                       DfLabelledPlace **out, int *n);

/* ---- readers ----------------------------------------------------------------------------------------------------- */

/* Each begins with an empty set and fills it; is_it() looks at the names in a
 * folder alone, and says yes without memory. */
typedef struct {
    DfLabelledForm form;
    bool (*is_it)(const DfLabelled *, const char *dir);
    int (*read)(DfLabelled *, const char *dir, const DfLabelledSource *);
} DfLabelledReader;
extern const DfLabelledReader df_labelled_read_coco, df_labelled_read_voc, df_labelled_read_yolo,
    df_labelled_read_maps;
int df_labelled_read_json(DfLabelled *, const char *path, const char *part, const DfLabelledSource *);

/* Of a picture whose size is not known it is read from its file. */
int df_labelled_size(const DfLabelled *, int i, int *height, int *width);
/* A coordinate as the field writes it: rounded to a millionth of a pixel, which undoes the rounding of a division. */
double df_labelled_rounded(double pixels);
/* The area within polygons, as COCO's annotations have it: that of each, added up. */
double df_labelled_polygon_area(const DfObjectMask *);
/* The box around the points of all polygons, or around runs: x y width height. False: there is nothing. */
bool df_labelled_mask_box(const DfObjectMask *, double box[4]);
/* The value of a member of `rest` as a text: a string as it is, other values as JSON. False: it is not there. */
bool df_labelled_member(const char *rest, const char *name, char *out, size_t room);
/* Appends `rest` but for the members named (up to NULL); true if nothing is left. */
bool df_labelled_without(DfTextbuf *to, const char *rest, const char *const *names);
/* The numbers of a member that is a list; df_free() them. 0: it is not there, or holds something else. */
size_t df_labelled_numbers(const char *rest, const char *name, double **out);
/* "http://images.cocodataset.org/NAME": what LVIS has in place of names. */
#define DF_LABELLED_URL "http://images.cocodataset.org/"
const char *df_labelled_name_in_url(const char *url);

/* ---- writers ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfLabelled *set;
    const DfLabelledTarget *target;
    DfLabelledReport *report;
    const char *dir;
    DfTextbuf text;           /* of the file that is written */
} DfLabelledOut;
int df_labelled_write_coco(DfLabelledOut *);
int df_labelled_write_yolo(DfLabelledOut *);
int df_labelled_write_voc(DfLabelledOut *);
int df_labelled_write_maps(DfLabelledOut *);

/* DIR/FOLDER/NAME with another ending, NULL: its own; folders are made. NULL after df_fail(). `part` may be "". */
const char *df_labelled_target(const DfLabelledOut *, const char *folder, const char *part, const char *name,
                               const char *ending);
/* Writes what is in out->text, and empties it. */
int df_labelled_put_file(DfLabelledOut *, const char *path);
/* Copies or links all pictures into DIR/folder/PART, if that is wanted. */
int df_labelled_put_pictures(DfLabelledOut *, const char *folder, bool by_part);
/* No two pictures of a part may have files of one name, when their endings are changed. */
int df_labelled_check_stems(const DfLabelledOut *, bool by_part);
/* The pictures in the order of their names, part by part. */
int df_labelled_by_name(const DfLabelled *, uint32_t **order);
/* Counts records that have members which a form without JSON loses, but for those named (up to NULL). */
void df_labelled_count_members(DfLabelledOut *, const char *const *known);
/* Counts ids that are not 1, 2, ... in the order in which a reader will number them. */
void df_labelled_count_ids(DfLabelledOut *, const uint32_t *order);

#endif
