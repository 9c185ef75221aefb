/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/annotations/test_voc_yolo.c -- XML of PASCAL VOC and texts of YOLO, as their own descriptions have them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"

/* ---- PASCAL VOC --------------------------------------------------------------------------------------------------- */

static DfVocObject objects[4];
static DfVocPicture picture;
static int n_objects;

static int take_object(void *arg, const DfVocObject *object)
{
    (void)arg;
    cr_assert_lt(n_objects, 4);
    objects[n_objects++] = *object;
    return DF_OK;
}

static int take_picture(void *arg, const DfVocPicture *p)
{
    (void)arg;
    picture = *p;
    return DF_OK;
}

static int read_bytes(const void *bytes, size_t size)
{
    const DfVocSink sink = { .object = take_object, .picture = take_picture };
    n_objects = 0;
    return df_voc_read(bytes, size, "a.xml", &sink);
}

static int read_voc(const char *text)
{
    return read_bytes(text, strlen(text));
}

#define BOX "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8.5</xmax><ymax>9</ymax></bndbox>"

Test(voc, objects_and_the_picture)
{
    cr_assert_eq(read_voc("<?xml version=\"1.0\"?>\n<!-- <object> -->\n<annotation verified='yes'>\n <filename> a &lt;b&gt; &amp; c.jpg </filename>"
                          "<size><width>500</width><height>375</height></size><owner/>"
                          "<object><part><name>head</name>" BOX "</part><name>potted plant</name><difficult>1</difficult>" BOX "</object>\n"
                          "<object><name>dog</name><bndbox><ymax>4</ymax><xmax>3</xmax><ymin>2</ymin><xmin>1</xmin></bndbox></object></annotation>\n"), DF_OK, "%s", df_error());
    cr_expect_str_eq(picture.file_name, "a <b> & c.jpg");
    cr_expect(picture.width == 500 && picture.height == 375);
    cr_assert_eq(n_objects, 2);
    cr_expect_str_eq(objects[0].name, "potted plant");
    cr_expect(objects[0].difficult && objects[0].box[0] == 1 && objects[0].box[2] == 8.5 && objects[0].box[3] == 9);
    cr_expect(!objects[1].difficult && objects[1].box[1] == 2 && objects[1].box[2] == 3 && objects[1].box[3] == 4);
    cr_assert_eq(read_voc("<annotation></annotation>"), DF_OK);
    cr_expect(n_objects == 0 && picture.width == 0 && !picture.file_name[0]);
}

/* As Python's ElementTree writes and reads them. */
Test(voc, letters_by_their_numbers)
{
    cr_assert_eq(read_voc("<annotation><object><name>caf&#233; &#x20AC;&#x1F600;</name>" BOX "</object>"
                          "<object><name>cats & dogs &;</name>" BOX "</object></annotation>"), DF_OK, "%s", df_error());
    cr_assert_eq(n_objects, 2);
    cr_expect_str_eq(objects[0].name, "caf\xc3\xa9 \xe2\x82\xac\xf0\x9f\x98\x80");
    cr_expect_str_eq(objects[1].name, "cats & dogs &;");
}

Test(voc, text_as_it_stands)
{
    cr_assert_eq(read_voc("<annotation><object><name><![CDATA[a<b>]] & ]]>c</name>" BOX "</object></annotation>"), DF_OK, "%s",
                 df_error());
    cr_expect_str_eq(objects[0].name, "a<b>]] & c");
}

/* "café 😀" in every encoding that is read; ISO-8859-1 has no picture of a face. */
#define CAFE "<annotation>\n<object><name>caf\xe9</name>" BOX "</object></annotation>"
static const char cafe_face[] = "<?xml version='1.0' encoding='utf-16'?><annotation><object><name>caf\xc3\xa9 \xf0\x9f\x98\x80</name>"
                                BOX "</object></annotation>";

/* Of cafe_face; the characters that are not ASCII stand for one and for two units. */
static size_t in_utf16(unsigned char *to, bool little, bool mark)
{
    static const unsigned cafe[] = { 0xe9 };
    static const unsigned face[] = { 0xd83d, 0xde00 };
    size_t n = 0;
    if (mark)
        n = (size_t)(little ? (memcpy(to, "\xff\xfe", 2), 2) : (memcpy(to, "\xfe\xff", 2), 2));
    for (const char *at = cafe_face; *at;) {
        const unsigned ascii[] = { (unsigned char)*at };
        const bool is_cafe = strncmp(at, "\xc3\xa9", 2) == 0;
        const bool is_face = *at == '\xf0';
        const unsigned *units = is_face ? face : is_cafe ? cafe : ascii;
        for (int i = 0; i < (is_face ? 2 : 1); i++) {
            to[n++] = (unsigned char)(little ? units[i] : units[i] >> 8);
            to[n++] = (unsigned char)(little ? units[i] >> 8 : units[i]);
        }
        at += is_face ? 4 : is_cafe ? 2 : 1;
    }
    return n;
}

Test(voc, encodings)
{
    unsigned char wide[1024];
    for (int i = 0; i < 4; i++) {
        const size_t n = in_utf16(wide, i & 1, i & 2);
        cr_assert_eq(read_bytes(wide, n), DF_OK, "%d: %s", i, df_error());
        cr_expect_str_eq(objects[0].name, "caf\xc3\xa9 \xf0\x9f\x98\x80");
        cr_expect_eq(read_bytes(wide, n - 1), DF_EFORMAT);
        cr_expect(strstr(df_error(), "UTF-16 of an odd number of bytes"), "%s", df_error());
    }
    cr_assert_eq(read_voc("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>" CAFE), DF_OK, "%s", df_error());
    cr_expect_str_eq(objects[0].name, "caf\xc3\xa9");
    cr_assert_eq(read_voc("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?><annotation><object><name>caf\xc3\xa9</name>" BOX
                          "</object></annotation>"), DF_OK, "%s", df_error());
    cr_expect_str_eq(objects[0].name, "caf\xc3\xa9");
    cr_assert_eq(read_voc("<?xml version=\"1.0\" encoding=\"GBK\"?><annotation><object><name>cat</name>" BOX "</object></annotation>"),
                 DF_OK, "%s", df_error());
}

static void voc_fails(const char *text, const char *sentence)
{
    cr_expect_eq(read_voc(text), DF_EFORMAT, "takes %s", text);
    cr_expect(df_starts_with(df_error(), "a.xml: ") && strstr(df_error(), sentence), "%s\nsays: %s", text, df_error());
}

Test(voc, what_is_wrong_is_said)
{
    static const char *const references[] = { "&x;", "&#0;", "&#;", "&#xD800;", "&#x110000;" };
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        char text[64];
        snprintf(text, sizeof text, "<annotation>\n<folder>%s</folder>", references[i]);
        voc_fails(text, "line 2: met &");
    }
    voc_fails(CAFE, "line 2: the byte 0xe9 is not UTF-8, and no first line <?xml version=\"1.0\" encoding=\"..\"?> says what it is");
    voc_fails("<?xml encoding='GBK'?>" CAFE, "line 2: the byte 0xe9 in the encoding GBK: want UTF-8, UTF-16 or ISO-8859-1");
    voc_fails("<?xml encoding='UTF-8'?>" CAFE, "line 2: the byte 0xe9");
    cr_expect_eq(read_bytes("\xff\xfe<\0a\0\n\0\x00\xd8>\0", 12), DF_EFORMAT);
    cr_expect(strstr(df_error(), "line 2: half a character of UTF-16"), "%s", df_error());
    voc_fails("<annotation><folder><![CDATA[a]]", "the file ends within a tag");
    voc_fails("", "no <annotation>");
    voc_fails("<annotations></annotations>", "no <annotation>");
    voc_fails("<annotation>\n<object>", "line 2: <object> is not closed");
    voc_fails("<annotation></object>", "</object> closes what is not open");
    voc_fails("<annotation><object><name>a</name></object></annotation>", "without a whole <bndbox>");
    voc_fails("<annotation><object>" BOX "</object></annotation>", "without a <name>");
    voc_fails("<annotation><size><width>5x</width></size></annotation>", "<width> is '5x': want a number");
    voc_fails("<annotation><object><name>a</name><bndbox><xmin>inf</xmin></bndbox></object></annotation>", "<xmin> is 'inf'");
    voc_fails("<annotation", "the file ends within a tag");
    voc_fails("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", "more than 16 elements");
}

/* ---- YOLO --------------------------------------------------------------------------------------------------------- */

static DfYoloObject yolo[4];
static double points[16];
static int n_yolo;

static int take_yolo(void *arg, const DfYoloObject *object)
{
    (void)arg;
    cr_assert(n_yolo < 4 && object->n <= 8);
    yolo[n_yolo++] = *object;
    if (object->n)
        memcpy(points, object->xy, 2 * object->n * sizeof *points);
    return DF_OK;
}

static int read_labels(const char *text, int classes)
{
    const DfYoloSink sink = { .object = take_yolo };
    n_yolo = 0;
    return df_yolo_read_labels(text, strlen(text), "a.txt", classes, &sink);
}

Test(yolo, boxes_and_polygons)
{
    cr_assert_eq(read_labels("1 0.5 0.25 0.5 0.125\r\n\n 0\t0.125 0.25  0.75 0.25 0.5 1", 2), DF_OK, "%s", df_error());
    cr_assert_eq(n_yolo, 2);
    cr_expect(yolo[0].label == 1 && yolo[0].n == 0 && yolo[0].box[1] == 0.25 && yolo[0].box[3] == 0.125);
    cr_expect(yolo[1].label == 0 && yolo[1].n == 3 && points[5] == 1);
    cr_expect(yolo[1].box[0] == 0.4375 && yolo[1].box[1] == 0.625 && yolo[1].box[2] == 0.625 && yolo[1].box[3] == 0.75);
    cr_expect_eq(read_labels("", 2), DF_OK);
}

static void labels_fail(const char *text, const char *sentence)
{
    cr_expect_lt(read_labels(text, 2), 0, "takes %s", text);
    cr_expect(df_starts_with(df_error(), "a.txt: line ") && strstr(df_error(), sentence), "%s\nsays: %s", text, df_error());
}

Test(yolo, wrong_labels_are_said)
{
    labels_fail("0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1", "line 2: class 2: want one of the 2 classes, 0 to 1");
    labels_fail("-1 0.5 0.5 0.1 0.1", "class -1");
    labels_fail("0.5 0.5 0.5 0.1 0.1", "class 0.5");
    labels_fail("0 0.5 0.5 0.1", "4 numbers");
    labels_fail("0 0.5 0.5 0.1 0.1 0.9", "6 numbers");
    labels_fail("0 320 240 50 60", "320: want shares");
    labels_fail("0 0.5 0.5 -0.2 0.1", "line 1: a box of -0.2 x 0.1: want a width and a height from 0 on");
    labels_fail("0 0.5 0.5 0.1 -0.1", "a box of 0.1 x -0.1");
    labels_fail("0 nan 0.5 0.1 0.1", "'nan': want a number");
    labels_fail("cat 0.5 0.5 0.1 0.1", "'cat': want a number");
}

static DfArena *arena;
static DfYoloData data;

static int read_data(const char *text)
{
    df_arena_free(arena);
    arena = df_arena_new();
    return df_yolo_read_data(&data, text, strlen(text), "data.yaml", arena);
}

Test(yolo, names_in_brackets_and_with_escapes)
{
    cr_assert_eq(read_data("names: {1: \"b, c\", 0: it's,\n  2: 'd''e'\n}\n"), DF_OK, "%s", df_error());
    cr_expect_str_eq(data.name[0], "it's");
    cr_expect_str_eq(data.name[1], "b, c");
    cr_expect_str_eq(data.name[2], "d'e");
    /* yaml.dump() of what is not ASCII */
    cr_assert_eq(read_data("names:\n- \"caf\\xE9 \\\\ \\\"x\\\"\"\n- \"\\u65E5\\U0001F600\"\n"), DF_OK, "%s", df_error());
    cr_expect_str_eq(data.name[0], "caf\xc3\xa9 \\ \"x\"");
    cr_expect_str_eq(data.name[1], "\xe6\x97\xa5\xf0\x9f\x98\x80");
    df_arena_free(arena);
}

Test(yolo, names_in_every_form)
{
    cr_assert_eq(read_data("# COCO8\npath: ../data # root\ntrain: images/train\nval: 'images/val'\nnc: 3\nnames: ['a', \"b, c\", d]\nother: [1]\n"), DF_OK, "%s", df_error());
    cr_assert_eq(data.n, 3);
    cr_expect_str_eq(data.name[1], "b, c");
    cr_expect_str_eq(data.path, "../data");
    cr_expect_str_eq(data.val, "images/val");
    cr_assert_eq(read_data("names:\n  1: bicycle\n  0: 'person'\ndownload: |\n  import x\n  0: y\n"), DF_OK, "%s", df_error());
    cr_assert_eq(data.n, 2);
    cr_expect_str_eq(data.name[0], "person");
    cr_assert_eq(read_data("names:\n- a b\n- c # d\n"), DF_OK, "%s", df_error());
    cr_assert_eq(data.n, 2);
    cr_expect_str_eq(data.name[1], "c");
    cr_assert_eq(read_data("names: [a,\n  b,\n  c]\ntrain: x"), DF_OK, "%s", df_error());
    cr_assert_eq(data.n, 3);
    cr_expect_str_eq(data.name[2], "c");
    cr_expect_str_eq(data.train, "x");
    static const struct { const char *text, *sentence; } wrong[] = {
        { "nc: 2\n", "no names" }, { "nc: 3\nnames: [a, b]", "nc = 3 and 2 names" }, { "names:\n  2: a\n", "class 0 of 3 has no name" },
        { "names: [a, b", "not closed" }, { "names:\n  x: a\n", "want a number" }, { "names:\n  what\n", "want '- NAME'" },
        { "names: [a, , b]", "without a name" }, { "names: {0: a, x}", "NUMBER: NAME" }, { "names: {0: a", "not closed" },
        { "names: [\"\\q\"]", "an escape that YAML does not have" }, { "names: [\"\\ud800\"]", "an escape" },
        { "names: ['a\n  b', c]", "a name of two lines" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(read_data(wrong[i].text), DF_EFORMAT, "takes %s", wrong[i].text);
        cr_expect_not_null(strstr(df_error(), wrong[i].sentence), "%s\nsays: %s", wrong[i].text, df_error());
    }
    df_arena_free(arena);
}

/* ---- results of VOC, labels of DOTA --------------------------------------------------------------------------------- */

static DfVocResult result;
static DfDotaObject oriented;
static int n_lines;

static int take_result(void *arg, const DfVocResult *r)
{
    (void)arg;
    result = *r;
    n_lines++;
    return DF_OK;
}

static int take_oriented(void *arg, const DfDotaObject *o)
{
    (void)arg;
    oriented = *o;
    n_lines++;
    return DF_OK;
}

static int read_results(const char *text, int coordinates)
{
    n_lines = 0;
    return df_voc_read_results(text, strlen(text), "cat.txt", coordinates, &(DfVocResultSink){ NULL, take_result });
}

static int read_labels_of_dota(const char *text)
{
    n_lines = 0;
    return df_dota_read_labels(text, strlen(text), "P1.txt", &(DfDotaSink){ NULL, take_oriented });
}

Test(results, a_line_is_a_picture_a_score_and_coordinates)
{
    cr_assert_eq(read_results("\xef\xbb\xbf" "a 0.5 1 2 3 4\r\n\n  b\t.25 1 2 3 4.5  ", 4), DF_OK, "%s", df_error());
    cr_expect_eq(n_lines, 2);
    cr_expect_str_eq(result.image, "b");
    cr_expect_eq(result.score, 0.25);
    cr_expect_eq(result.box[3], 4.5);
    cr_expect_eq(result.line, 3);
    cr_expect_eq(read_results("a 0.5 1 2 3 4", 8), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "cat.txt: line 1: 6 words: want a picture, a score and 8 coordinates"));
    cr_expect_eq(read_results("a 0.5 1 2 3 x", 4), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "'x': want a number"));
    cr_expect_eq(read_results("a nan 1 2 3 4", 4), DF_EFORMAT);
}

Test(dota, corners_class_and_difficult)
{
    cr_assert_eq(read_labels_of_dota("imagesource:GoogleEarth\ngsd:0.25\n1 2 3 4 5 6 7 8.5 small-vehicle 1\n"), DF_OK);
    cr_expect_eq(n_lines, 1);
    cr_expect_str_eq(oriented.name, "small-vehicle");
    cr_expect_eq(oriented.corner[7], 8.5);
    cr_expect(oriented.difficult);
    cr_assert_eq(read_labels_of_dota("1 2 3 4 5 6 7 8 ship"), DF_OK);
    cr_expect_not(oriented.difficult);
    cr_expect_eq(read_labels_of_dota("1 2 3 4 5 6 7 8"), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "P1.txt: line 1: 8 words: want eight coordinates, a class, and 0 or 1"));
}
