/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/models.c -- models side by side: what they cost, from a dry pass and by measuring them in turns, and how good they are, from
 * the results of their runs.
 */
#include "cli/compare/models.h"

#include <math.h>
#include <string.h>

#include "cli/common/passes.h"

/* ---- CONFIG[:CHECKPOINT][@RUN] ------------------------------------------------------------------------------------ */

/* Where the config's path ends: behind the first ".py" or ".json" that nothing or more of the argument follows. */
static size_t config_length(const char *text)
{
    static const char *const ends[] = { ".py", ".json" };
    for (const char *at = text; *at; at++)
        for (size_t i = 0; i < 2; i++) {
            const size_t n = strlen(ends[i]);
            if (strncmp(at, ends[i], n) == 0 && (at[n] == 0 || at[n] == ':' || at[n] == '@'))
                return (size_t)(at - text) + n;
        }
    return 0;
}

/* Behind "NAME=", which has no slash in it. */
static const char *behind_name(const char *arg)
{
    const char *equals = strchr(arg, '=');
    return equals && equals > arg && (size_t)(equals - arg) == strcspn(arg, "=/") ? equals + 1 : arg;
}

/* Does a .json file hold a config? Results have none of these keys. */
static bool is_config(const char *path)
{
    static const char *const keys[] = { "model", "backbone", "_base_" };
    DfJson *json;
    DfJsonValue v;
    bool found = false;
    if (df_json_open(&json, path) < 0)
        return false;
    if (df_json_next(json, &v) == DF_JSON_OBJECT)
        while (!found && df_json_next(json, &v) == DF_JSON_KEY) {
            for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                found |= strcmp(v.text, keys[i]) == 0;
            if (!found && df_json_skip(json) < 0)
                break;
        }
    df_json_close(json);
    return found;
}

bool cli_is_model(const char *arg)
{
    const char *path = behind_name(arg);
    const size_t n = config_length(path);
    if (n == 0 || path[n - 1] == 'y')
        return n > 0;
    return path[n] || is_config(path);
}

static int read_argument(CliModels *m, const char *arg, CliModel *model)
{
    const char *path = behind_name(arg), *rest = path + config_length(path);
    if (!cli_is_model(arg))
        return df_fail(CLI_EUSAGE, "%s: want a model as the others are: [NAME=]CONFIG[:CHECKPOINT][@RUN]", arg);
    const char *run = strrchr(rest, '@');
    const size_t before_run = run ? (size_t)(run - rest) : strlen(rest);
    if ((rest[0] == ':' && before_run == 1) || (run && !run[1]))
        return df_fail(CLI_EUSAGE, "%s: want a checkpoint behind ':' and a run behind '@'", arg);
    model->name = path > arg ? df_arena_copy(m->arena, arg, (size_t)(path - arg) - 1) : NULL;
    model->config = df_arena_copy(m->arena, path, (size_t)(rest - path));
    model->checkpoint = rest[0] == ':' ? df_arena_copy(m->arena, rest + 1, before_run - 1) : NULL;
    model->run = run ? run + 1 : NULL;
    return model->config && (rest[0] != ':' || model->checkpoint) && (path == arg || model->name) ? DF_OK : df_fail_memory("models");
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static const char *base_of(const char *path)
{
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* The next word of a name: `length` of 0 is the end. */
static const char *word_of(const char *text, size_t *length)
{
    text += strspn(text, " _-.");
    *length = strcspn(text, " _-.");
    return text;
}

static bool has_word(const char *text, const char *word, size_t length)
{
    for (size_t n = 0;; text += n) {
        text = word_of(text, &n);
        if (n == 0 || (n == length && strncmp(text, word, n) == 0))
            return n > 0;
    }
}

static bool is_size(const char *word, size_t n)
{
    static const char *const sizes[] = { "nano", "micro", "mini", "tiny", "small", "medium", "base", "large", "huge", "n", "t", "s", "m", "b", "l", "h", "xl" };
    if (n == 2 && (word[0] | 32) == 'b' && word[1] >= '0' && word[1] <= '9')
        return true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t k = 0;
        while (k < n && sizes[i][k] == (word[k] | 32))
            k++;
        if (k == n && !sizes[i][k])
            return true;
    }
    return false;
}

static bool all_have(const CliModels *m, const char *word, size_t length)
{
    for (size_t i = 0; i < m->n; i++)
        if (!has_word(base_of(m->model[i].config), word, length))
            return false;
    return m->n > 1;
}

/* The words of `text` that are wanted, with spaces between; NULL when memory ran out. */
typedef bool Keep(const CliModels *, const char *word, size_t length);
static const char *words(const CliModels *m, const char *text, Keep *keep)
{
    char *out = df_arena_alloc(m->arena, strlen(text) + 2, 1), *to = out;
    size_t n;
    for (const char *word = word_of(text, &n); out && n; word = word_of(word + n, &n))
        if (keep(m, word, n)) {
            if (to > out)
                *to++ = ' ';
            memcpy(to, word, n);
            to += n;
        }
    return out;
}

static bool is_own(const CliModels *m, const char *word, size_t length)
{
    return !all_have(m, word, length);
}

static bool is_no_size(const CliModels *m, const char *word, size_t length)
{
    (void)m;
    return !is_size(word, length);
}

/* What the file's name does not share with all the others; all of it if that is nothing. */
static int name_models(CliModels *m)
{
    for (size_t i = 0; i < m->n; i++) {
        CliModel *model = &m->model[i];
        const char *base = base_of(model->config);
        const char *stem = df_arena_copy(m->arena, base, config_length(base) - (df_ends_with(base, ".py") ? strlen(".py") : strlen(".json")));
        const char *own = model->name ? model->name : stem ? words(m, stem, is_own) : NULL;
        if (!own)
            return df_fail_memory("names");
        model->name = own[0] ? own : stem;
        if (!(model->family = words(m, model->name, is_no_size)))
            return df_fail_memory("names");
        if (!model->family[0])
            model->family = NULL;
    }
    return DF_OK;
}

/* ---- what they cost ----------------------------------------------------------------------------------------------- */

/* A checkpoint that nothing else would load is loaded here, so that one that does not fit is an error. */
static int count_model(CliModels *m, CliModel *model)
{
    CliSession s;
    const DfProfileRow *rows;
    int error = cli_session_open(&s, model->config);
    if (error == DF_OK)
        error = cli_input_shape(&s, cli_compare.shape, 1280, &model->height, &model->width);
    if (error == DF_OK && model->checkpoint && m->rounds == 0)
        error = cli_session_load(&s, model->checkpoint, NULL);
    if (error == DF_OK)
        error = cli_dry_pass(&s, 1, model->height, model->width);
    if (error == DF_OK && df_profile_rows(s.c, &rows) > 0) {
        model->type = df_arena_text(m->arena, "%s", df_model_type(s.model));
        model->parameters = (double)nn_model_elements(df_model_weights(s.model), "");
        model->multiply_adds = cli_multiply_adds(&rows[0]);
        model->activations = (double)s.c->peak;
        m->threads = df_pool_threads(s.pool);
        m->kernels = df_kernels_name(s.c->k);
        error = model->type ? DF_OK : df_fail_memory("models");
    }
    cli_session_done(&s);
    return error;
}

static int measure(CliModels *m)
{
    CliProgress progress = cli_progress("measure", m->rounds * (long)m->n, 0);
    int error = DF_OK;
    for (int r = 0; r < m->rounds; r++)
        for (size_t i = 0; error == DF_OK && i < m->n; i++) {
            CliModel *model = &m->model[i];
            CliMeasured measured = { 0 };
            if (cli_interrupted())
                return df_fail(DF_EINTERRUPT, "interrupted while measuring");
            error = cli_measure(&measured, model->config, model->checkpoint ? model->checkpoint : "random", model->height, model->width);
            model->network[r] = measured.network;
            model->whole[r] = measured.whole;
            model->memory[r] = measured.peak_rss;
            cli_progress_step(&progress, r * (long)m->n + (long)i + 1);
        }
    if (error == DF_OK && m->rounds > 0)
        cli_progress_end(&progress);
    return error;
}

CliTime cli_time_of(const CliModels *m, const double *rounds)
{
    double sorted[CLI_ROUNDS];
    memcpy(sorted, rounds, (size_t)m->rounds * sizeof *sorted);
    const double median = cli_median(sorted, m->rounds);
    return (CliTime){ median, m->rounds ? sorted[0] : 0, m->rounds ? sorted[m->rounds - 1] : 0 };
}

/* ---- how good they are -------------------------------------------------------------------------------------------- */

typedef struct {
    const char **files, **names;
    size_t *model, n; /* of the models that have results of the kind */
} Found;

static int find_results(CliModels *m, CliRunKind kind, Found *f)
{
    for (size_t i = 0; i < m->n; i++) {
        CliModel *model = &m->model[i];
        char *file = NULL;
        int error = model->run ? cli_run_file(model->run, kind, &file) : DF_OK;
        if (file) {
            f->files[f->n] = df_arena_text(m->arena, "%s", file);
            f->names[f->n] = model->name;
            f->model[f->n] = i;
            error = f->files[f->n++] ? DF_OK : df_fail_memory("results");
        } else if (error == DF_OK && model->run) {
            double value;
            error = cli_run_number(model->run, kind, &value);
            model->known[kind] = error == DF_OK && !isnan(value);
            model->accuracy[kind] = (DfCompared){ value, (double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN, false };
        }
        df_free(file);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

/* Differences are from the first model; without its results they are unknown. */
static int compare_results(CliModels *m, CliRunKind kind, const Found *f, DfPool *pool)
{
    DfCompare *compare;
    const int error = cli_run_compare(&compare, kind, f->files, f->names, f->n, pool);
    if (error < 0)
        return error;
    for (size_t i = 0; i < f->n; i++) {
        DfCompared *to = &m->model[f->model[i]].accuracy[kind];
        m->model[f->model[i]].known[kind] = true;
        *to = df_compare_metric(compare, i, 0);
        if (f->model[0] != 0) {
            to->difference = to->diff_low = to->diff_high = (double)NAN;
            to->significant = false;
        }
    }
    m->images[kind] = cli_compare.replicates ? df_compare_image_count(compare) : 0;
    df_compare_free(compare);
    return DF_OK;
}

static int take_accuracy(CliModels *m, CliRunKind kind, DfPool *pool)
{
    const CliModel *first = &m->model[0];
    Found f = { df_arena_alloc(m->arena, m->n, sizeof *f.files), df_arena_alloc(m->arena, m->n, sizeof *f.names), df_arena_alloc(m->arena, m->n, sizeof *f.model), 0 };
    int error = f.files && f.names && f.model ? find_results(m, kind, &f) : df_fail_memory("results");
    if (error == DF_OK && f.n > 0)
        error = compare_results(m, kind, &f, pool);
    for (size_t i = 0; error == DF_OK && i < m->n; i++) {
        DfCompared *a = &m->model[i].accuracy[kind];
        if (m->model[i].known[kind] && isnan(a->difference) && first->known[kind] && a->value >= 0 && first->accuracy[kind].value >= 0)
            a->difference = a->value - first->accuracy[kind].value;
    }
    return error;
}

static int take_accuracies(CliModels *m)
{
    DfPool *pool = NULL;
    int error = df_pool_new(&pool, (int)cli.threads);
    for (int kind = 0; error == DF_OK && kind < CLI_RUN_KINDS; kind++)
        error = take_accuracy(m, (CliRunKind)kind, pool);
    for (size_t i = 0; error == DF_OK && i < m->n; i++) {
        bool known = !m->model[i].run;
        for (int kind = 0; kind < CLI_RUN_KINDS; kind++)
            known |= m->model[i].known[kind];
        if (!known)
            error = df_fail(DF_EVALUE, "%s: no results in it%s%s", m->model[i].run, cli_compare.type ? " of type " : "", cli_compare.type ? cli_compare.type : "");
    }
    df_pool_free(pool);
    return error;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

/* What fails soon comes first. Measuring wants no threads about, and comes before results take memory. */
int cli_compare_models(const char *const *args, size_t n)
{
    CliModels m = { .arena = df_arena_new(), .n = n, .rounds = (int)cli_compare.rounds };
    int error = cli_check_cost();
    if (error >= 0)
        error = m.arena && (m.model = df_arena_alloc(m.arena, n, sizeof *m.model)) ? DF_OK : df_fail_memory("models");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = read_argument(&m, args[i], &m.model[i]);
    if (error == DF_OK)
        error = name_models(&m);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        error = count_model(&m, &m.model[i]);
    if (error == DF_OK)
        error = measure(&m);
    if (error == DF_OK)
        error = take_accuracies(&m);
    if (error == DF_OK)
        error = cli_models_tell(&m);
    df_arena_free(m.arena);
    return error;
}
