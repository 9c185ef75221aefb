/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/nn/test_dialects.c -- checkpoints under the names of other libraries: patterns, what is turned, and every table
 * there and back.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "nn/dialects/dialects.h"

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

static void expect_translated(const char *theirs, const char *ours, const char *name, const char *want)
{
    NnCapture c;
    char met[NN_NAME] = "";
    if (nn_pattern_fits(theirs, name, &c))
        nn_pattern_spell(ours, &c, 0, met);
    cr_expect_str_eq(met, want, "%s of %s -> %s is %s, want %s", name, theirs, ours, met, want);
}

Test(dialects, patterns_take_numbers_words_and_the_rest)
{
    expect_translated("features.{2s+1}.{b}.*", "layers.{s}.blocks.{b}.*", "features.5.11.norm.weight",
                      "layers.2.blocks.11.norm.weight");
    expect_translated("features.{2s+1}.*", "layers.{s}.*", "features.4.norm.weight", "");
    expect_translated("p{i+3}.x", "fpn.{i}", "p2.x", "");
    expect_translated("{i}.{i}", "{i}", "3.3", "3");
    expect_translated("{i}.{i}", "{i}", "3.4", "");
    expect_translated("a.{i}", "b.{i}", "a.01", "");
    expect_translated("{q|k|v}_proj.*", "in_proj_*", "k_proj.bias", "in_proj_bias");
    expect_translated("in_proj_*", "{q|k|v}_proj.*", "in_proj_bias", "q_proj.bias");
    expect_translated("*.conv1.weight", "*.w", "a.b.conv1.weight", "a.b.w");
    NnCapture c;
    cr_expect(nn_pattern_fits("attn.{q|0|v}_bias", "attn.v_bias", &c));
    cr_expect_eq(c.part, 2);
    cr_expect_eq(c.parts, 3);
    cr_expect_not(nn_pattern_has_part("attn.{q|0|v}_bias", 1));
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static const float numbers[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void expect_turned(NnTurn turn, int ndim, const int64_t *shape, const float *want, int n)
{
    DfArena *arena = df_arena_new();
    DfArray turned, again;
    float met[32];
    const DfArray in = df_array("x", DF_F32, ndim, shape, numbers);
    cr_assert_eq(nn_turn(turn, false, &in, arena, &turned), DF_OK, "%s", df_error());
    cr_assert_eq(df_array_count(&turned), n);
    df_array_f32(&turned, met);
    for (int i = 0; i < n; i++)
        cr_expect_eq(met[i], want[i], "turn %d, number %d: %g, want %g", turn, i, (double)met[i], (double)want[i]);
    cr_assert_eq(nn_turn(turn, true, &turned, arena, &again), DF_OK, "%s", df_error());
    cr_assert_eq(df_array_count(&again), df_array_count(&in));
    cr_expect_eq(again.ndim, ndim);
    df_array_f32(&again, met);
    const int64_t invented = df_array_count(&in) - n;
    for (int i = 0; i < (int)df_array_count(&in); i++)
        cr_expect_eq(met[i], i < invented ? 0 : numbers[i], "turn %d, back, number %d: %g", turn, i, (double)met[i]);
    df_arena_free(arena);
}

Test(dialects, numbers_are_turned_and_back)
{
    expect_turned(NN_TRANSPOSED, 2, (int64_t[]){ 2, 3 }, (float[]){ 0, 3, 1, 4, 2, 5 }, 6);
    expect_turned(NN_SQUEEZED, 4, (int64_t[]){ 2, 2, 1, 1 }, (float[]){ 0, 1, 2, 3 }, 4);
    expect_turned(NN_SQUARED, 1, (int64_t[]){ 4 }, (float[]){ 0, 1, 2, 3 }, 4);
    /* two channels, as C (row, column) -> (column, row) C */
    expect_turned(NN_UNFOLDED, 1, (int64_t[]){ 8 }, (float[]){ 0, 4, 2, 6, 1, 5, 3, 7 }, 8);
    expect_turned(NN_UNFOLDED, 2, (int64_t[]){ 2, 4 }, (float[]){ 0, 2, 1, 3, 4, 6, 5, 7 }, 8);
    expect_turned(NN_BACKGROUND_FIRST, 2, (int64_t[]){ 3, 2 }, (float[]){ 2, 3, 4, 5, 0, 1 }, 6);
    expect_turned(NN_BACKGROUND_ROW, 1, (int64_t[]){ 3 }, (float[]){ 1, 2 }, 2);
    expect_turned(NN_BACKGROUND_BOX, 2, (int64_t[]){ 8, 1 }, (float[]){ 4, 5, 6, 7 }, 4);
}

Test(dialects, what_cannot_be_turned_is_one_sentence)
{
    DfArena *arena = df_arena_new();
    DfArray out;
    const DfArray in = df_array("layer.norm", DF_F32, 1, (int64_t[]){ 6 }, numbers);
    cr_expect_eq(nn_turn(NN_UNFOLDED, false, &in, arena, &out), DF_ESHAPE);
    cr_expect_str_eq(df_error(), "layer.norm has 1 dimensions, the first of 6: want a multiple of four channels");
    cr_expect_eq(nn_turn_part(&in, 1, 4, &out), DF_ESHAPE);
    df_arena_free(arena);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const NnPlace *place;
    const char *before_theirs;   /* of the tables around */
    int rows;
} Tables;

static void spell_example(const char *pattern, const NnCapture *c, int part, const char *rest, char out[NN_NAME])
{
    NnCapture copy = *c;
    copy.rest = rest;
    copy.length = strlen(rest);
    cr_assert(nn_pattern_spell(pattern, &copy, part, out), "%s", pattern);
}

/* Their name -> ours -> theirs, which is the same unless the row is never written. */
static void there_and_back(Tables *t, const NnRow *row, const char *theirs)
{
    char ours[NN_NAME], again[NN_NAME];
    t->rows++;
    if (row->turn == NN_NEEDLESS || row->generate)
        return;
    int part = 0;
    while (!nn_translate_name(t->place, false, theirs, part, ours))
        cr_assert_lt(part++, 3, "%s: %s has no name of ours", t->place->dialect->what, theirs);
    cr_assert_neq(nn_pattern_parts(row->theirs) && nn_pattern_parts(row->ours), true);
    if (row->how || nn_pattern_parts(row->theirs))
        return;
    cr_assert(nn_translate_name(t->place, true, ours, 0, again), "%s: %s has no name of theirs", t->place->dialect->what, ours);
    cr_expect_str_eq(again, theirs, "%s: %s -> %s -> %s", t->place->dialect->what, theirs, ours, again);
}

static void try_rows(Tables *t, const NnRow *rows, const NnCapture *numbers_1, const char *around)
{
    for (const NnRow *row = rows; row->theirs; row++) {
        char inner[NN_NAME], name[NN_NAME];
        const int parts = nn_pattern_parts(row->theirs);
        for (int part = 0; part < (parts ? parts : 1); part++) {
            if (parts && !nn_pattern_has_part(row->theirs, part))
                continue;
            spell_example(row->theirs, numbers_1, part, row->table ? "*" : "weight", inner);
            const size_t before = strcspn(around, "*");
            cr_assert_lt(snprintf(name, sizeof name, "%.*s%.200s", (int)before, around, inner), (int)sizeof name);
            if (row->table)
                try_rows(t, row->table, numbers_1, name);
            else
                there_and_back(t, row, name);
        }
    }
}

Test(dialects, every_table_goes_there_and_back)
{
    for (const NnDialect *const *d = nn_dialects; *d; d++) {
        const NnPlace place = { .dialect = *d, .at = "" };
        Tables t = { .place = &place };
        NnCapture ones = { .rest = NULL };
        for (int i = 0; i < 26; i++)
            ones.number[i] = 1;
        try_rows(&t, (*d)->rows, &ones, "*");
        cr_expect_gt(t.rows, 4, "%s", (*d)->what);
        cr_expect_not_null((*d)->package);
        cr_expect_not_null((*d)->ours);
    }
}

/* ---- from library to library ------------------------------------------------------------------------------------- */

static bool has(const NnConverted *c, const char *name)
{
    const DfArray *arrays;
    const int n = nn_converted_arrays(c, &arrays);
    for (int i = 0; i < n; i++)
        if (strcmp(arrays[i].name, name) == 0)
            return true;
    return false;
}

/* Arrays of these names, 1 x 1, under the names of a library. */
static NnConverted *converted(const char *const *names, const char *library)
{
    DfArray arrays[8];
    int n = 0;
    NnConverted *c = NULL;
    for (; names[n]; n++)
        arrays[n] = df_array(names[n], DF_F32, 2, (int64_t[]){ 1, 1 }, numbers);
    cr_assert_eq(nn_convert(&c, arrays, n, library, 0), DF_OK, "%s", df_error());
    return c;
}

Test(dialects, a_segmentor_is_written_whole_and_not_its_backbone_alone)
{
    static const char *const names[] = { "backbone.patch_embed1.proj.weight", "backbone.norm1.weight",
                                         "decode_head.conv_seg.weight", "decode_head.bottleneck.bn.weight", NULL };
    NnConverted *c = converted(names, "transformers");
    cr_expect(has(c, "backbone.encoder.layers.0.patch_embedding.proj.weight"));
    cr_expect(has(c, "decode_head.classifier.weight"));
    cr_expect(has(c, "decode_head.bottleneck.batch_norm.weight"));
    nn_converted_free(c);
}

Test(dialects, what_a_library_computes_is_not_written_for_it)
{
    static const char *const names[] = { "features.0.0.weight", "features.1.0.attn.qkv.weight",
                                         "features.1.0.attn.relative_position_bias_table",
                                         "features.1.0.attn.relative_position_index", NULL };
    static const char *const official[] = { "patch_embed.proj.weight", "layers.0.blocks.0.attn.proj.weight",
                                            "layers.0.blocks.0.attn_mask", NULL };
    NnConverted *c = converted(names, "timm");
    cr_expect(has(c, "layers.0.blocks.0.attn.relative_position_bias_table"));
    cr_expect_not(has(c, "layers.0.blocks.0.attn.relative_position_index"));
    nn_converted_free(c);
    c = converted(names, "official");
    cr_expect(has(c, "layers.0.blocks.0.attn.relative_position_index"));
    nn_converted_free(c);
    c = converted(official, "torchvision");
    cr_expect(has(c, "features.1.0.attn.proj.weight"));
    cr_expect_not(has(c, "layers.0.blocks.0.attn_mask"));
    nn_converted_free(c);
}

Test(dialects, a_resnet_has_the_names_that_the_library_wants)
{
    static const char *const resnet[] = { "conv1.weight", "layer1.0.bn1.weight", "fc.weight", NULL };
    static const char *const detr[] = { "backbone.0.body.layer1.0.conv2.weight", "input_proj.weight",
                                        "class_embed.weight", "transformer.encoder.layers.0.linear1.weight", NULL };
    NnConverted *c = converted(resnet, "timm");
    cr_expect(has(c, "layer1.0.bn1.weight"));
    nn_converted_free(c);
    c = converted(detr, "transformers");
    cr_expect(has(c, "model.backbone.conv_encoder.model.layer1.0.conv2.weight"));
    nn_converted_free(c);
    c = converted(detr, "transformers-resnet");
    cr_expect(has(c, "model.backbone.conv_encoder.model.encoder.stages.0.layers.0.layer.1.convolution.weight"));
    cr_expect(has(c, "model.encoder.layers.0.fc1.weight"));
    nn_converted_free(c);
}

/* ---- a file ------------------------------------------------------------------------------------------------------ */

static void add(NnArrays *arrays, const char *name, int64_t rows, int64_t columns, const float *data)
{
    const NnNamed named = { .array = df_array(name, DF_F32, 2, (int64_t[]){ rows, columns }, data), .key = name };
    cr_assert_eq(nn_arrays_add(arrays, &named), DF_OK);
}

static const DfArray *find(const NnArrays *arrays, const char *name)
{
    for (int i = 0; i < arrays->n; i++)
        if (!arrays->at[i].needless && strcmp(arrays->at[i].array.name, name) == 0)
            return &arrays->at[i].array;
    cr_assert_fail("there is no %s", name);
    return NULL;
}

static const NnRow example_rows[] = {
    NN_ROW("{q|k|v}.*", "qkv.*"),
    NN_ROW("joined", "{a|0|b}"),
    NN_ROW_EVERY("head.{n}.*", "heads.{n}.*", "layer.{n}"),
    NN_ROW("layer.{n}", "layers.{n}"),
    NN_ROWS_END
};
static const NnDialect example = { .package = "example", .what = "Example", .ours = "ours", .rows = example_rows };

Test(dialects, rows_are_joined_cut_and_repeated)
{
    const NnPlace place = { .dialect = &example, .at = "backbone." };
    NnArrays in, ours, again;
    float met[16];
    cr_assert_eq(nn_arrays_new(&in), DF_OK);
    add(&in, "backbone.v.weight", 1, 2, numbers + 4);
    add(&in, "backbone.q.weight", 1, 2, numbers);
    add(&in, "backbone.k.weight", 1, 2, numbers + 2);
    add(&in, "backbone.joined", 3, 1, numbers);
    add(&in, "backbone.layer.0", 1, 1, numbers);
    add(&in, "backbone.layer.2", 1, 1, numbers + 2);
    add(&in, "backbone.head.0.w", 1, 1, numbers + 7);
    add(&in, "neck.head.0.w", 1, 1, numbers);
    cr_assert_eq(nn_translate(&place, false, &in, &ours), DF_OK, "%s", df_error());
    df_array_f32(find(&ours, "backbone.qkv.weight"), met);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(met[i], numbers[i]);
    df_array_f32(find(&ours, "backbone.b"), met);
    cr_expect_eq(met[0], 2);
    df_array_f32(find(&ours, "backbone.heads.2.w"), met);
    cr_expect_eq(met[0], 7);
    find(&ours, "neck.head.0.w");
    cr_expect_eq(ours.n, 8);

    cr_assert_eq(nn_translate(&place, true, &ours, &again), DF_OK, "%s", df_error());
    df_array_f32(find(&again, "backbone.k.weight"), met);
    cr_expect_eq(met[1], 3);
    df_array_f32(find(&again, "backbone.joined"), met);
    cr_expect_eq(met[1], 0);
    cr_expect_eq(met[2], 2);
    nn_arrays_free(&again);
    nn_arrays_free(&ours);
    nn_arrays_free(&in);
}

Test(dialects, a_part_that_is_missing_is_named)
{
    const NnPlace place = { .dialect = &example, .at = "" };
    NnArrays in, ours = { 0 };
    cr_assert_eq(nn_arrays_new(&in), DF_OK);
    add(&in, "q.weight", 1, 2, numbers);
    add(&in, "v.weight", 1, 2, numbers);
    cr_expect_eq(nn_translate(&place, false, &in, &ours), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "q.weight is not in the file with all its parts: part 2 of 3 of qkv.weight is missing");
    nn_arrays_free(&ours);
    nn_arrays_free(&in);
}
