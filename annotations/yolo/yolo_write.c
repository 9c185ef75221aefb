/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/yolo/yolo_write.c -- writes the lines of label files, and data.yaml.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "annotations/yolo/yolo.h"

enum { DECIMALS = 12 };

/* Without zeros at its end: "0.5", "1". */
static void put_share(DfTextbuf *to, double share)
{
    char digits[64];
    df_snprintf(digits, sizeof digits, "%.*f", DECIMALS, share + 0.0);
    size_t n = strlen(digits);
    while (digits[n - 1] == '0')
        n--;
    n -= digits[n - 1] == '.';
    digits[n] = 0;
    df_textbuf_add(to, " %s", strcmp(digits, "-0") == 0 ? "0" : digits);
}

void df_yolo_put_object(DfTextbuf *to, const DfYoloObject *object, int keypoints, int dims)
{
    df_textbuf_add(to, "%d", object->label);
    for (int i = 0; i < 4 && !object->n; i++)
        put_share(to, object->box[i]);
    for (size_t i = 0; i < 2 * object->n; i++)
        put_share(to, object->xy[i]);
    for (int i = 0; object->keypoints && i < keypoints * dims; i++)
        put_share(to, object->keypoints[i]);
    df_textbuf_add(to, "\n");
}

/* Letters, and then also digits, spaces and what is no sign of YAML's; no word that means something there. */
static bool is_plain(const char *name)
{
    static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
    if (!isalpha((unsigned char)name[0]) || df_ends_with(name, " "))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(" _-./()+", *c))
            return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t k = 0;
        while (words[i][k] && tolower((unsigned char)name[k]) == words[i][k])
            k++;
        if (!words[i][k] && !name[k])
            return false;
    }
    return true;
}

static void put_quoted(DfTextbuf *to, const char *name)
{
    df_textbuf_add(to, "\"");
    for (; *name; name++) {
        if (*name == '\n' || *name == '\t' || *name == '\r')
            df_textbuf_add(to, "\\%c", *name == '\n' ? 'n' : *name == '\t' ? 't' : 'r');
        else
            df_textbuf_add(to, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
    }
    df_textbuf_add(to, "\"");
}

static void put_text(DfTextbuf *to, const char *text)
{
    if (is_plain(text))
        df_textbuf_add(to, "%s", text);
    else
        put_quoted(to, text);
}

static void put_key(DfTextbuf *to, const char *key, const char *value)
{
    if (!value)
        return;
    df_textbuf_add(to, "%s: ", key);
    put_text(to, value);
    df_textbuf_add(to, "\n");
}

void df_yolo_put_data(DfTextbuf *to, const DfYoloData *data, const char *test)
{
    put_key(to, "path", data->path);
    put_key(to, "train", data->train);
    put_key(to, "val", data->val);
    put_key(to, "test", test);
    if (data->keypoints)
        df_textbuf_add(to, "kpt_shape: [%d, %d]\n", data->keypoints, data->dims);
    df_textbuf_add(to, "nc: %d\nnames:\n", data->n);
    for (int i = 0; i < data->n; i++) {
        df_textbuf_add(to, "  %d: ", i);
        put_text(to, data->name[i]);
        df_textbuf_add(to, "\n");
    }
}
