/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/voc/voc_write.c -- writes the XML file of a picture, in the order of PASCAL VOC's own.
 */
#include "annotations/voc/voc.h"

static void put_text(DfTextbuf *to, const char *element, const char *text, const char *indent)
{
    df_textbuf_add(to, "%s<%s>", indent, element);
    for (; *text; text++) {
        const char *entity = NULL;
        if (*text == '&')
            entity = "&amp;";
        else if (*text == '<')
            entity = "&lt;";
        else if (*text == '>')
            entity = "&gt;";
        if (entity)
            df_textbuf_add(to, "%s", entity);
        else
            df_textbuf_add(to, "%c", *text);
    }
    df_textbuf_add(to, "</%s>\n", element);
}

static void put_number(DfTextbuf *to, const char *element, double number, const char *indent)
{
    df_textbuf_add(to, "%s<%s>", indent, element);
    df_textbuf_shortest(to, number);
    df_textbuf_add(to, "</%s>\n", element);
}

void df_voc_put_picture(DfTextbuf *to, const DfVocPicture *picture, bool segmented)
{
    df_textbuf_add(to, "<annotation>\n");
    put_text(to, "folder", picture->folder, "\t");
    put_text(to, "filename", picture->file_name, "\t");
    df_textbuf_add(to, "\t<size>\n");
    put_number(to, "width", picture->width, "\t\t");
    put_number(to, "height", picture->height, "\t\t");
    df_textbuf_add(to, "\t\t<depth>3</depth>\n\t</size>\n\t<segmented>%d</segmented>\n", segmented);
}

void df_voc_put_object(DfTextbuf *to, const DfVocObject *object)
{
    static const char *const sides[] = { "xmin", "ymin", "xmax", "ymax" };
    df_textbuf_add(to, "\t<object>\n");
    put_text(to, "name", object->name, "\t\t");
    put_text(to, "pose", object->pose[0] ? object->pose : "Unspecified", "\t\t");
    df_textbuf_add(to, "\t\t<truncated>%d</truncated>\n", object->truncated);
    if (object->occluded)
        df_textbuf_add(to, "\t\t<occluded>1</occluded>\n");
    df_textbuf_add(to, "\t\t<difficult>%d</difficult>\n\t\t<bndbox>\n", object->difficult);
    for (int i = 0; i < 4; i++)
        put_number(to, sides[i], object->box[i], "\t\t\t");
    df_textbuf_add(to, "\t\t</bndbox>\n\t</object>\n");
}

void df_voc_put_end(DfTextbuf *to)
{
    df_textbuf_add(to, "</annotation>\n");
}
