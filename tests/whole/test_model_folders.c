/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/whole/test_model_folders.c -- folders of models as transformers writes them, opened as config and checkpoint:
 * what is found on a picture is what the library finds.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/inference.h"
#include "tests/support/golden.h"

#define CASES DF_TEST_DATA "/model_folders"

typedef struct {
    DfDetector *detector;
    DfResult found;
    DfCheckpoint *expected;
} Case;

static void open_case(Case *k, const char *name)
{
    char path[1024];
    DfImage picture;
    snprintf(path, sizeof path, CASES "/%s", name);
    cr_assert_eq(df_detector_open(&k->detector, path, path, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read(&picture, CASES "/picture.png"), DF_OK, "%s", df_error());
    cr_assert_eq(df_detector_run(k->detector, &picture, 1, &k->found), DF_OK, "%s", df_error());
    df_image_free(&picture);
    k->expected = golden_open(CASES "/%s.safetensors", name);
}

static void close_case(Case *k)
{
    df_result_done(&k->found);
    df_detector_close(k->detector);
    golden_close(k->expected);
}

static void compare(const Case *k)
{
    const DfDetections *found = &k->found.detections;
    const DfArray *scores = golden_get(k->expected, "scores");
    const size_t n = (size_t)df_array_count(scores);
    float *score = df_malloc(n * sizeof *score);
    float *box = df_malloc(4 * n * sizeof *box);
    int64_t *label = golden_i64(k->expected, "labels");
    cr_assert(score && box && label);
    df_array_f32(scores, score);
    df_array_f32(golden_get(k->expected, "boxes"), box);
    cr_assert_eq(found->n, n, "%zu detections, want %zu", found->n, n);
    for (size_t i = 0; i < n; i++) {
        const DfDetection *d = &found->v[i];
        const size_t at = found->by_query ? d->index : i;
        cr_expect(fabsf(d->score - score[at]) < 2e-4f, "score %zu", at);
        cr_expect_eq(d->label, (int)label[at], "label %zu", at);
        for (int c = 0; c < 4; c++)
            cr_expect(fabsf(d->box[c] - box[4 * at + (size_t)c]) < 0.05f, "box %zu", at);
    }
    df_free(score);
    df_free(box);
    df_free(label);
}

Test(model_folders, detr_with_masks)
{
    Case k;
    open_case(&k, "detr_masks");
    compare(&k);
    cr_expect(df_model_has_masks(df_detector_model(k.detector)));
    cr_expect_eq(strcmp(df_detector_class_name(k.detector, 2), "a \"b\""), 0);
    close_case(&k);
}

/* Its weights are in three files, its box heads in the decoder. */
Test(model_folders, deformable_detr_of_two_stages)
{
    Case k;
    open_case(&k, "deformable_two_stage");
    compare(&k);
    close_case(&k);
}

/* With that key the decoder goes on with normed states. */
Test(model_folders, detr_with_auxiliary_loss)
{
    Case k;
    open_case(&k, "detr_auxiliary_loss");
    compare(&k);
    close_case(&k);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void refuse_index(const char *text, const char *sentence)
{
    DfCheckpoint *file;
    char *folder = df_temporary_folder();
    char *path = df_path_join(folder, "model.safetensors.index.json");
    cr_assert_eq(df_file_write_text(path, text), DF_OK, "%s", df_error());
    cr_expect(df_checkpoint_open(&file, folder, NULL) < 0, "%s", text);
    cr_expect(strstr(df_error(), sentence) != NULL, "%s: %s", text, df_error());
    df_free(path);
    df_remove_folder(folder, (const char *const[]){ "model.safetensors.index.json", NULL });
    df_free(folder);
}

Test(model_folders, an_index_names_files_beside_it)
{
    refuse_index("{\"weight_map\": {\"a\": \"../a.safetensors\"}}", "want the name of a file in the same folder");
    refuse_index("{\"weight_map\": {\"a\": \"model.safetensors.index.json\"}}", "want the name of a file in the same");
    refuse_index("{\"weight_map\": {\"a\": \"b.safetensors\"}}", "No such file");
    refuse_index("{\"weight_map\": {}}", "want `weight_map`");
    refuse_index("[]", "want an object");
    refuse_index("{\"weight_map\": {\"a\": 1}}", "want the name of a file");
}
