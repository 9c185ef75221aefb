/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_json.c -- the streaming JSON reader. Witness of the numbers: Python's json module (json_numbers.json,
 * made by tests/scripts/make_json_numbers.py) and the C library's strtod().
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/core.h"

/* One letter per event: "[n,t]" style, enough to compare structures. */
static const char *outline(const char *text)
{
    static char out[256];
    static const char letters[] = ".zft#\"[{:)";
    DfJson *j;
    DfJsonValue v;
    size_t n = 0;
    cr_assert_eq(df_json_open_text(&j, text, strlen(text), "text"), DF_OK);
    DfJsonEvent event;
    do {
        event = df_json_next(j, &v);
        out[n++] = event < 0 ? '!' : letters[event];
    } while (event > DF_JSON_END && n < sizeof out - 1);
    out[n] = 0;
    df_json_close(j);
    return out;
}

Test(json, structure)
{
    cr_expect_str_eq(outline("{\"a\": [1, null, true, false, {}], \"b\": \"c\"}"), "{:[#ztf{)):\").");
    cr_expect_str_eq(outline(" [ ] "), "[).");
    cr_expect_str_eq(outline("[[[],[]],{\"\":{}}]"), "[[[)[)){:{))).");
    cr_expect_str_eq(outline("3"), "#.");
    cr_expect_str_eq(outline("[NaN, Infinity, -Infinity]"), "[###).");
}

Test(json, malformed)
{
    static const char *const bad[] = { "", " ", "[", "[1", "[1,", "[1,]", "[,1]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
        "{1:2}", "{\"a\" 1}", "[1 2]", "[1}", "{\"a\":1]", "]", "1 2", "[] []", "nul", "True", "[01]", "[-]", "[1.]", "[.5]", "[+1]",
        "[1e]", "[1e+]", "[0x10]", "[-Inf]", "[Nan]", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\x01\"",
        "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "[1]\x01" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect(strchr(outline(bad[i]), '!'), "%s was taken as %s", bad[i], outline(bad[i]));
}

Test(json, says_where)
{
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open_text(&j, "{\n\"a\": 1,\n 7}", 13, "gt.json"), DF_OK);
    while (df_json_next(j, &v) > 0)
        ;
    cr_expect_str_eq(df_error(), "gt.json: line 3, byte 11: met '7', want a key in quotes");
    cr_expect_eq(df_json_next(j, &v), DF_JSON_ERROR);
    df_json_close(j);
    cr_expect_eq(df_json_open(&j, "/nonexistent/x.json"), DF_EIO);
    cr_expect_eq(df_json_open(&j, DF_TEST_DATA), DF_EIO);
    cr_expect(strstr(df_error(), "directory"), "%s", df_error());
}

/* ---- what a source is written in -------------------------------------------------------------------------------- */

static size_t gzip(const char *text, size_t n, unsigned char *to, size_t room)
{
    z_stream z = { 0 };
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (uInt)n;
    z.next_out = to;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t used = room - z.avail_out;
    deflateEnd(&z);
    return used;
}

/* The number 7 in a list of one. */
static void expect_seven(const void *bytes, size_t n)
{
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open_text(&j, bytes, n, "text"), DF_OK, "%s", df_error());
    cr_expect_eq(df_json_next(j, &v), DF_JSON_ARRAY, "%s", df_error());
    cr_expect_eq(df_json_next(j, &v), DF_JSON_NUMBER, "%s", df_error());
    cr_expect_eq(v.integer, 7);
    cr_expect_eq(df_json_next(j, &v), DF_JSON_CLOSE);
    cr_expect_eq(df_json_next(j, &v), DF_JSON_END);
    df_json_close(j);
}

static void expect_refused(const void *bytes, size_t n, const char *words)
{
    DfJson *j;
    cr_expect_eq(df_json_open_text(&j, bytes, n, "text"), DF_EFORMAT);
    cr_expect_null(j);
    cr_expect(strstr(df_error(), words), "%s, want %s", df_error(), words);
}

Test(json, marks_and_gzip_are_read)
{
    static char blanks[3 << 20];
    unsigned char packed[1 << 14];
    memset(blanks, ' ', sizeof blanks);
    memcpy(blanks + sizeof blanks - 3, "[7]", 3);
    expect_seven("\xef\xbb\xbf[7]", 6);
    size_t n = gzip("[7]", 3, packed, sizeof packed);
    expect_seven(packed, n);
    memset(packed + n, 0, 100);
    expect_seven(packed, n + 100);
    n = gzip("[", 1, packed, sizeof packed); /* in two members */
    n += gzip("7]", 2, packed + n, sizeof packed - n);
    expect_seven(packed, n);
    n = gzip("\xef\xbb\xbf[7]", 6, packed, sizeof packed);
    expect_seven(packed, n);
    n = gzip(blanks, sizeof blanks, packed, sizeof packed);
    expect_seven(packed, n);
    for (size_t part = 2; part < n; part += 1 + part / 8)
        expect_refused(packed, part, "gzip: the file ends early");
    packed[n - 5] ^= 1;
    expect_refused(packed, n, "gzip: incorrect data check");
}

Test(json, others_are_called_by_their_names)
{
    unsigned char packed[256], twice[256];
    const size_t n = gzip("[7]", 3, packed, sizeof packed);
    expect_refused(twice, gzip((const char *)packed, n, twice, sizeof twice), "gzip within gzip");
    expect_refused("\xff\xfe[\0" "7\0]\0", 8, "UTF-16");
    expect_refused("\xfe\xff\0[\0" "7\0]", 8, "UTF-16");
    expect_refused("[\0" "7\0]\0", 6, "UTF-16");
    expect_refused("\0{\0}", 4, "UTF-16");
    expect_refused("\xff\xfe\0\0[\0\0\0", 8, "UTF-32");
    expect_refused("PK\3\4", 4, "zip");
    expect_refused("\x80\4\x95", 3, "pickle");
}

Test(json, says_that_the_file_ends)
{
    static const char *const cut[] = { "[", "[1", "[1.5", "[1,", "[-", "[1e", "[nul", "{\"a\": 1", "[123456789012345678901", "[tru" };
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        cr_expect(strchr(outline(cut[i]), '!'));
        cr_expect(strstr(df_error(), "the file ends"), "%s: %s", cut[i], df_error());
    }
    cr_expect(strchr(outline("[nu1]"), '!') && !strstr(df_error(), "ends"), "%s", df_error());
}

static void expect_text(const char *json, const char *expected, size_t length)
{
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open_text(&j, json, strlen(json), "text"), DF_OK);
    cr_assert_eq(df_json_next(j, &v), DF_JSON_TEXT, "%s", df_error());
    cr_expect_eq(v.length, length);
    cr_expect(memcmp(v.text, expected, length + 1) == 0, "%s gave %s", json, v.text);
    df_json_close(j);
}

Test(json, texts)
{
    expect_text("\"\"", "", 0);
    expect_text("\"plain\"", "plain", 5);
    expect_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    expect_text("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
    expect_text("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
    expect_text("\"\\ud83dx\"", "\xef\xbf\xbdx", 4);
    expect_text("\"\\ude00\\ud83d\\u0041\"", "\xef\xbf\xbd\xef\xbf\xbd\x41", 7);
    expect_text("\"q\\udcff.jpg\"", "q\xff.jpg", 6); /* a byte of a name that is not UTF-8 */
    expect_text("\"\\udc7f\\udd00\"", "\xef\xbf\xbd\xef\xbf\xbd", 6);
    expect_text("\"a\\u0000b\"", "a\0b", 3);
}

Test(json, numbers_as_python_reads_them)
{
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open(&j, DF_TEST_DATA "/core/json_numbers.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    int rows = 0;
    while (df_json_next(j, &v) == DF_JSON_ARRAY) {
        cr_assert_eq(df_json_next(j, &v), DF_JSON_NUMBER, "%s", df_error());
        const DfJsonValue number = v;
        uint64_t bits;
        memcpy(&bits, &number.number, sizeof bits);
        cr_assert_eq(df_json_next(j, &v), DF_JSON_TEXT);
        cr_expect_eq(bits, strtoull(v.text, NULL, 16), "line %zu: %016" PRIx64 ", want %s", df_json_line(j), bits, v.text);
        const DfJsonEvent whole = df_json_next(j, &v);
        cr_expect_eq(number.is_integer, whole == DF_JSON_NUMBER, "line %zu", df_json_line(j));
        if (whole == DF_JSON_NUMBER)
            cr_expect_eq(number.integer, v.integer, "line %zu", df_json_line(j));
        cr_expect_eq(df_json_next(j, &v), DF_JSON_CLOSE);
        rows++;
    }
    cr_expect_eq(df_json_next(j, &v), DF_JSON_END);
    cr_expect_gt(rows, 800);
    df_json_close(j);
}

Test(json, numbers_as_strtod_reads_them)
{
    DfRandom r = df_random(3, 0);
    char text[64];
    for (int i = 0; i < 200000; i++) {
        const double scale = pow(10, (double)(df_random_bits(&r) % 40) - 30);
        snprintf(text, sizeof text, "%.*g", 1 + (int)(df_random_bits(&r) % 21), df_uniform(&r) * scale);
        DfJson *j;
        DfJsonValue v;
        cr_assert_eq(df_json_open_text(&j, text, strlen(text), "text"), DF_OK);
        cr_assert_eq(df_json_next(j, &v), DF_JSON_NUMBER);
        cr_assert_eq(v.number, strtod(text, NULL), "%s gave %.17g", text, v.number);
        df_json_close(j);
    }
}

/* [1, X, 2, 3] by the fast ways and one by one, for every X of five characters and less. */
Test(json, lists_of_numbers_at_once)
{
    static const char alphabet[] = "-.015e ,";
    enum { LETTERS = 8, MOST = 5 };
    for (size_t length = 1, all = LETTERS; length <= MOST; length++, all *= LETTERS)
        for (size_t k = 0; k < all; k++) {
            char text[32] = "[1,";
            size_t n, at = 3;
            double numbers[16], one[16];
            DfJson *j, *slow;
            DfJsonValue v;
            DfJsonEvent event;
            for (size_t i = 0, rest = k; i < length; i++, rest /= LETTERS)
                text[at++] = alphabet[rest % LETTERS];
            strcpy(text + at, ", 2,3]");
            cr_assert_eq(df_json_open_text(&j, text, strlen(text), "text"), DF_OK);
            cr_assert_eq(df_json_open_text(&slow, text, strlen(text), "text"), DF_OK);
            cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
            const DfJsonEvent last = df_json_numbers(j, numbers, 16, &n);
            cr_assert_eq(df_json_next(slow, &v), DF_JSON_ARRAY);
            size_t m = 0;
            while ((event = df_json_next(slow, &v)) == DF_JSON_NUMBER)
                one[m++] = v.number;
            cr_assert(last == event && n == m && memcmp(numbers, one, n * sizeof *one) == 0, "%s", text);
            df_json_close(j);
            cr_assert_eq(df_json_open_text(&j, text, strlen(text), "text"), DF_OK);
            cr_assert_eq(df_json_skip(j) == DF_OK, event == DF_JSON_CLOSE, "%s", text);
            df_json_close(j);
            df_json_close(slow);
        }
}

/* Of up to 40 numbers; every second list has a byte of it replaced. */
static size_t write_list(char *text, DfRandom *r)
{
    size_t at = 0, numbers = 1 + df_random_bits(r) % 40;
    text[at++] = '[';
    for (size_t i = 0; i < numbers; i++) {
        at += (size_t)sprintf(text + at, "%s%s", i ? "," : "", i && df_random_bits(r) % 3 ? df_random_bits(r) % 9 ? " " : " \n" : "");
        const int places = (int)(df_random_bits(r) % 12), wide = (int)(df_random_bits(r) % 5);
        at += (size_t)sprintf(text + at, df_random_bits(r) % 40 ? "%.*f" : "%.*e", places < 8 ? places % 4 : places, pow(10, wide) * (df_uniform(r) - 0.2));
    }
    text[at++] = ']';
    if (df_random_bits(r) % 2)
        text[1 + df_random_bits(r) % (at - 2)] = "0123456789.-, \n]e["[df_random_bits(r) % 18];
    return at;
}

/* All numbers until the list ends, and the event that ended it. */
static DfJsonEvent read_list(DfJson *j, bool at_once, double *numbers, size_t *n)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(j, &v);
    size_t some, room = 0;
    do {
        if (at_once)
            event = df_json_numbers(j, numbers + *n, room = room % 9 + 1, &some);
        else if ((some = (event = df_json_next(j, &v)) == DF_JSON_NUMBER))
            numbers[*n] = v.number;
        *n += some;
    } while (event == DF_JSON_NUMBER);
    return event;
}

Test(json, long_lists_are_the_same_read_any_way)
{
    DfRandom r = df_random(31, 0);
    for (int i = 0; i < 20000; i++) {
        char text[2048];
        DfJson *j[3];
        double numbers[2][64] = { { 0 } };
        size_t n[2] = { 0, 0 };
        const size_t length = write_list(text, &r);
        for (int k = 0; k < 3; k++)
            cr_assert_eq(df_json_open_text(&j[k], text, length, "text"), DF_OK);
        const DfJsonEvent one = read_list(j[0], false, numbers[0], &n[0]), at_once = read_list(j[1], true, numbers[1], &n[1]);
        cr_assert(one == at_once && n[0] == n[1] && memcmp(numbers[0], numbers[1], sizeof numbers[0]) == 0, "%.*s", (int)length, text);
        cr_assert(df_json_line(j[0]) == df_json_line(j[1]), "%.*s", (int)length, text);
        if (one != DF_JSON_ARRAY) { /* else there is another list inside */
            cr_assert_eq(df_json_skip(j[2]) == DF_OK, one == DF_JSON_CLOSE, "%.*s", (int)length, text);
            cr_assert(df_json_line(j[0]) == df_json_line(j[2]), "%.*s", (int)length, text);
        }
        for (int k = 0; k < 3; k++)
            df_json_close(j[k]);
    }
}

/* Tokens of every length across the borders of the window, and one text larger than it. */
Test(json, window_borders)
{
    const size_t items = 60000, longest = 1000000;
    char path[] = "test-json-XXXXXX";
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fprintf(file, "[\n");
    for (size_t i = 0; i < items; i++)
        fprintf(file, "{\"key\\u0041%zu\": [%.*g, true, \"%.*s\"]},\n", i, 1 + (int)(i % 17), (double)i / 7, (int)(i % 23),
            "abcdefghijklmnopqrstuvwxyz");
    fputc('"', file);
    for (size_t i = 0; i < longest; i++)
        fputs("\\n", file);
    fprintf(file, "\", -Infinity]");
    fclose(file);
    DfJson *j;
    DfJsonValue v;
    cr_assert_eq(df_json_open(&j, path), DF_OK);
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (size_t i = 0; i < items; i++) {
        char want[64];
        cr_assert_eq(df_json_next(j, &v), DF_JSON_OBJECT, "%zu: %s", i, df_error());
        cr_assert_eq(df_json_next(j, &v), DF_JSON_KEY);
        snprintf(want, sizeof want, "keyA%zu", i);
        cr_assert_str_eq(v.text, want);
        cr_assert_eq(df_json_line(j), i + 2);
        if (i % 3 == 0) {
            cr_assert_eq(df_json_skip(j), DF_OK);
        } else {
            cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
            cr_assert_eq(df_json_next(j, &v), DF_JSON_NUMBER);
            snprintf(want, sizeof want, "%.*g", 1 + (int)(i % 17), (double)i / 7);
            cr_assert_eq(v.number, strtod(want, NULL));
            cr_assert_eq(df_json_next(j, &v), DF_JSON_TRUE);
            cr_assert_eq(df_json_next(j, &v), DF_JSON_TEXT);
            cr_assert_eq(v.length, i % 23);
            cr_assert_eq(df_json_next(j, &v), DF_JSON_CLOSE);
        }
        cr_assert_eq(df_json_next(j, &v), DF_JSON_CLOSE);
    }
    cr_assert_eq(df_json_next(j, &v), DF_JSON_TEXT);
    cr_expect_eq(v.length, longest);
    cr_assert_eq(df_json_next(j, &v), DF_JSON_NUMBER);
    cr_expect(isinf(v.number) && v.number < 0);
    cr_assert_eq(df_json_next(j, &v), DF_JSON_CLOSE);
    cr_assert_eq(df_json_next(j, &v), DF_JSON_END);
    df_json_close(j);
    unlink(path);
}

Test(json, depth_is_bounded)
{
    char text[2 * DF_JSON_DEPTH + 4];
    memset(text, '[', DF_JSON_DEPTH);
    memset(text + DF_JSON_DEPTH, ']', DF_JSON_DEPTH);
    text[2 * DF_JSON_DEPTH] = 0;
    cr_expect_null(strchr(outline(text), '!'));
    memset(text, '[', DF_JSON_DEPTH + 1);
    cr_expect(strchr(outline(text), '!'));
}

Test(json, every_allocation_may_fail)
{
    DfJson *j;
    for (size_t n = 1; n <= 3; n++) {
        const size_t before = df_memory().now;
        df_memory_fail_at(n, false);
        cr_expect_eq(df_json_open_text(&j, "[]", 2, "text"), DF_ENOMEM);
        df_memory_fail_at(0, false);
        cr_expect_eq(df_memory().now, before);
    }
}

/* ---- keys that are expected ---------------------------------------------------------------------------------------------- */

/* The members of one object as text; `expecting`: keys are asked for by name first. */
static char *members(const char *text, bool expecting)
{
    static const char *const keys[] = { "id", "score", "a key", "" };
    DfTextbuf told = { 0 };
    DfJson *json;
    DfJsonValue v;
    char *out = NULL;
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "FILE"), DF_OK);
    DfJsonEvent event = df_json_next(json, &v);
    while (event > DF_JSON_END) {
        bool met = false;
        for (int i = 0; i < 4 && expecting && !met; i++)
            if ((met = df_json_key(json, keys[i], strlen(keys[i]))))
                df_textbuf_add(&told, "%d %s %zu ", DF_JSON_KEY, keys[i], df_json_line(json));
        event = df_json_next(json, &v);
        df_textbuf_add(&told, "%d ", event);
        if (event == DF_JSON_KEY || event == DF_JSON_TEXT)
            df_textbuf_add(&told, "%s ", v.text);
        if (event == DF_JSON_NUMBER)
            df_textbuf_add(&told, "%.17g %lld %d ", v.number, (long long)v.integer, v.is_integer);
        if (event == DF_JSON_KEY)
            df_textbuf_add(&told, "%zu ", df_json_line(json));
    }
    if (event == DF_JSON_ERROR)
        df_textbuf_add(&told, "%s", df_error());
    df_json_close(json);
    cr_assert_eq(df_textbuf_take(&told, &out), DF_OK);
    return out;
}

Test(json, keys_that_are_expected_are_the_same_keys)
{
    static const char *const texts[] = {
        "{\"id\":1,\"score\":0.5}", "{\"id\": 1, \"score\": 0.5, \"other\": [1, 2]}", "{ \"id\" : 1 , \"score\" :2}", "{\"id\":12345678901,\"score\":1e3}",
        "{\"id\":-0,\"score\":-0.0}", "{\"id\":007}", "{\"id\":1.}", "{\"id\":1 \"score\":2}", "{\"id\":1,,\"score\":2}", "{\"id\":1,}", "{,\"id\":1}",
        "{\"id\":", "{\"id\"", "{\"id\":1", "{\"id\":1,\"score\":", "{\"id\":[{\"score\":1},{\"a key\":2}],\"\":3}", "{\"\\u0069d\":1,\"score\":2}",
        "{\"id\":1,\n\"score\":\n2,\"a key\":3}", "{\"id\":true,\"score\":\"text\",\"a key\":null}", "{\"idx\":1,\"i\":2,\"id\":3}", "[1,\"id\",{\"id\":1}]",
        "[\"id\":1]", "{\"id\":{\"id\":{\"id\":1}}}", "{\"id\":1}x", "\"id\"", "1", "{\"id\":1]", "[1}", "{\"id\":12a}", "{\"id\":1\0}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *const plain = members(texts[i], false);
        char *const expecting = members(texts[i], true);
        cr_expect_str_eq(expecting, plain);
        df_free(plain);
        df_free(expecting);
    }
}
