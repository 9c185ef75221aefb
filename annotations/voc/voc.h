/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/voc.h -- the XML file that PASCAL VOC has for each picture (Everingham et al., IJCV 2010), and that
 * many labelling tools write; and its files of results. Included by annotations/annotations.h.
 *
 *     <annotation>
 *       <filename>000005.jpg</filename>
 *       <size><width>500</width><height>375</height><depth>3</depth></size>
 *       <object>
 *         <name>chair</name><difficult>0</difficult>
 *         <bndbox><xmin>263</xmin><ymin>211</ymin><xmax>324</xmax><ymax>339</ymax></bndbox>
 *       </object>
 *     </annotation>
 *
 * The text is UTF-8, UTF-16 or ISO-8859-1, as the file says; texts come in UTF-8.
 * Other elements, also <part> with boxes of its own, are passed over; so are comments, attributes and declarations.
 * Entities other than the five of XML and numbers stay as they are written.
 */
#ifndef DF_ANNOTATIONS_VOC_VOC_H
#define DF_ANNOTATIONS_VOC_VOC_H

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_VOC_TEXT = 512 }; /* bytes of a name at most */

typedef struct {
    char file_name[DF_VOC_TEXT]; /* "" if the file has none                */
    char folder[DF_VOC_TEXT];    /* likewise                               */
    double width, height;        /* 0 if the file does not tell; finite    */
} DfVocPicture;

typedef struct {
    char name[DF_VOC_TEXT];      /* of its class, never ""                 */
    double box[4];               /* xmin ymin xmax ymax, as the file has them: 1 is the first pixel; finite */
    bool difficult;
    bool truncated, occluded;
    char pose[DF_VOC_TEXT];      /* "" if the file does not tell, or "Unspecified" */
} DfVocObject;

/* Objects come in the order of the file, the picture when the file ends. A function that fails ends the reading. */
typedef struct {
    void *arg;
    int (*object)(void *arg, const DfVocObject *);
    int (*picture)(void *arg, const DfVocPicture *);
} DfVocSink;

/* DF_EFORMAT, with `name` and the line, for what is no such file: elements that are not closed, an object without name
 * or box, a side that is no number. */
DF_API int df_voc_read(const char *text, size_t size, const char *name, const DfVocSink *);
/* The same of a file of at most 16 MB. */
DF_API int df_voc_read_file(const char *path, const DfVocSink *);

/* ---- results ---------------------------------------------------------------------------------------------------- */

/* A line of a results file, which holds what was found of one class, and DOTA's (Xia et al., CVPR 2018) likewise:
 *
 *     2008_000026 0.57821 89.0 111.5 105.3 139.9                            picture, score, xmin ymin xmax ymax
 *     P0003 0.855 27.4 97.8 92.2 72.2 80.6 15.2 14.5 25.5                   picture, score, x y of four corners
 */
typedef struct {
    char image[DF_VOC_TEXT]; /* the name of the picture, without its ending */
    double score;            /* finite, as the coordinates are             */
    double box[8];           /* 4 or 8 of them                             */
    size_t line;
} DfVocResult;

typedef struct {
    void *arg;
    int (*result)(void *arg, const DfVocResult *);
} DfVocResultSink;

/* Lines in their order; empty ones are passed over. `coordinates` is 4 or 8. DF_EFORMAT, with `name` and the line, for
 * a line of another number of words, or a word that is no number. */
DF_API int df_voc_read_results(const char *text, size_t size, const char *name, int coordinates,
                               const DfVocResultSink *);

/* ---- written ----------------------------------------------------------------------------------------------------- */

/* The file of a picture: its beginning, an object, its end. */
DF_API void df_voc_put_picture(DfTextbuf *, const DfVocPicture *, bool segmented);
DF_API void df_voc_put_object(DfTextbuf *, const DfVocObject *);
DF_API void df_voc_put_end(DfTextbuf *);

DF_END_DECLS

#endif
