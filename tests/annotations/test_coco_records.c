/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/annotations/test_coco_records.c -- files of COCO's schema as streams: what records hold, what a strict sink
 * refuses and where, and how a patient one goes on.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"

#define ALL 0xffffu

/* What a sink was told, as text: "image 1 @1 has 401; " and "bbox: bbox is not an array; ". */
typedef struct {
    DfCocoSink sink;
    DfCocoRecord record;
    DfTextbuf told;
    int (*take)(DfCocoRecord *); /* further looks at a record, or NULL */
    bool bytes;                  /* their places are told too          */
} Told;

static int take(void *arg, DfCocoRecord *r)
{
    Told *t = arg;
    static const char *const kinds[] = { "image", "category", "annotation", "detection" };
    df_textbuf_add(&t->told, "%s %zu line %zu has %x; ", kinds[r->list], r->number, r->line, r->has);
    if (t->bytes)
        df_textbuf_add(&t->told, "byte %zu; ", (size_t)r->offset);
    return t->take ? t->take(r) : DF_OK;
}

static int note(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    Told *t = arg;
    (void)r;
    df_textbuf_add(&t->told, "%x: %s; ", p->field, p->sentence);
    return DF_OK;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    Told *t = arg;
    t->sink.arg = t;
    t->sink.record = take;
    return df_coco_stream_records(json, list, 0, &t->record, &t->sink);
}

static int stream(Told *t, const char *text)
{
    DfJson *json;
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "FILE"), DF_OK);
    const DfCocoFile file = { .arg = t, .list = read_list };
    const int error = text[0] == '[' ? df_coco_stream_results(json, &file) : df_coco_stream_truth(json, &file);
    df_json_close(json);
    df_coco_record_done(&t->record);
    return error;
}

static void expect_told(Told *t, const char *want)
{
    char *got = NULL;
    cr_assert_eq(df_textbuf_take(&t->told, &got), DF_OK);
    cr_expect_str_eq(got ? got : "", want);
    df_free(got);
}

/* ---- records -------------------------------------------------------------------------------------------------------- */

static int look_at_annotation(DfCocoRecord *r)
{
    if (r->list == DF_COCO_IMAGES) {
        cr_expect(r->id.number == 139 && r->width == 640 && r->height == 426);
        cr_expect_str_eq(r->file_name.at, "a.jpg");
        cr_expect_eq(r->file_name.n, 5);
    }
    if (r->list == DF_COCO_CATEGORIES)
        cr_expect(r->id.text && strcmp(r->id.text, "dog") == 0 && strcmp(r->name.at, "a dog") == 0);
    if (r->list == DF_COCO_ANNOTATIONS) {
        cr_expect(r->id.number == 7 && r->image_id.number == 139 && strcmp(r->category_id.text, "dog") == 0);
        cr_expect(r->box[0] == 1 && r->box[3] == 4.5 && r->area == 12.25 && r->iscrowd && !r->ignore);
    }
    return DF_OK;
}

Test(coco_records, lists_in_any_order_with_their_places)
{
    Told t = { .sink = { .wanted = ALL & ~(unsigned)DF_COCO_SEGMENTATION }, .take = look_at_annotation, .bytes = true };
    const char *text = "{\"info\": {\"images\": [1]}, \"categories\": [{\"name\": \"a dog\", \"id\": \"dog\"}],\n"
                       " \"annotations\": [{\"id\": 7.0, \"image_id\": 139, \"category_id\": \"dog\", \"bbox\": [1, 2, 3, 4.5], \"area\": 12.25,\n"
                       "  \"iscrowd\": true, \"ignore\": 0, \"segmentation\": 5}],\n"
                       " \"images\": [{\"id\": 139, \"width\": 640, \"height\": 426, \"file_name\": \"a.jpg\"}]}";
    cr_assert_eq(stream(&t, text), DF_OK, "%s", df_error());
    char want[256];
    const size_t at[3] = { (size_t)(strstr(text, "{\"name") - text), (size_t)(strstr(text, "{\"id\": 7") - text), (size_t)(strstr(text, "{\"id\": 139") - text) };
    snprintf(want, sizeof want, "category 1 line 1 has %x; byte %zu; annotation 1 line 2 has %x; byte %zu; image 1 line 4 has %x; byte %zu; ",
             DF_COCO_ID | DF_COCO_NAME, at[0],
             DF_COCO_ID | DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_AREA | DF_COCO_ISCROWD | DF_COCO_IGNORE, at[1],
             DF_COCO_ID | DF_COCO_WIDTH | DF_COCO_HEIGHT | DF_COCO_FILE_NAME, at[2]);
    expect_told(&t, want);
}

Test(coco_records, what_a_record_lacks_is_nothing_of_the_one_before)
{
    Told t = { .sink = { .wanted = ALL } };
    cr_assert_eq(stream(&t, "[{\"image_id\": 1, \"bbox\": [1, 2, 3, 4], \"score\": 0.5, \"segmentation\": [[1, 2, 3, 4, 5, 6]]}, {}]"), DF_OK);
    cr_expect(t.record.box[0] == 0 && t.record.score == 0 && t.record.segmentation.form == DF_MASK_NONE);
    df_free(t.told.at);
}

/* ---- segmentations -------------------------------------------------------------------------------------------------- */

static int look_at_forms(DfCocoRecord *r)
{
    const DfCocoSegmentation *s = &r->segmentation;
    static const double polygons[] = { 6, 1, 2, 3, 4, 5, 6, 8, 0, 0, 5, 0, 5, 5, 0, 5 };
    switch (r->number) {
    case 1:
        cr_assert(s->form == DF_MASK_POLYGONS && s->n == 16);
        cr_expect_eq(memcmp(s->numbers, polygons, sizeof polygons), 0, "how many, and these");
        break;
    case 2:
        cr_assert(s->form == DF_MASK_RUNS && s->compressed && !s->listed && s->height == 10 && s->width == 12);
        cr_expect(s->runs.n == 3 && s->runs.at[0] == 0 && s->runs.at[1] == 5);
        break;
    case 3:
        cr_assert(s->form == DF_MASK_RUNS && !s->compressed && s->runs.n == 2 && s->runs.at[1] == 60 && s->n == 2);
        break;
    case 4: /* united */
        cr_assert(s->form == DF_MASK_RUNS && s->listed && s->runs.n == 3);
        cr_expect(s->runs.at[0] == 2 && s->runs.at[1] == 6 && s->runs.at[2] == 1);
        break;
    case 5: cr_expect(s->form == DF_MASK_NONE && (r->has & DF_COCO_SEGMENTATION)); break;
    default: cr_expect(s->form == DF_MASK_NONE && !(r->has & DF_COCO_SEGMENTATION));
    }
    return DF_OK;
}

Test(coco_records, every_form_of_a_segmentation)
{
    Told t = { .sink = { .wanted = DF_COCO_SEGMENTATION, .problem = df_coco_allow_empty }, .take = look_at_forms };
    cr_assert_eq(stream(&t, "[{\"segmentation\": [[1, 2, 3, 4, 5, 6], [0, 0, 5, 0, 5, 5, 0, 5]]},"
                            " {\"segmentation\": {\"counts\": \"05c3\", \"size\": [10, 12]}},"
                            " {\"segmentation\": {\"size\": [10, 12], \"counts\": [60, 60.5]}},"
                            " {\"segmentation\": [{\"size\": [3, 3], \"counts\": [2, 3, 4]}, {\"size\": [3, 3], \"counts\": [4, 4, 1]}]},"
                            " {\"segmentation\": []}, {\"segmentation\": null}, {\"bbox\": null}]"), DF_OK, "%s", df_error());
    cr_expect_eq(t.record.number, 0, "nothing is left");
    df_free(t.told.at);
}

static int look_at_ids(DfCocoRecord *r)
{
    static const char *const want[] = { "-9223372036854775809", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "18446744073709551616",
                                        "100000000000000000000", "'9223372036854775808'" };
    static DfId before;
    static char text[256];
    cr_assert_lt(r->number, 8);
    cr_expect_str_eq(df_id_text(r->image_id), want[r->number - 1]);
    cr_expect(r->number == 1 || df_id_compare(before, r->image_id) < 0, "%s", want[r->number - 1]);
    before = r->image_id;
    if (before.text)
        before.text = strcpy(text, before.text);
    return DF_OK;
}

/* As Python does: an integer has any number of digits, and 1e20 is one; a text is another id. */
Test(coco_records, ids_beyond_64_bits)
{
    Told t = { .sink = { .wanted = DF_COCO_IMAGE_ID }, .take = look_at_ids };
    cr_assert_eq(stream(&t, "[{\"image_id\": -9223372036854775809}, {\"image_id\": -9223372036854775808}, {\"image_id\": 9223372036854775807},"
                            " {\"image_id\": 9223372036854775808}, {\"image_id\": 18446744073709551616}, {\"image_id\": 1e20},"
                            " {\"image_id\": \"9223372036854775808\"}]"), DF_OK, "%s", df_error());
    df_free(t.told.at);
    DfIds ids = { 0 };
    uint32_t place[4];
    cr_assert_eq(df_ids_add(&ids, (DfId){ DF_BIG_ID, "9223372036854775808" }, &place[0]), DF_OK);
    cr_assert_eq(df_ids_add(&ids, (DfId){ 0, "9223372036854775808" }, &place[1]), DF_OK);
    cr_assert_eq(df_ids_add(&ids, (DfId){ DF_BIG_ID, "9223372036854775808" }, &place[2]), DF_OK);
    cr_assert_eq(df_ids_add(&ids, (DfId){ 1, NULL }, &place[3]), DF_OK);
    cr_expect(place[0] == 0 && place[1] == 1 && place[2] == 0 && place[3] == 2);
    df_ids_done(&ids);
}

/* ---- strict sinks --------------------------------------------------------------------------------------------------- */

static void refuse(const char *text, const char *sentence)
{
    Told t = { .sink = { .wanted = ALL } };
    cr_expect_eq(stream(&t, text), DF_EFORMAT, "%s", text);
    char want[256], got[256];
    snprintf(want, sizeof want, "FILE: line %s", sentence);
    snprintf(got, sizeof got, "%s", df_error());
    char *byte = strstr(got, ", byte "); /* test_coco.c looks at these */
    cr_assert_not_null(byte, "%s", got);
    const size_t n = 7 + strspn(byte + 7, "0123456789");
    memmove(byte, byte + n, strlen(byte + n) + 1);
    cr_expect_str_eq(got, want, "%s", text);
    df_free(t.told.at);
}

Test(coco_records, a_strict_sink_says_what_is_wrong_and_where)
{
    refuse("7", "1: want a COCO annotation file: an object with images, annotations and categories");
    refuse("{\"images\":\n {}}", "2: \"images\" is not an array");
    refuse("{\"categories\": [{},\n 3]}", "2: category 2: is not an object");
    refuse("{\"annotations\": [{}, {\"id\": 1,\n \"image_id\":\n 1.5}]}", "3: annotation 2 (id 1): image_id is not an integer or a string");
    refuse("{\"annotations\": [{\"area\": null, \"image_id\": 7, \"id\": \"b\"}]}", "1: annotation 1 (id 'b', image 7): area is not a number");
    refuse("[{\"score\": null, \"image_id\": 18446744073709551616}]", "1: detection 1 (image 18446744073709551616): score is not a number");
    refuse("{\"images\": [{\"id\": \"a\\u0000b\"}]}", "1: image 1: id is a string longer than 255 bytes or with a zero in it");
    refuse("{\"images\": [{\"file_name\": 3}]}", "1: image 1: file_name is not a string");
    refuse("{\"annotations\": [{\"bbox\": null}]}", "1: annotation 1: bbox is not an array");
    refuse("{\"annotations\": [{\"bbox\": [1, 2, \"3\", 4]}]}", "1: annotation 1: bbox is not an array of numbers");
    refuse("{\"annotations\": [{\"bbox\": [1, 2, 3, 4, 5, 6]}]}", "1: annotation 1: bbox has 6 numbers, want x, y, width and height");
    refuse("{\"annotations\": [{\"iscrowd\": \"no\"}]}", "1: annotation 1: iscrowd is not 0 or 1");
    refuse("[{\"score\": true}]", "1: detection 1: score is not a number");
    refuse("[{\"segmentation\": 3}]", "1: detection 1: segmentation: is neither a list of polygons nor an object with size and counts");
    refuse("[{\"segmentation\": [[1, 2, 3, 4]]}]", "1: detection 1: segmentation: the first polygon has 4 numbers, want at least 6: x and y of three points");
    refuse("[{\"segmentation\": [[1, 2, 3, 4, 5, 3e8]]}]", "1: detection 1: segmentation: a polygon has the coordinate 3e+08, want one between -2e8 and 2e8");
    refuse("[{\"segmentation\": [[1, 2, 3, 4, 5, 6], {}]}]", "1: detection 1: segmentation: a list of something else than polygons, want [[x, y, ...], ...]");
    refuse("[{\"segmentation\": {\"size\": null}}]", "1: detection 1: segmentation: size is not an array");
    refuse("[{\"segmentation\": {\"size\": [1, 2]}}]", "1: detection 1: segmentation: has no counts");
    refuse("[{\"segmentation\": {\"size\": [1, 2.5]}}]", "1: detection 1: segmentation: height and width are not integers from 0 to 2^32 - 1");
    refuse("[{\"segmentation\": {\"counts\": [1, -1]}}]", "1: detection 1: segmentation: a count of -1, want one from 0 to 2^32 - 1");
    refuse("[{\"segmentation\": [{\"size\": [1, 2], \"counts\": \"2\"}]}]", "1: detection 1: segmentation: a compressed RLE in a list: want the object itself");
    refuse("[{\"image_id\": 1}, {\"image_id\": }]", "1: met '}', want a value");
    Told t = { .sink = { .wanted = ALL } };
    cr_expect_eq(stream(&t, "[{}] 3"), DF_EFORMAT, "something follows the list");
    df_free(t.told.at);
}

/* ---- patient sinks -------------------------------------------------------------------------------------------------- */

Test(coco_records, a_patient_sink_goes_on_behind_each_problem)
{
    Told t = { .sink = { .wanted = ALL, .problem = note } };
    cr_assert_eq(stream(&t, "[{\"image_id\": [1, {\"a\": []}], \"category_id\": {}, \"bbox\": [1, [2, [3]], 4], \"score\": null},\n"
                            " {\"segmentation\": [[1, 2, {\"x\": [1]}, 3], [4]], \"score\": 1},\n"
                            " {\"segmentation\": {\"size\": [[5], 5], \"counts\": [1, [2]], \"more\": 0}},\n"
                            " {\"segmentation\": {\"size\": [5.5, 5], \"counts\": 7}}, {\"segmentation\": [3, [4], {}]}, {\"score\": 2}]"), DF_OK, "%s", df_error());
    expect_told(&t, "2: image_id is not an integer or a string; 4: category_id is not an integer or a string; "
                    "8: bbox is not an array of numbers; 80: score is not a number; detection 1 line 1 has 0; "
                    "1000: segmentation: a polygon is not a list of numbers; detection 2 line 2 has 1080; "
                    "1000: segmentation: size is not an array of height and width; 1000: segmentation: counts hold something that is not a number; "
                    "detection 3 line 3 has 1000; 1000: segmentation: height and width are not integers from 0 to 2^32 - 1; "
                    "1000: segmentation: counts are neither a string nor a list; "
                    "detection 4 line 4 has 1000; 1000: segmentation: a list of something else than polygons, want [[x, y, ...], ...]; "
                    "detection 5 line 4 has 1000; detection 6 line 4 has 80; ");
}

static int enough(void *arg, DfCocoRecord *r, unsigned field)
{
    (void)field;
    *(double *)arg = r->score;
    return DF_COCO_ENOUGH;
}

Test(coco_records, a_watched_field_is_told_at_once_and_may_end_it)
{
    DfJson *json;
    DfJsonValue v;
    DfCocoRecord record = { 0 };
    double score = 0;
    const char *text = "[{\"score\": 0.25, \"image_id\": broken";
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "FILE"), DF_OK);
    cr_assert_eq(df_json_next(json, &v), DF_JSON_ARRAY);
    const DfCocoSink sink = { .arg = &score, .wanted = DF_COCO_SCORE, .watched = DF_COCO_SCORE, .field = enough };
    cr_expect_eq(df_coco_stream_records(json, DF_COCO_RESULTS, 0, &record, &sink), DF_COCO_ENOUGH);
    cr_expect_eq(score, 0.25);
    df_coco_record_done(&record);
    df_json_close(json);
}

Test(coco_records, survive_each_failing_allocation)
{
    const char *text = "{\"images\": [{\"id\": 1, \"file_name\": \"a\"}], \"categories\": [{\"id\": 1, \"name\": \"b\"}], \"annotations\": ["
                       "{\"segmentation\": [[1, 2, 3, 4, 5, 6]]}, {\"segmentation\": {\"size\": [5, 5], \"counts\": \"0252\"}},"
                       "{\"segmentation\": [{\"size\": [3, 3], \"counts\": [2, 3, 4]}, {\"size\": [3, 3], \"counts\": [4, 4, 1]}]}]}";
    const size_t before = df_memory().now;
    int error = DF_ENOMEM;
    for (size_t n = 1; error != DF_OK; n++) {
        Told t = { .sink = { .wanted = ALL } };
        DfJson *json;
        cr_assert_eq(df_json_open_text(&json, text, strlen(text), "FILE"), DF_OK);
        df_memory_fail_at(n, false);
        error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = &t, .list = read_list });
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || error == DF_ENOMEM || t.told.failed, "%d", error);
        df_json_close(json);
        df_coco_record_done(&t.record);
        df_free(t.told.at);
        cr_assert_eq(df_memory().now, before);
    }
}
