/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/wrappers.c -- RepeatDataset, ClassBalancedDataset, ConcatDataset and MultiImageMixDataset: each
 * only changes the list of samples of the datasets inside it.
 */
#include "datasets/training/wrappers.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "datasets/object_types.h"
#include "datasets/segmentation_types.h"

/* ---- the list --------------------------------------------------------------------------------------------------- */

static int add_sample(DfTrainingSet *set, DfSampleOf sample)
{
    if (set->n >= INT_MAX / 2)
        return df_fail(DF_EVALUE, "more than %d samples in a training set", INT_MAX / 2);
    if (!df_grow((void **)&set->sample, &set->sample_capacity, (size_t)set->n, sizeof *set->sample))
        return df_fail_memory("a training set");
    set->sample[set->n++] = sample;
    return DF_OK;
}

/* Repeats the samples from `first` on until they are there `times` times. */
static int repeat(DfTrainingSet *set, int first, int times)
{
    const int n = set->n - first;
    int error = DF_OK;
    for (int k = 1; k < times; k++)
        for (int i = 0; error == DF_OK && i < n; i++)
            error = add_sample(set, set->sample[first + i]);
    return error;
}

/* ---- ClassBalancedDataset --------------------------------------------------------------------------------------- */

/* Repeat factors of Gupta et al., 2019, as mmdet computes them. Per class c, with `n` samples in all:
 *     f(c) = samples that contain c / n,   r(c) = max(1, sqrt(oversample_thr / f(c)))
 * A sample is there ceil(max over its classes of r(c)) times. */
typedef struct {
    int n_classes;       /* and one for pictures without objects, and one for all that is not learnt */
    int sample;          /* that is counted                                                          */
    bool any;            /* it has a class                                                           */
    int *samples;        /* [n_classes + 2]: that contain the class                                  */
    int *last;           /* [n_classes + 2]: the sample that was counted last, + 1                   */
    double *repeat;      /* [n_classes + 2]: r(c)                                                    */
    double largest;      /* of the classes of a sample                                               */
} Balance;

static int slot_of(const Balance *b, int label)
{
    return label < 0 ? b->n_classes + 1 : label;
}

static void count_class(void *arg, int label)
{
    Balance *b = arg;
    const int c = slot_of(b, label);
    if (b->last[c] != b->sample + 1)
        b->samples[c]++;
    b->last[c] = b->sample + 1;
    b->any = true;
}

static void take_largest(void *arg, int label)
{
    Balance *b = arg;
    b->largest = fmax(b->largest, b->repeat[slot_of(b, label)]);
}

static void tell_classes(const DfTrainingSet *set, DfSampleOf sample, Balance *b, void (*tell)(void *, int))
{
    const DfSource *source = set->source[sample.source];
    source->kind->classes_in(source, sample.index, tell, b);
}

/* Where empty pictures are not filtered out, "no object" is a class of its own. */
static int count_classes(const DfTrainingSet *set, int first, bool filter_empty, double threshold, Balance *b)
{
    const int n = set->n - first;
    const size_t slots = (size_t)b->n_classes + 2;
    b->samples = df_arena_alloc(set->arena, slots, sizeof *b->samples);
    b->last = df_arena_alloc(set->arena, slots, sizeof *b->last);
    b->repeat = df_arena_alloc(set->arena, slots, sizeof *b->repeat);
    if (!b->samples || !b->last || !b->repeat)
        return df_fail_memory("a training set");
    for (b->sample = 0; b->sample < n; b->sample++) {
        b->any = false;
        tell_classes(set, set->sample[first + b->sample], b, count_class);
        if (!b->any && !filter_empty)
            count_class(b, b->n_classes);
    }
    for (size_t c = 0; c < slots; c++)
        if (b->samples[c])
            b->repeat[c] = fmax(1.0, sqrt(threshold / ((double)b->samples[c] / n)));
    return DF_OK;
}

static int times_of(const DfTrainingSet *set, DfSampleOf sample, bool filter_empty, Balance *b)
{
    b->largest = 0;
    tell_classes(set, sample, b, take_largest);
    if (b->largest == 0 && !filter_empty)
        b->largest = b->repeat[b->n_classes];
    return b->largest < 1 ? 1 : (int)ceil(b->largest);
}

static int balance(DfTrainingSet *set, int first, const DfNode *dict)
{
    const double threshold = df_node_number(df_node_get(dict, "oversample_thr"), NAN);
    const bool filter_empty = df_node_bool(df_node_get(dict, "filter_empty_gt"), true);
    const int n = set->n - first;
    if (!(threshold > 0 && threshold <= 1))
        return df_node_fail(dict, DF_EVALUE, "oversample_thr: want a number above 0, at most 1");
    if (!set->source[set->sample[first].source]->kind->classes_in)
        return df_node_fail(dict, DF_EVALUE, "ClassBalancedDataset of label maps: want one of objects or classes");
    Balance b = { .n_classes = set->source[set->sample[first].source]->classes.n };
    DfSampleOf *once = df_malloc(((size_t)n + 1) * sizeof *once);
    int error = once ? count_classes(set, first, filter_empty, threshold, &b) : df_fail_memory("a training set");
    if (error == DF_OK)
        memcpy(once, set->sample + first, (size_t)n * sizeof *once);
    set->n = first;
    for (int i = 0; error == DF_OK && i < n; i++)
        for (int k = times_of(set, once[i], filter_empty, &b); error == DF_OK && k > 0; k--)
            error = add_sample(set, once[i]);
    df_free(once);
    return error;
}

/* ---- the wrappers ----------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *dataset, *datasets, *pipeline;
    double oversample_thr;
    bool filter_empty_gt;
    int times, dynamic_scale, skip_type_keys;
} Options;

static const DfOpt repeat_opts[] = {
    DF_OPT_DICT(Options, dataset, NULL, "the dataset that is repeated"),
    DF_OPT_ROW(Options, times, DF_KIND_INT, NULL, 1, 1000000, NULL, "how many times an epoch goes through it"),
    DF_OPT_END
};
static const DfOpt balanced_opts[] = {
    DF_OPT_DICT(Options, dataset, NULL, "the dataset whose pictures are repeated"),
    DF_OPT_ROW(Options, oversample_thr, DF_KIND_FLOAT, NULL, 0, 1, NULL,
               "pictures of classes that are in fewer than this share are repeated"),
    DF_OPT_BOOL(Options, filter_empty_gt, True, "False: \"no object\" counts as a class"),
    DF_OPT_END
};
static const DfOpt concat_opts[] = {
    DF_OPT_NODE(Options, datasets, NULL, "list of datasets, joined one after the other"),
    DF_OPT_UNUSED(separate_eval, "score datasets separately; there is only one here"),
    DF_OPT_UNUSED(ignore_keys, "metadata that may differ between the datasets; their classes must be the same"),
    DF_OPT_END
};
static const DfOpt mix_opts[] = {
    DF_OPT_DICT(Options, dataset, NULL, "the dataset that the pictures come from"),
    DF_OPT_NODE(Options, pipeline, NULL, "list of transforms that mix several prepared pictures: Mosaic, MixUp"),
    DF_OPT_ENUM(Options, dynamic_scale, None, "None", "YOLOX's own resizing; use Resize in the pipeline"),
    DF_OPT_ENUM(Options, skip_type_keys, None, "None", "transforms to skip; remove them from the pipeline instead"),
    DF_OPT_UNUSED(max_refetch, "number of other pictures tried when one has no objects left"),
    DF_OPT_END
};

static int add_list(DfTrainingSet *set, const DfNode *list, const char *data_dir)
{
    int error = DF_OK;
    if (!list || list->kind != DF_NODE_LIST)
        return df_fail(DF_EVALUE, "datasets: want a list of dataset dicts");
    for (const DfNode *node = list->first; error == DF_OK && node; node = node->next)
        error = df_training_add(set, node, data_dir);
    return error;
}

static int add_repeat(DfTrainingSet *set, const Options *o, const DfNode *dict, const char *data_dir)
{
    const int first = set->n;
    (void)dict;
    const int error = df_training_add(set, o->dataset, data_dir);
    return error < 0 ? error : repeat(set, first, o->times);
}

static int add_balanced(DfTrainingSet *set, const Options *o, const DfNode *dict, const char *data_dir)
{
    const int first = set->n;
    const int error = df_training_add(set, o->dataset, data_dir);
    return error < 0 ? error : balance(set, first, dict);
}

static int add_concat(DfTrainingSet *set, const Options *o, const DfNode *dict, const char *data_dir)
{
    (void)dict;
    return add_list(set, o->datasets, data_dir);
}

static int add_mix(DfTrainingSet *set, const Options *o, const DfNode *dict, const char *data_dir)
{
    if (set->mix_pipeline || set->n)
        return df_node_fail(dict, DF_EVALUE, "MultiImageMixDataset inside a list or another one: want it outermost");
    set->mix_pipeline = o->pipeline;
    return df_training_add(set, o->dataset, data_dir);
}

const DfDatasetType df_dataset_RepeatDataset = {
    "RepeatDataset", "in training: a dataset several times an epoch", repeat_opts
};
const DfDatasetType df_dataset_ClassBalancedDataset = {
    "ClassBalancedDataset", "in training: repeats pictures of rare classes (Gupta et al., CVPR 2019)", balanced_opts
};
const DfDatasetType df_dataset_ConcatDataset = {
    "ConcatDataset", "in training: several datasets, one after the other", concat_opts
};
const DfDatasetType df_dataset_MultiImageMixDataset = {
    "MultiImageMixDataset", "in training: transforms that mix several pictures", mix_opts
};

static const struct {
    const DfDatasetType *type;
    int (*add)(DfTrainingSet *, const Options *, const DfNode *dict, const char *data_dir);
} wrappers[] = {
    { &df_dataset_RepeatDataset, add_repeat },
    { &df_dataset_ClassBalancedDataset, add_balanced },
    { &df_dataset_ConcatDataset, add_concat },
    { &df_dataset_MultiImageMixDataset, add_mix },
};

/* ---- the datasets ----------------------------------------------------------------------------------------------- */

/* mmpretrain has a CustomDataset, too: a folder for each class, without img_dir. */
static const DfSourceKind *kind_of(const DfNode *dict)
{
    DfObjectType objects;
    DfSegmentationType maps;
    const char *type = df_node_text(df_node_get(dict, "type"), "");
    const DfNode *prefix = df_node_get(dict, "data_prefix");
    const bool has_maps = df_node_get(dict, "img_dir") != NULL;
    if (strcmp(type, "ImageNet") == 0)
        return &df_source_folders;
    if (strcmp(type, "CustomDataset") == 0 && prefix && prefix->kind == DF_NODE_TEXT)
        return &df_source_folders;
    if (df_segmentation_type(&maps, type) && (has_maps || !df_object_type(&objects, type)))
        return &df_source_label_maps;
    return df_object_type(&objects, type) ? &df_source_coco : NULL;
}

/* The first LoadAnnotations of a pipeline, also within the transforms that hold others. */
static const DfNode *find_loading(const DfNode *node)
{
    if (!node || (node->kind != DF_NODE_LIST && node->kind != DF_NODE_DICT))
        return NULL;
    if (strcmp(df_node_text(df_node_get(node, "type"), ""), "LoadAnnotations") == 0)
        return node;
    const DfNode *found = NULL;
    for (const DfNode *child = node->first; child && !found; child = child->next)
        found = find_loading(child);
    return found;
}

static bool same_classes(const DfClasses *a, const DfClasses *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++)
        same = strcmp(a->name[i], b->name[i]) == 0;
    return same;
}

static int check_alike(const DfTrainingSet *set, const DfSource *source)
{
    const DfSource *first = set->source[0];
    if (source->kind != first->kind)
        return df_node_fail(source->dict, DF_EVALUE, "a dataset of another kind than the first of the training set");
    if (!same_classes(&source->classes, &first->classes))
        return df_node_fail(source->dict, DF_EVALUE,
                            "its %d classes are not the %d of the first dataset, in the same order",
                            source->classes.n, first->classes.n);
    return DF_OK;
}

static DfSource *new_source(DfTrainingSet *set, const DfSourceKind *kind, const DfNode *dict)
{
    DfSource *source = df_arena_alloc(set->arena, 1, sizeof *source);
    if (!source || !df_grow((void **)&set->source, &set->source_capacity, (size_t)set->n_sources, sizeof *set->source))
        return NULL;
    source->kind = kind;
    source->arena = set->arena;
    source->dict = dict;
    source->pipeline = df_node_get(dict, "pipeline");
    source->loading = find_loading(source->pipeline);
    source->masks = set->masks || df_node_bool(df_node_get(source->loading, "with_mask"), false);
    set->source[set->n_sources++] = source;
    return source;
}

static int add_part(DfTrainingSet *set, const DfSourceKind *kind, const DfNode *dict, const char *data_dir, int part)
{
    DfSource *source = new_source(set, kind, dict);
    int error = source ? kind->open(source, data_dir, part) : df_fail_memory("a training set");
    if (error == DF_OK)
        error = check_alike(set, source);
    for (int i = 0; error == DF_OK && i < source->n; i++)
        error = add_sample(set, (DfSampleOf){ set->n_sources - 1, i });
    return error;
}

static int add_dataset(DfTrainingSet *set, const DfNode *dict, const char *data_dir)
{
    const DfSourceKind *kind = kind_of(dict);
    int parts;
    if (!kind)
        return df_dataset_type_fail(dict, "a dataset that can be learnt from");
    int error = df_dataset_parts(&parts, dict);
    for (int part = 0; error == DF_OK && part < parts; part++)
        error = add_part(set, kind, dict, data_dir, part);
    return error;
}

int df_training_add(DfTrainingSet *set, const DfNode *dataset, const char *data_dir)
{
    if (dataset && dataset->kind == DF_NODE_LIST)
        return add_list(set, dataset, data_dir);
    if (!dataset || dataset->kind != DF_NODE_DICT)
        return df_fail(DF_EVALUE, "no training set: want a dataset dict as data.train");
    const char *type = df_node_text(df_node_get(dataset, "type"), "");
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strcmp(type, wrappers[i].type->name) == 0) {
            Options o;
            const int error = df_bind(dataset, wrappers[i].type->opts, &o, set->arena, type);
            return error < 0 ? error : wrappers[i].add(set, &o, dataset, data_dir);
        }
    return add_dataset(set, dataset, data_dir);
}
