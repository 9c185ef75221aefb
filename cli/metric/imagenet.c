/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/imagenet.c -- deformer metric imagenet: accuracy of logits, or of a list of predictions against folders
 * of classes.
 *
 *   LOGITS.safetensors [--labels FILE]   `logits` [N, C]; labels from its array `labels` [N], or from FILE with one
 *                                        label a line, as the last word
 *   PREDICTIONS.txt DIR                  lines "NAME CLASS [CLASS ..]", best first; the right class is the folder of
 *                                        DIR that contains NAME. A class is the name of a folder or its index among
 *                                        the sorted folders, from 0
 *
 * ReaL labels are in the order of the images: rows of the logits, or sorted names.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/metric/metric.h"
#include "nn/nn.h"

typedef struct {
    DfTopk *acc;
    DfImageScores *scores; /* with --per-image */
    DfRealLabels real;
    char **names;     /* of classes, or NULL */
    int classes;
} Run;

static int begin(Run *r, int classes)
{
    r->classes = classes;
    int error = df_topk_new(&r->acc, classes);
    DfJson *json;
    if (error == DF_OK && cli_metric.per_image)
        error = df_image_scores_new(&r->scores, DF_IMAGES_TOPK, classes, (const char *const *)r->names);
    if (error < 0 || !cli_metric.real_labels)
        return error;
    if ((error = df_json_open(&json, cli_metric.real_labels)) < 0)
        return error;
    error = df_real_labels_read(&r->real, json, classes);
    df_json_close(json);
    return error;
}

/* `name`: NULL for a row of logits. */
static int add_score(Run *r, size_t image, const char *name, const int32_t best[DF_TOP], int32_t label)
{
    char number[24];
    bool within = false;
    snprintf(number, sizeof number, "%08zu", image);
    for (int i = 0; i < DF_TOP; i++)
        within |= best[i] == label;
    return df_image_scores_add_top(r->scores, name ? name : number, label, best[0] == label, within);
}

static int add(Run *r, size_t image, const char *name, const int32_t best[DF_TOP], int32_t label)
{
    int error = df_topk_add(r->acc, best, label);
    if (error == DF_OK && cli_metric.real_labels)
        error = df_topk_add_real(r->acc, best, r->real.labels + r->real.start[image],
                                 r->real.start[image + 1] - r->real.start[image]);
    if (error == DF_OK && r->scores)
        error = add_score(r, image, name, best, label);
    return error < 0 ? df_fail_in(error, "image %zu: ", image + 1) : DF_OK;
}

static int check_real(const Run *r, size_t images)
{
    if (!cli_metric.real_labels || r->real.n == images)
        return DF_OK;
    return df_fail(DF_EVALUE, "%s has real labels of %zu images, want %zu", cli_metric.real_labels, r->real.n, images);
}

/* ---- logits ------------------------------------------------------------------------------------------------------ */

static int labels_from_file(int64_t *labels, size_t n)
{
    CliLines lines;
    int error = cli_lines_read(&lines, cli_metric.labels);
    if (error == DF_OK && lines.n != n)
        error = df_fail(DF_EVALUE, "%s has %zu lines, want a label for each of %zu images", cli_metric.labels,
                        lines.n, n);
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        const char *last = strrchr(lines.line[i], ' ');
        const char *tab = strrchr(lines.line[i], '\t');
        const char *from = last > tab ? last : tab;
        char *end;
        from = from ? from + 1 : lines.line[i];
        labels[i] = strtoll(from, &end, 10);
        if (end == from || *end)
            error = df_fail(DF_EFORMAT, "%s: line %zu: '%.60s': want the number of a class", cli_metric.labels, i + 1,
                            from);
    }
    cli_lines_free(&lines);
    return error;
}

static int read_labels(const DfCheckpoint *file, const char *path, int64_t *labels, size_t n)
{
    if (cli_metric.labels)
        return labels_from_file(labels, n);
    const DfArray *array = df_checkpoint_find(file, "labels");
    if (!array || df_array_count(array) != (int64_t)n || df_dtype_is_float(array->dtype))
        return df_fail(DF_EVALUE, "%s: want an array `labels` of %zu integers beside the logits, or --labels FILE",
                       path, n);
    df_array_i64(array, labels);
    return DF_OK;
}

static int score_rows(Run *r, const DfArray *logits, const float *scores, const int64_t *labels)
{
    int error = check_real(r, (size_t)logits->shape[0]);
    for (int64_t i = 0; error == DF_OK && i < logits->shape[0]; i++) {
        int32_t best[DF_TOP];
        df_topk_rank(scores + i * logits->shape[1], r->classes, best);
        if (labels[i] < 0 || labels[i] >= r->classes)
            return df_fail(DF_EVALUE, "image %lld: label %lld: want 0 to %d", (long long)i + 1, (long long)labels[i],
                           r->classes - 1);
        error = add(r, (size_t)i, NULL, best, (int32_t)labels[i]);
    }
    return error;
}

static int score_logits(Run *r, const char *path)
{
    DfCheckpoint *file = NULL;
    float *scores = NULL;
    int64_t *labels = NULL;
    int error = df_checkpoint_open(&file, path, NULL);
    const DfArray *logits = error == DF_OK ? df_checkpoint_find(file, "logits") : NULL;
    if (error == DF_OK &&
        (!logits || logits->ndim != 2 || logits->shape[0] < 1 || logits->shape[1] < 1 || logits->shape[1] > 1 << 20))
        error = df_fail(DF_EVALUE, "%s: want an array `logits` [images, classes]", path);
    if (error == DF_OK) {
        scores = df_malloc((size_t)df_array_count(logits) * sizeof *scores);
        labels = df_malloc((size_t)logits->shape[0] * sizeof *labels);
        error = scores && labels ? read_labels(file, path, labels, (size_t)logits->shape[0]) : df_fail_memory("logits");
    }
    if (error == DF_OK)
        error = begin(r, (int)logits->shape[1]);
    if (error == DF_OK) {
        df_array_f32(logits, scores);
        error = score_rows(r, logits, scores, labels);
    }
    df_free(scores);
    df_free(labels);
    df_checkpoint_close(file);
    return error;
}

/* ---- predictions against folders --------------------------------------------------------------------------------- */

typedef struct {
    const char *name;    /* of the image, without its folder */
    const char *folder;
    size_t folder_length;
    int32_t label;
    bool seen;
} Image;

static int compare_images(const void *a, const void *b)
{
    return strcmp(((const Image *)a)->name, ((const Image *)b)->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool same_folder(const Image *a, const Image *b)
{
    return a->folder_length == b->folder_length && strncmp(a->folder, b->folder, a->folder_length) == 0;
}

/* The place of each image's folder among the sorted folders. */
static void number_classes(const Run *r, Image *images, size_t n, int classes)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && same_folder(&images[i - 1], &images[i])) {
            images[i].label = images[i - 1].label;
            continue;
        }
        for (int k = 0; k < classes; k++)
            if (strlen(r->names[k]) == images[i].folder_length &&
                strncmp(r->names[k], images[i].folder, images[i].folder_length) == 0)
                images[i].label = k;
    }
}

/* Files come sorted, so those of one folder follow each other. */
static int list_images(Run *r, const CliFiles *files, const char *dir, Image *images, int *classes)
{
    size_t capacity = 0;
    for (size_t i = 0; i < files->n; i++) {
        const char *path = files->name[i], *slash = strchr(path, '/');
        if (!slash)
            return df_fail(DF_EVALUE, "%s/%s is not in a class folder: want %s/CLASS/IMAGE", dir, path, dir);
        const size_t length = (size_t)(slash - path);
        images[i] = (Image){ strrchr(path, '/') + 1, path, length, 0, false };
        if (i == 0 || !same_folder(&images[i - 1], &images[i])) {
            if (!df_grow((void **)&r->names, &capacity, (size_t)*classes, sizeof *r->names) ||
                !(r->names[*classes] = df_malloc(length + 1)))
                return df_fail_memory("classes");
            memcpy(r->names[*classes], path, length);
            r->names[(*classes)++][length] = 0;
        }
    }
    if (*classes)
        qsort(r->names, (size_t)*classes, sizeof *r->names, compare_names);
    number_classes(r, images, files->n, *classes);
    return DF_OK;
}

static int class_of(const Run *r, const char *word)
{
    char *end;
    for (int k = 0; k < r->classes; k++)
        if (strcmp(r->names[k], word) == 0)
            return k;
    const long number = strtol(word, &end, 10);
    return *word && !*end && number >= 0 && number < r->classes ? (int)number : -1;
}

static int take_line(Run *r, const char *path, size_t number, char *line, Image *images, size_t n)
{
    static const char blanks[] = " \t,;";
    char *rest = NULL, *word = strtok_r(line, blanks, &rest);
    int32_t best[DF_TOP] = { -1, -1, -1, -1, -1 };
    if (!word)
        return DF_OK;
    const char *name = strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
    Image *image = bsearch(&(Image){ .name = name }, images, n, sizeof *images, compare_images);
    if (!image)
        return df_fail(DF_EVALUE, "%s: line %zu: no image is named %.80s", path, number, name);
    if (image->seen)
        return df_fail(DF_EVALUE, "%s: line %zu: %.80s is listed twice", path, number, name);
    image->seen = true;
    for (int i = 0; i < DF_TOP && (word = strtok_r(NULL, blanks, &rest)); i++)
        if ((best[i] = class_of(r, word)) < 0)
            return df_fail(DF_EVALUE,
                           "%s: line %zu: '%.60s' is neither the name of a class folder nor a number from 0 to %d",
                           path, number, word, r->classes - 1);
    if (best[0] < 0)
        return df_fail(DF_EFORMAT, "%s: line %zu: %.80s has no class: want NAME CLASS [CLASS ..]", path, number, name);
    return add(r, (size_t)(image - images), image->name, best, image->label);
}

static int score_lines(Run *r, const char *path, Image *images, size_t n)
{
    CliLines lines;
    int error = cli_lines_read(&lines, path);
    for (size_t i = 0; error == DF_OK && i < lines.n; i++)
        error = take_line(r, path, i + 1, lines.line[i], images, n);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        if (!images[i].seen)
            error = df_fail(DF_EVALUE, "%s has no line for %s", path, images[i].folder);
    cli_lines_free(&lines);
    return error;
}

static int score_predictions(Run *r, const char *path, const char *dir)
{
    CliFiles files;
    int classes = 0, error = cli_files_list(&files, dir, "");
    Image *images = error == DF_OK ? df_calloc(files.n + 1, sizeof *images) : NULL;
    if (error == DF_OK && !images)
        error = df_fail_memory("images");
    if (error == DF_OK)
        error = list_images(r, &files, dir, images, &classes);
    r->classes = classes;
    if (error == DF_OK && classes == 0)
        error = df_fail(DF_EVALUE, "%s: no images: want CLASS/IMAGE in it", dir);
    if (error == DF_OK)
        error = begin(r, classes);
    if (error == DF_OK && (error = check_real(r, files.n)) == DF_OK) {
        qsort(images, files.n, sizeof *images, compare_images);
        for (size_t i = 1; error == DF_OK && i < files.n; i++)
            if (strcmp(images[i - 1].name, images[i].name) == 0)
                error = df_fail(DF_EVALUE, "%s and %s have the same name: want names that differ",
                                images[i - 1].folder, images[i].folder);
        if (error == DF_OK)
            error = score_lines(r, path, images, files.n);
    }
    df_free(images);
    cli_files_free(&files);
    return error;
}

/* ---- the metric -------------------------------------------------------------------------------------------------- */

static int print(const Run *r)
{
    const DfTopkResult result = df_topk_result(r->acc);
    const char *const *names = (const char *const *)r->names;
    char *table = NULL, *json = NULL;
    int error = cli_metric_wants_table() ? df_topk_table(&result, names, cli_metric.per_class, &table) : DF_OK;
    if (error == DF_OK && cli_metric.json)
        error = df_topk_json(&result, names, &json);
    return cli_metric_tell(error, table, json);
}

static int run(int n, const char *const *args)
{
    Run r = { 0 };
    int error = cli_check_outputs(2, (const char *const[]){ cli_metric.json, cli_metric.per_image });
    if (error == DF_OK)
        error = n == 1 ? score_logits(&r, args[0]) : score_predictions(&r, args[0], args[1]);
    if (error == DF_OK)
        error = print(&r);
    if (error == DF_OK && r.scores)
        error = df_image_scores_write(r.scores, cli_metric.per_image);
    for (int k = 0; r.names && k < r.classes; k++)
        df_free(r.names[k]);
    df_free(r.names);
    df_topk_free(r.acc);
    df_image_scores_free(r.scores);
    df_real_labels_free(&r.real);
    return error;
}

const CliSubcommand cli_metric_imagenet = { "imagenet",
"LOGITS.safetensors [--labels FILE] | PREDICTIONS.txt DIR", 1, 2,
                                        run };
