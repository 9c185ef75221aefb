/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/color_jitter.c -- ColorJitter of torchvision, on Pillow's pictures: changes brightness, contrast,
 * saturation and hue by random factors, in random order.
 */
#include <math.h>

#include "datasets/pipeline/whole.h"

typedef struct {
    DfFloats brightness, contrast, saturation, hue;
    double range[4][2]; /* of the factors; both 1 (hue: 0) where nothing is done */
} Jitter;

#define RANGE(name) "strength: the factor is drawn from 1 - " name " to 1 + " name "; or [from, to]"
static const DfOpt opts[] = {
    DF_OPT_FLOATS(Jitter, brightness, "[0]", 0, 100, RANGE("brightness")),
    DF_OPT_FLOATS(Jitter, contrast, "[0]", 0, 100, RANGE("contrast")),
    DF_OPT_FLOATS(Jitter, saturation, "[0]", 0, 100, RANGE("saturation")),
    DF_OPT_FLOATS(Jitter, hue, "[0]", -0.5, 0.5,
                  "rotation of the hue, drawn from -hue to hue, 1 is a full turn; or [from, to]"),
    DF_OPT_UNUSED(backend, "pictures are always decoded as Pillow decodes them"),
    DF_OPT_END
};

static int read_range(double range[2], const DfFloats *list, double centre, const DfNode *dict)
{
    if (list->n != 1 && list->n != 2)
        return df_node_fail(dict, DF_EVALUE, "brightness, contrast, saturation and hue: want one number or two each");
    range[0] = list->n == 2 ? list->v[0] : centre - list->v[0];
    range[1] = list->n == 2 ? list->v[1] : centre + list->v[0];
    if (centre == 1 && range[0] < 0)
        range[0] = 0;
    return range[0] <= range[1] ? DF_OK : df_node_fail(dict, DF_EVALUE, "a range from %g to %g", range[0], range[1]);
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    Jitter *j = self;
    const DfFloats *lists[] = { &j->brightness, &j->contrast, &j->saturation, &j->hue };
    int error = DF_OK;
    (void)reading;
    for (int i = 0; error == DF_OK && i < 4; i++)
        error = read_range(j->range[i], lists[i], i < 3 ? 1 : 0, dict);
    return error;
}

static bool is_off(const Jitter *j, int i)
{
    const double centre = i < 3 ? 1 : 0;
    return j->range[i][0] == centre && j->range[i][1] == centre;
}

static void adjust(DfImage *image, int which, float factor)
{
    switch (which) {
    case 0: df_pil_brightness(image, factor); break;
    case 1: df_pil_contrast(image, factor); break;
    case 2: df_pil_colour(image, factor); break;
    default: df_pil_hue(image, factor); break;
    }
}

/* ColorJitter.get_params(): the order first, then the factors of those that are on. */
static int apply(const void *self, DfWork *work)
{
    const Jitter *j = self;
    DfImage view;
    int order[4];
    double factor[4] = { 0 };
    const int error = df_whole_bytes(work, &view, "ColorJitter");
    if (error < 0)
        return error;
    df_draw_order(work->draws, 4, order);
    for (int i = 0; i < 4; i++)
        if (!is_off(j, i))
            factor[i] = df_draw_uniform(work->draws, j->range[i][0], j->range[i][1]);
    for (int i = 0; i < 4; i++)
        if (!is_off(j, order[i]))
            adjust(&view, order[i], (float)factor[order[i]]);
    return DF_OK;
}

const DfTransform df_transform_ColorJitter = {
    .name = "ColorJitter",
    .help = "changes brightness, contrast, saturation and hue by random factors; for classification",
    .opts = opts,
    .size = sizeof(Jitter),
    .training = true,
    .init = init,
    .apply = apply,
};
