/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/cases.c -- many small cases in one file.
 */
#include "tests/support/cases.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DfConfig *options_of(const DfCheckpoint *file, const char *name)
{
    const char *listed = df_checkpoint_metadata(file, "cases");
    cr_assert_not_null(listed, "%s lists no cases", name);
    const size_t size = strlen(listed) + 16;
    char *text = df_malloc(size);
    cr_assert_not_null(text);
    snprintf(text, size, "{\"cases\": %s}", listed);
    DfConfig *config = NULL;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), name, false), DF_OK, "%s", df_error());
    df_free(text);
    return config;
}

Cases cases_open(const char *name)
{
    const char *folder = getenv("DEFORMER_TRAINING_CASES");
    Cases cases = { .file = folder ? golden_open("%s/unit/%s.safetensors", folder, name) : NULL };
    if (!cases.file)
        cases.file = golden_open(DF_TEST_DATA "/training/%s.safetensors", name);
    cr_assert_not_null(cases.file, "no cases %s", name);
    cases.config = options_of(cases.file, name);
    cases.options = df_node_get(df_config_root(cases.config), "cases")->first;
    return cases;
}

void cases_close(Cases *cases)
{
    df_config_free(cases->config);
    golden_close(cases->file);
    *cases = (Cases){ 0 };
}

const DfArray *case_array(const Cases *cases, int i, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "c%d.%s", i, name);
    return df_checkpoint_find(cases->file, full);
}

static size_t rows(const DfArray *array)
{
    return array && array->ndim ? (size_t)array->shape[0] : array != NULL;
}

float *case_f32(const Cases *cases, int i, const char *name, size_t *n)
{
    const DfArray *array = case_array(cases, i, name);
    if (n)
        *n = rows(array);
    return array ? golden_f32(cases->file, array->name) : NULL;
}

int *case_int(const Cases *cases, int i, const char *name, size_t *n)
{
    const DfArray *array = case_array(cases, i, name);
    if (n)
        *n = rows(array);
    if (!array)
        return NULL;
    int64_t *wide = golden_i64(cases->file, array->name);
    const size_t count = (size_t)df_array_count(array);
    int *numbers = df_malloc((count + 1) * sizeof *numbers);
    cr_assert_not_null(numbers);
    for (size_t k = 0; k < count; k++)
        numbers[k] = (int)wide[k];
    df_free(wide);
    return numbers;
}
