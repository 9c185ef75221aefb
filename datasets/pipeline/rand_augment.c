/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/rand_augment.c -- RandAugment (Cubuk et al., NeurIPS 2020) with the operations, levels and random
 * calls of timm, as "rand-m9-mstd0.5-inc1" names them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/pipeline/whole.h"

enum { LEVELS = 10, RANDOM_INTERPOLATION = 2 };

typedef struct {
    const char *config;
    DfFloats pad_val;
    int interpolation;
    double magnitude, std, most, chance;
    int layers;
    bool increasing, endless; /* std inf: the level is drawn evenly from 0 to the magnitude */
    uint8_t fill[3];          /* B G R                                                      */
} RandAugment;

static const DfOpt opts[] = {
    DF_OPT_TEXT(RandAugment, config, "'rand-m9-mstd0.5-inc1'",
                "timm's name: m9 is the level, 0 to 10; mstd0.5 its deviation; n2 how many operations; p0.5 their "
                "chance; inc1: stronger with the level; mmax10 the highest level"),
    DF_OPT_FLOATS(RandAugment, pad_val, "[124, 116, 104]", 0, 255, "R, G, B of what comes from outside of the picture"),
    DF_OPT_ENUM(RandAugment, interpolation, bicubic, "bilinear|bicubic|random",
                "how turned and moved pictures are sampled; random: one of the two, drawn each time"),
    DF_OPT_END
};

/* ---- timm's name ------------------------------------------------------------------------------------------------ */

static bool read_number(const char *word, const char *key, double *out)
{
    const size_t n = strlen(key);
    char *end;
    if (strncmp(word, key, n) != 0)
        return false;
    const double value = df_strtod(word + n, &end);
    if (end == word + n || *end)
        return false;
    *out = value;
    return true;
}

static bool read_word(RandAugment *r, const char *word)
{
    double value;
    if (read_number(word, "mstd", &r->std)) {
        r->endless = r->std > 100;
        return r->std >= 0;
    }
    if (read_number(word, "mmax", &r->most))
        return r->most > 0;
    if (read_number(word, "inc", &value)) {
        r->increasing = value != 0;
        return true;
    }
    if (read_number(word, "m", &r->magnitude))
        return r->magnitude >= 0;
    if (read_number(word, "n", &value)) {
        r->layers = (int)value;
        return value >= 1 && value <= 100;
    }
    return read_number(word, "p", &r->chance) && r->chance >= 0 && r->chance <= 1;
}

static int read_config(RandAugment *r, const DfNode *dict)
{
    char word[32];
    const char *at = r->config ? r->config : "";
    *r = (RandAugment){ .config = r->config, .pad_val = r->pad_val, .interpolation = r->interpolation,
                        .magnitude = LEVELS, .most = LEVELS, .chance = 0.5, .layers = 2 };
    for (bool first = true; *at; first = false) {
        const size_t n = strcspn(at, "-");
        memcpy(word, at, n < sizeof word ? n : sizeof word - 1);
        word[n < sizeof word ? n : sizeof word - 1] = 0;
        if (first ? strcmp(word, "rand") != 0 : !read_word(r, word))
            return df_node_fail(dict, DF_EVALUE, "config = '%s': '%s' is not understood: want a name like "
                                "'rand-m9-mstd0.5-inc1'", r->config, word);
        at += n + (at[n] == '-');
    }
    return DF_OK;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    RandAugment *r = self;
    (void)reading;
    if (r->pad_val.n != 3)
        return df_node_fail(dict, DF_EVALUE, "pad_val: want three numbers, R, G, B");
    const int error = read_config(r, dict);
    for (int c = 0; c < 3; c++)
        r->fill[c] = (uint8_t)r->pad_val.v[2 - c];
    return error;
}

/* ---- levels to arguments ---------------------------------------------------------------------------------------- */

static double negated(double v, DfDraws *draws)
{
    return df_draw_share(draws) > 0.5 ? -v : v;
}

/* 1 changes nothing; 0.1 .. 1.9. */
static double enhancing(const RandAugment *r, double level, DfDraws *draws)
{
    if (!r->increasing)
        return level / LEVELS * 1.8 + 0.1;
    return fmax(0.1, 1.0 + negated(level / LEVELS * 0.9, draws));
}

static DfPilFilter sampling(const RandAugment *r, DfDraws *draws)
{
    if (r->interpolation == RANDOM_INTERPOLATION)
        return (DfPilFilter)df_draw_choice(draws, 2, NULL);
    return (DfPilFilter)r->interpolation;
}

/* ---- the operations, in timm's order ---------------------------------------------------------------------------- */

typedef struct {
    const RandAugment *r;
    double level;
    DfDraws *draws;
    DfImage *image;
} Op;

static int affine(const Op *op, const double a[6])
{
    DfImage out;
    const DfPilFilter filter = sampling(op->r, op->draws);
    const int error = df_pil_affine(&out, op->image, a, filter, op->r->fill);
    if (error == DF_OK) {
        memcpy(op->image->pixels, out.pixels, df_image_bytes(&out));
        df_image_free(&out);
    }
    return error;
}

static int auto_contrast(const Op *op)
{
    df_pil_autocontrast(op->image);
    return DF_OK;
}

static int equalize(const Op *op)
{
    df_pil_equalize(op->image);
    return DF_OK;
}

static int invert(const Op *op)
{
    df_pil_invert(op->image);
    return DF_OK;
}

static int turn(const Op *op)
{
    DfImage out;
    const double degrees = negated(op->level / LEVELS * 30.0, op->draws);
    const int error = df_pil_rotate(&out, op->image, degrees, sampling(op->r, op->draws), op->r->fill);
    if (error == DF_OK) {
        memcpy(op->image->pixels, out.pixels, df_image_bytes(&out));
        df_image_free(&out);
    }
    return error;
}

static int posterize(const Op *op)
{
    const int bits = (int)(op->level / LEVELS * 4);
    df_pil_posterize(op->image, op->r->increasing ? 4 - bits : bits);
    return DF_OK;
}

static int solarize(const Op *op)
{
    const int threshold = df_clamp_int((int)(op->level / LEVELS * 256), 0, 256);
    df_pil_solarize(op->image, op->r->increasing ? 256 - threshold : threshold);
    return DF_OK;
}

static int solarize_add(const Op *op)
{
    df_pil_solarize_add(op->image, df_clamp_int((int)(op->level / LEVELS * 110), 0, 128), 128);
    return DF_OK;
}

static int colour(const Op *op)
{
    df_pil_colour(op->image, (float)enhancing(op->r, op->level, op->draws));
    return DF_OK;
}

static int contrast(const Op *op)
{
    df_pil_contrast(op->image, (float)enhancing(op->r, op->level, op->draws));
    return DF_OK;
}

static int brightness(const Op *op)
{
    df_pil_brightness(op->image, (float)enhancing(op->r, op->level, op->draws));
    return DF_OK;
}

static int sharpness(const Op *op)
{
    return df_pil_sharpness(op->image, (float)enhancing(op->r, op->level, op->draws));
}

static int shear_x(const Op *op)
{
    const double factor = negated(op->level / LEVELS * 0.3, op->draws);
    return affine(op, (const double[]){ 1, factor, 0, 0, 1, 0 });
}

static int shear_y(const Op *op)
{
    const double factor = negated(op->level / LEVELS * 0.3, op->draws);
    return affine(op, (const double[]){ 1, 0, 0, factor, 1, 0 });
}

static int shift_x(const Op *op)
{
    const double share = negated(op->level / LEVELS * 0.45, op->draws);
    return affine(op, (const double[]){ 1, 0, share * op->image->width, 0, 1, 0 });
}

static int shift_y(const Op *op)
{
    const double share = negated(op->level / LEVELS * 0.45, op->draws);
    return affine(op, (const double[]){ 1, 0, 0, 0, 1, share * op->image->height });
}

static int (*const operations[])(const Op *) = {
    auto_contrast, equalize, invert,     turn,      posterize, solarize, solarize_add, colour,
    contrast,      brightness, sharpness, shear_x,  shear_y,   shift_x,  shift_y,
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* ---- one picture ------------------------------------------------------------------------------------------------ */

/* AugmentOp.__call__(); an operation without a level draws one, too. */
static double draw_level(const RandAugment *r, DfDraws *draws)
{
    double level = r->magnitude;
    if (r->endless)
        level = df_draw_uniform(draws, 0, level);
    else if (r->std > 0)
        level = df_draw_normal(draws, level, r->std);
    return fmax(0, fmin(level, r->most));
}

static int apply_one(const RandAugment *r, int which, DfWork *work)
{
    DfImage view;
    if (r->chance < 1 && df_draw_share(work->draws) > r->chance)
        return DF_OK;
    const double level = draw_level(r, work->draws);
    int error = df_whole_bytes(work, &view, "RandAugment");
    if (error == DF_OK)
        error = operations[which](&(Op){ r, level, work->draws, &view });
    if (error == DF_OK)
        work->picture.at = view.pixels; /* sharpness makes new ones */
    return error;
}

static int apply(const void *self, DfWork *work)
{
    const RandAugment *r = self;
    int which[100];
    int error = DF_OK;
    for (int i = 0; i < r->layers; i++)
        which[i] = df_draw_choice(work->draws, OPERATIONS, NULL);
    for (int i = 0; error == DF_OK && i < r->layers; i++)
        error = apply_one(r, which[i], work);
    return error;
}

const DfTransform df_transform_RandAugment = {
    .name = "RandAugment",
    .help = "applies a few operations out of fifteen at random (Cubuk et al., NeurIPS 2020); for classification",
    .opts = opts,
    .size = sizeof(RandAugment),
    .training = true,
    .init = init,
    .apply = apply,
};
