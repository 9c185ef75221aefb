/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/convert.c -- deformer convert: converts checkpoints to another format, or to the names of another library,
 * without the state of a training run.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "nn/nn.h"

static const char *wrapper;
static const char *library;
static long window;
static CliTexts strip, renames;
static bool half;

static const CliOption options[] = {
    CLI_OPT_TEXT(
        "--wrapper", wrapper, "KEY",
        "take the weights from this entry of the file: state_dict, model_ema, ema.module, ...; default: found "
        "automatically"),
    CLI_OPT_TEXT("--to", library, "NAME",
                 "write the key names and the weight layout of another library: mmdet, official, torchvision, "
                 "transformers, timm or detectron2; those of CHECKPOINT are detected. For DETR, transformers uses "
                 "the names of timm's ResNet, and transformers-resnet those of its own ResNet"),
    CLI_OPT_INT("--window", window, "N", 1, 128,
                "Swin v2 to torchvision: windows are N x N; torchvision stores tables that depend on N"),
    CLI_OPT_TEXTS("--strip", strip, "PREFIX", "first remove PREFIX from the names that begin with it; may be "
                                              "repeated"),
    CLI_OPT_TEXTS("--rename", renames, "OLD=NEW",
                  "first replace OLD by NEW at the beginning of names; may be repeated"),
    CLI_OPT_FLAG("--half", half, "store floating-point weights as float16"),
    CLI_OPT_END
};

/* Round to nearest, ties to even; too large is infinity. */
static uint16_t half_of(float x)
{
    const uint32_t u = df_float_bits(x);
    const uint32_t sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x33000001)
        return (uint16_t)sign;
    const int exponent = (int)(magnitude >> 23) - 127;
    const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    const int shift = exponent < -14 ? 13 - 14 - exponent : 13;
    const uint32_t base = exponent < -14 ? 0 : (uint32_t)(exponent + 14) << 10;
    const uint32_t kept = mantissa >> shift;
    const uint32_t rest = mantissa & ((1u << shift) - 1);
    const uint32_t middle = 1u << (shift - 1);
    return (uint16_t)(sign | (base + kept + (rest > middle || (rest == middle && (kept & 1)))));
}

static bool is_floating(DfDtype dtype)
{
    return dtype == DF_F32 || dtype == DF_F64 || dtype == DF_F16 || dtype == DF_BF16;
}

static int halve(DfArray *array, DfArena *arena)
{
    const size_t n = (size_t)df_array_count(array);
    float *values = df_malloc((n + 1) * sizeof *values);
    uint16_t *out = df_arena_alloc(arena, n + 1, sizeof *out);
    if (!values || !out) {
        df_free(values);
        return df_fail_memory("an array");
    }
    df_array_f32(array, values);
    for (size_t i = 0; i < n; i++)
        out[i] = half_of(values[i]);
    df_free(values);
    array->dtype = DF_F16;
    array->data = out;
    int64_t stride = 1;
    for (int d = array->ndim - 1; d >= 0; d--) {
        array->stride[d] = stride;
        stride *= array->shape[d];
    }
    return DF_OK;
}

/* What a state of `deformer train` has beside the weights. */
static bool is_of_training(const DfArray *array)
{
    return df_starts_with(array->name, "optimizer.");
}

static int collect(DfArray *out, int *n, DfCheckpoint *file, DfArena *arena)
{
    const int all = df_checkpoint_count(file);
    int error = DF_OK;
    *n = 0;
    for (int i = 0; error == DF_OK && i < all; i++) {
        const DfArray *array = df_checkpoint_at(file, i);
        if (is_of_training(array))
            continue;
        out[*n] = *array;
        if (half && is_floating(array->dtype))
            error = halve(&out[*n], arena);
        (*n)++;
    }
    return error;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The length of OLD in OLD=NEW, which is not empty. */
static int rename_length(const char *rule, size_t *length)
{
    const char *equals = strchr(rule, '=');
    if (!equals || equals == rule)
        return df_fail(DF_EVALUE, "--rename %s: want OLD=NEW", rule);
    *length = (size_t)(equals - rule);
    return DF_OK;
}

/* All of --strip, then all of --rename, in the order in which they were given. */
static int rename_one(DfArray *array, DfArena *arena, bool *strip_met, bool *rename_met)
{
    for (int i = 0; i < strip.n; i++)
        if (df_starts_with(array->name, strip.v[i])) {
            array->name += strlen(strip.v[i]);
            strip_met[i] = true;
        }
    for (int i = 0; i < renames.n; i++) {
        size_t length = 0;
        const int error = rename_length(renames.v[i], &length);
        if (error < 0)
            return error;
        if (strncmp(array->name, renames.v[i], length) != 0)
            continue;
        array->name = df_arena_text(arena, "%s%s", renames.v[i] + length + 1, array->name + length);
        rename_met[i] = true;
        if (!array->name)
            return df_fail_memory("the names of a checkpoint");
    }
    return array->name[0] ? DF_OK : df_fail(DF_EVALUE, "--strip or --rename leaves nothing of a name");
}

static int rename_all(DfArray *arrays, int n, DfArena *arena)
{
    bool strip_met[CLI_MOST_TEXTS] = { false };
    bool rename_met[CLI_MOST_TEXTS] = { false };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++)
        error = rename_one(&arrays[i], arena, strip_met, rename_met);
    for (int i = 0; error == DF_OK && i < strip.n; i++)
        if (!strip_met[i])
            error = df_fail(DF_EVALUE, "--strip %s: no name begins with it, the first is %s", strip.v[i],
                            n ? arrays[0].name : "none");
    for (int i = 0; error == DF_OK && i < renames.n; i++)
        if (!rename_met[i])
            error = df_fail(DF_EVALUE, "--rename %s: no name begins with that, the first is %s", renames.v[i],
                            n ? arrays[0].name : "none");
    return error;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void say(const char *to, int n, const char *from, const DfCheckpoint *file, const NnConverted *converted)
{
    const char *dialect = converted ? nn_converted_from(converted) : "";
    char names[160] = "";
    if (dialect[0])
        snprintf(names, sizeof names, ", names of %s", dialect);
    cli_say("%s: %d arrays from %s, %s%s", to, n, from, df_checkpoint_form(file), names);
}

/* The names of the classes, one a line; NULL: there are none that stand in lines. */
static const char *class_lines(const DfCheckpoint *file, DfArena *arena)
{
    const char *const *names;
    const int n = df_checkpoint_classes(file, &names);
    const char *lines = n ? names[0] : NULL;
    for (int i = 0; i < n; i++)
        if (!names[i][0] || strchr(names[i], '\n'))
            return NULL;
    for (int i = 1; i < n && lines; i++)
        lines = df_arena_text(arena, "%s\n%s", lines, names[i]);
    return lines;
}

/* What goes along with the weights: the names of the classes; and transformers loads no .safetensors that does not say
 * that it is of PyTorch. */
static int describe(const char *pair[4], const DfCheckpoint *file, const char *to, DfArena *arena)
{
    int n = 0;
    const char *classes = class_lines(file, arena);
    const char *format = library ? "pt" : df_checkpoint_metadata(file, "format");
    if (classes) {
        pair[2 * n] = DF_CHECKPOINT_CLASSES;
        pair[2 * n++ + 1] = classes;
    }
    if (format && df_ends_with(to, ".safetensors")) {
        pair[2 * n] = "format";
        pair[2 * n++ + 1] = format;
    }
    return n;
}

static int write(const char *to, const DfArray *arrays, int n, const char *from, const DfCheckpoint *file,
                 DfArena *arena)
{
    const char *pair[4];
    NnConverted *converted = NULL;
    int error = library ? nn_convert(&converted, arrays, n, library, (int)window) : DF_OK;
    if (error < 0)
        df_fail_in(error, "%s: ", from);
    if (converted)
        n = nn_converted_arrays(converted, &arrays);
    if (error == DF_OK)
        error = df_checkpoint_write_from(file, to, arrays, n, pair, describe(pair, file, to, arena));
    if (error == DF_OK && !cli.quiet)
        say(to, n, from, file, converted);
    nn_converted_free(converted);
    return error;
}

static int convert(DfCheckpoint *file, DfArena *arena, const char *from, const char *to)
{
    int n = 0;
    DfArray *arrays = df_calloc((size_t)df_checkpoint_count(file) + 1, sizeof *arrays);
    int error = arrays ? collect(arrays, &n, file, arena) : df_fail_memory("a checkpoint");
    if (error == DF_OK)
        error = rename_all(arrays, n, arena);
    if (error == DF_OK)
        error = write(to, arrays, n, from, file, arena);
    df_free(arrays);
    return error;
}

static int run(int n_args, const char *const *args)
{
    (void)n_args;
    DfCheckpoint *file = NULL;
    DfArena *arena = df_arena_new();
    int error = arena ? df_checkpoint_open(&file, args[0], wrapper) : df_fail_memory("a checkpoint");
    if (error == DF_OK)
        error = df_checkpoint_verify(file); /* a new file would have new checksums for damaged numbers */
    if (error == DF_OK)
        error = convert(file, arena, args[0], args[1]);
    df_checkpoint_close(file);
    df_arena_free(arena);
    return error;
}

const CliCommand cli_command_convert = {
    .name = "convert",
    .synopsis = "CHECKPOINT OUT [OPTION]...",
    .summary = "convert a checkpoint to another format or another library's names",
    .details = "The ending of OUT, .pth or .safetensors, chooses the format. The weights and the\n"
               "class names are copied; the state of the optimizer and other training data are\n"
               "left out. Nothing in a .pth file is executed. --to renames the weights for\n"
               "another library, so that it can load weights that were trained here.",
    .examples = "  deformer convert weights.pth weights.safetensors\n"
                "  deformer convert weights.pth small.safetensors --half\n"
                "  deformer convert trained.pth for_torchvision.pth --to torchvision",
    .options = options,
    .least = 2,
    .most = 2,
    .output = 1,
    .run = run,
};
