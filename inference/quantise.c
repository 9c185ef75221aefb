/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/quantise.c -- chooses which weights of a network are quantised to 8 bits. Rounding errors of different
 * layers are nearly independent, so the squares of their effects add up. This predicts how many of the worst weights
 * to keep in float32; a pass then checks it.
 */
#include "inference/quantise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/calibration.h"
#include "inference/parts.h"

enum { MOST_OUTPUTS = 64 };

/* The outputs of one picture, in float32. */
typedef struct {
    DfViews views;
    float *output[MOST_OUTPUTS];
    size_t size[MOST_OUTPUTS];
    int n;
} Probe;

typedef struct {
    DfDetector *d;
    const DfQuantiseOptions *o;
    Calibration inputs;
    Probe *probe;
    int n_probes, n_heard_probes;
    DfQuantization **quantization; /* [report.n]: of each layer       */
    DfTensor **weight;             /* [report.n]                      */
    int *order;                    /* [report.n]: layers, worst first */
    DfQuantisedReport report;
    long done, passes;
} Work;

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

/* What a network gives, before it is decoded. What leads to it (the maps of a backbone, of a pyramid) is heard, too,
 * and left out. */
static bool is_output(const char *name)
{
    static const char *const outputs[] = { "logits", "cls_score", "bbox_pred", "rpn_cls_score", "rpn_bbox_pred",
                                           "mask_logits", "decode_logits", "pred_", "enc_logits", "out" };
    if (name[0] == 's' && name[1] >= '0' && name[1] <= '9' && name[2] == '_')
        name += 3; /* a stage of a cascade */
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        if (df_starts_with(name, outputs[i]))
            return true;
    return false;
}

/* Hears a pass: the first time keeps its outputs, then adds up how far they are from those. */
typedef struct {
    Probe *probe;
    bool first;
    int n;
    double sum; /* of squared relative errors */
    int error;
} Ear;

static int keep_output(Probe *probe, const DfTensor *x)
{
    const size_t n = df_size(x);
    float *copy = df_malloc((n + 1) * sizeof *copy);
    if (!copy)
        return df_fail_memory("the outputs of a network");
    memcpy(copy, x->data, n * sizeof *copy);
    probe->output[probe->n] = copy;
    probe->size[probe->n++] = n;
    return DF_OK;
}

static double relative_error(const float *y, const float *y0, size_t n)
{
    double mean = 0, spread = 0, error = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)y0[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        spread += ((double)y0[i] - mean) * ((double)y0[i] - mean);
        error += ((double)y[i] - (double)y0[i]) * ((double)y[i] - (double)y0[i]);
    }
    return spread > 0 ? error / spread : error;
}

static void hear(void *user, const char *name, const DfTensor *x)
{
    Ear *ear = user;
    Probe *probe = ear->probe;
    if (ear->error < 0 || !x->data || ear->n == MOST_OUTPUTS || !is_output(name))
        return;
    if (ear->first)
        ear->error = keep_output(probe, x);
    else if (ear->n < probe->n && probe->size[ear->n] == df_size(x))
        ear->sum += relative_error(x->data, probe->output[ear->n], df_size(x));
    ear->n++;
}

static int run_probe(Work *w, Probe *probe, bool first, double *sum)
{
    DetectorInput input;
    Ear ear = { .probe = probe, .first = first };
    int error = df_detector_input(&input, w->d, &probe->views, true);
    if (error < 0)
        return error;
    df_listen(w->d->c, hear, false, &ear);
    df_model_forward(w->d->model, w->d->c, input.image[0]);
    df_listen(w->d->c, NULL, false, NULL);
    error = df_ctx_error(w->d->c);
    df_reset(w->d->c);
    *sum += ear.sum;
    return error < 0 ? error : ear.error;
}

static bool goes_on(Work *w)
{
    return !w->o->progress || w->o->progress(w->o->progress_user, w->done, w->passes);
}

/* One pass over all probes; *loss as DfQuantisedReport has it. */
static int measure(Work *w, bool first, double *loss)
{
    double sum = 0;
    int outputs = 0;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < w->n_probes; i++) {
        error = run_probe(w, &w->probe[i], first, &sum);
        outputs += w->probe[i].n;
        w->done++;
        if (error == DF_OK && !goes_on(w))
            error = df_fail(DF_EINTERRUPT, "stopped after %ld of at most %ld passes", w->done, w->passes);
    }
    *loss = outputs ? sqrt(sum / outputs) : 0;
    if (error == DF_OK && outputs == 0)
        error = df_fail(DF_EVALUE, "the network gives no outputs that could be compared");
    return error;
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

/* A picture is run to its end, as in a prediction: heads that see regions see those that were found. The first ones
 * stay, for probes. */
static int take_picture(Work *w, const char *path)
{
    DfSample sample;
    DfResult result;
    df_sample_load(&sample, df_detector_pipeline(w->d), path, false);
    const int error = df_detector_run_sample(w->d, &sample, &result);
    df_result_done(&result);
    df_reset(w->d->c);
    if (error == DF_OK && w->n_heard_probes < w->n_probes) {
        w->probe[w->n_heard_probes++].views = sample.views;
        sample.views = (DfViews){ 0 };
    }
    df_sample_free(&sample);
    w->done++;
    return error;
}

static int listen_to_pictures(Work *w, const char *const *pictures, int n)
{
    int error = goes_on(w) ? DF_OK : df_fail(DF_EINTERRUPT, "stopped before the first picture");
    df_calibration_listen(&w->inputs, w->d->c, true);
    for (int i = 0; error == DF_OK && i < n; i++) {
        error = take_picture(w, pictures[i]);
        if (error == DF_OK && !goes_on(w))
            error = df_fail(DF_EINTERRUPT, "stopped after %d of %d pictures", i + 1, n);
    }
    df_calibration_listen(&w->inputs, w->d->c, false);
    return error;
}

/* ---- layers ------------------------------------------------------------------------------------------------------ */

static bool is_named(const DfQuantiseOptions *o, const char *name)
{
    for (int i = 0; i < o->n_keep; i++)
        if (df_starts_with(name, o->keep[i]))
            return true;
    return false;
}

static int add_layer(Work *w, const CalibratedInput *in)
{
    DfQuantisedReport *r = &w->report;
    DfQuantisedLayer *layer = &r->layer[r->n];
    *layer = (DfQuantisedLayer){ .name = in->param->name };
    if (in->bad)
        return df_fail(DF_EVALUE,
                       "the input of %s has numbers that are NaN or infinite: want weights that were trained with this "
                       "config",
                       in->param->name);
    df_calibration_range(in, w->o->method, &layer->low, &layer->high);
    const int error = nn_param_quantise(df_model_weights(w->d->model), in->param, layer->low, layer->high);
    if (error < 0)
        return error;
    w->weight[r->n] = in->param->tensor;
    w->quantization[r->n++] = in->param->tensor->quantization;
    in->param->tensor->quantization = NULL;
    return DF_OK;
}

/* The weights that were heard and may be in 8 bits; all are in float32 still. */
static int list_layers(Work *w)
{
    const size_t room = (size_t)w->inputs.n + 1;
    w->report.layer = df_calloc(room, sizeof *w->report.layer);
    w->quantization = df_calloc(room, sizeof *w->quantization);
    w->weight = df_calloc(room, sizeof *w->weight);
    w->order = df_calloc(room, sizeof *w->order);
    int error = w->report.layer && w->quantization && w->weight && w->order ? DF_OK : df_fail_memory("a calibration");
    for (int i = 0; error == DF_OK && i < w->inputs.n; i++) {
        const CalibratedInput *in = w->inputs.input[i];
        if (in->heard && !is_named(w->o, in->param->name))
            error = add_layer(w, in);
    }
    if (error == DF_OK && w->report.n == 0)
        error = df_fail(DF_EVALUE, "no weight is left that could be in 8 bits");
    return error;
}

static void choose(Work *w, int layer, bool int8)
{
    w->weight[layer]->quantization = int8 ? w->quantization[layer] : NULL;
    w->report.layer[layer].kept = !int8;
}

static int measure_each(Work *w)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < w->report.n; i++) {
        choose(w, i, true);
        error = measure(w, false, &w->report.layer[i].loss);
        choose(w, i, false);
    }
    return error;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static void sort_by_loss(Work *w)
{
    const DfQuantisedLayer *layer = w->report.layer;
    for (int i = 0; i < w->report.n; i++) {
        int at = i;
        for (; at > 0 && layer[w->order[at - 1]].loss < layer[i].loss; at--)
            w->order[at] = w->order[at - 1];
        w->order[at] = i;
    }
}

/* The loss that the layers from the n-th worst on should have together. */
static double expected(const Work *w, int kept)
{
    double all = 0, rest = 0;
    for (int i = 0; i < w->report.n; i++) {
        const double loss = w->report.layer[w->order[i]].loss;
        all += loss * loss;
        rest += i >= kept ? loss * loss : 0;
    }
    return all > 0 ? w->report.loss_all * sqrt(rest / all) : 0;
}

static int keep_worst(Work *w, int kept)
{
    for (int i = 0; i < w->report.n; i++)
        choose(w, w->order[i], i >= kept);
    w->report.kept = kept;
    return kept < w->report.n ? measure(w, false, &w->report.loss) : DF_OK;
}

static int search(Work *w)
{
    const double budget = w->o->budget > 0 ? w->o->budget : DF_QUANTISE_BUDGET;
    DfQuantisedReport *r = &w->report;
    int kept = 0;
    int error = keep_worst(w, 0);
    r->loss_all = r->loss;
    while (error == DF_OK && r->loss > budget && kept < r->n) {
        const int least = kept + 1 + kept / 4;
        while (kept < r->n && (kept < least || expected(w, kept) > budget))
            kept++;
        r->loss = 0;
        error = keep_worst(w, kept);
    }
    if (error == DF_OK && kept == r->n)
        error = df_fail(DF_EVALUE, "a loss of at most %g would leave all %d weights in float32: want a larger budget",
                        budget, r->n);
    return error;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void forget(Work *w, int error)
{
    for (int i = 0; error < 0 && w->weight && i < w->report.n; i++)
        w->weight[i]->quantization = NULL;
    for (int i = 0; w->probe && i < w->n_probes; i++) {
        for (int k = 0; k < w->probe[i].n; k++)
            df_free(w->probe[i].output[k]);
        df_views_free(&w->probe[i].views);
    }
    df_free(w->probe);
    df_free(w->quantization);
    df_free(w->weight);
    df_free(w->order);
    df_calibration_done(&w->inputs);
}

static int prepare(Work *w, int n)
{
    NnModel *weights = df_model_weights(w->d->model);
    if (nn_model_quantised(weights))
        return df_fail(DF_EVALUE, "the weights are in 8 bits already: want those in float32");
    w->n_probes = df_clamp_int(w->o->probes > 0 ? w->o->probes : 4, 1, n);
    w->probe = df_calloc((size_t)w->n_probes, sizeof *w->probe);
    const int error = w->probe ? df_calibration_new(&w->inputs, weights) : df_fail_memory("a calibration");
    w->passes = n + (long)w->n_probes * (w->inputs.n + 3);
    return error;
}

int df_detector_quantise(DfDetector *d, const char *const *pictures, int n, const DfQuantiseOptions *options,
                         DfQuantisedReport *report)
{
    static const DfQuantiseOptions standard = { 0 };
    Work w = { .d = d, .o = options ? options : &standard };
    double nothing;
    int error = n > 0 ? prepare(&w, n) : df_fail(DF_EVALUE, "no pictures to measure inputs on");
    if (error == DF_OK)
        error = listen_to_pictures(&w, pictures, n);
    if (error == DF_OK)
        error = list_layers(&w);
    if (error == DF_OK)
        error = measure(&w, true, &nothing);
    w.passes = w.done + (long)w.n_probes * (w.report.n + 2);
    if (error == DF_OK)
        error = measure_each(&w);
    if (error == DF_OK)
        sort_by_loss(&w);
    if (error == DF_OK)
        error = search(&w);
    forget(&w, error);
    if (error < 0)
        df_quantised_report_done(&w.report);
    *report = w.report;
    return error;
}

void df_quantised_report_done(DfQuantisedReport *report)
{
    df_free(report->layer);
    *report = (DfQuantisedReport){ 0 };
}

/* ---- the checkpoint ---------------------------------------------------------------------------------------------- */

/* Names of classes, one a line; "" if there are none, or one has several lines. NULL: out of memory. */
static const char *class_lines(const DfModel *model, DfArena *arena)
{
    const char *const *names;
    const int n = df_model_learnt_classes(model, &names);
    const char *lines = "";
    for (int i = 0; i < n && lines; i++)
        lines = strchr(names[i], '\n') ? "" : df_arena_text(arena, "%s%s%s", lines, i ? "\n" : "", names[i]);
    return lines;
}

int df_detector_save(const DfDetector *d, const char *path)
{
    DfArena *arena = df_arena_new();
    const char *lines = arena ? class_lines(d->model, arena) : NULL;
    const NnModel *weights = df_model_weights(d->model);
    const char *pair[] = { "precision", nn_model_quantised(weights) ? "int8" : "float32", DF_CHECKPOINT_CLASSES,
                           lines };
    int error = lines ? DF_OK : df_fail_memory("the names of classes");
    if (error == DF_OK)
        error = nn_model_save(weights, path, pair, lines[0] ? 2 : 1);
    df_arena_free(arena);
    return error;
}
