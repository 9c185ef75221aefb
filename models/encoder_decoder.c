/* SPDX-License-Identifier: Apache-2.0
 *
 * models/encoder_decoder.c -- semantic segmentation: backbone, neck, decode head; mmseg's EncoderDecoder. Inference over the whole
 * image or a sliding window.
 */
#include <string.h>

#include "models/models.h"
#include "models/parts.h"
#include "models/score_rows.h"

enum { AUXILIARY = 4, VIEWS = 64 };
enum { WHOLE, SLIDE };

typedef struct {
    Trunk trunk; /* first */
    const DfNode *decode_head, *auxiliary_head;
    PixelPart head, auxiliary[AUXILIARY];
    int n_auxiliary;
    int mode;
    int crop[2], stride[2]; /* of the sliding window: y, x */
} EncoderDecoder;

static const DfOpt opts[] = {
    TRUNK_PARTS,
    DF_OPT_DICT(EncoderDecoder, decode_head, NULL, "the head"),
    DF_OPT_NODE(EncoderDecoder, auxiliary_head, "None", "a head, or a list of heads, for training only"),
    TRUNK_SETTINGS("of a training run", "mode: whole, or slide with crop_size and stride"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

typedef struct {
    int mode;
    DfInts crop_size, stride;
} TestConfig;

static const DfOpt test_opts[] = {
    DF_OPT_ENUM(TestConfig, mode, whole, "whole|slide", "the whole image at once, or a window that slides over it"),
    DF_OPT_INTS(TestConfig, crop_size, "None", 1, 65536, "slide: the window's height and width"),
    DF_OPT_INTS(TestConfig, stride, "None", 1, 65536, "slide: how far it goes, down and to the right"),
    DF_OPT_END
};

static void test_cfg_init(NnScope s, EncoderDecoder *net, const DfNode *test_cfg)
{
    TestConfig k = { 0 };
    if (!nn_configure(s, test_cfg, test_opts, &k, "test_cfg"))
        return;
    net->mode = k.mode;
    if (k.mode == WHOLE)
        return;
    if (k.crop_size.n < 1 || k.crop_size.n > 2 || k.stride.n < 1 || k.stride.n > 2) {
        nn_fail(s, DF_EVALUE, "test_cfg: mode 'slide' wants crop_size and stride, two numbers each");
        return;
    }
    for (int i = 0; i < 2; i++) {
        net->crop[i] = k.crop_size.v[k.crop_size.n == 2 ? i : 0];
        net->stride[i] = k.stride.v[k.stride.n == 2 ? i : 0];
    }
}

static void init(NnScope s, void *self, const DfNode *root)
{
    EncoderDecoder *net = self;
    const DfNode *aux = net->auxiliary_head;
    test_cfg_init(s, net, df_trunk_test_cfg(&net->trunk, root));
    df_trunk_init(s, &net->trunk);
    df_pixel_part(nn_at(s, "decode_head"), &net->head, net->decode_head);
    const NnScope at = nn_at(s, "auxiliary_head");
    if (aux && aux->kind == DF_NODE_LIST) {
        if (aux->n > AUXILIARY)
            nn_fail(at, DF_EVALUE, "%d heads: want at most %d", aux->n, AUXILIARY);
        for (const DfNode *item = aux->first; nn_ok(s) && item; item = item->next, net->n_auxiliary++)
            df_pixel_part(nn_at(at, "%d", net->n_auxiliary), &net->auxiliary[net->n_auxiliary], item);
    } else if (aux) {
        df_pixel_part(at, &net->auxiliary[net->n_auxiliary++], aux);
    }
    nn_optional(at); /* not used in inference, and stripped from some published checkpoints */
}

/* ---- the network -------------------------------------------------------------------------------------------------- */

/* Class scores of an image, at a fraction of its size. */
static DfTensor *encode_decode(DfCtx *c, const EncoderDecoder *net, DfTensor *image) /* N H W 3 -> N h w classes */
{
    const DfMark m = df_enter(c, NULL, -1);
    DfMaps pyramid;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);
    const DfMark h = df_enter(c, "decode_head", -1);
    DfTensor *scores = df_leave(c, h, net->head.record->forward(c, net->head.self, &pyramid));
    df_observe(c, scores, "decode_logits", -1);
    for (int i = 0; df_listens(c) && i < net->n_auxiliary; i++)
        df_observe(c, net->auxiliary[i].record->forward(c, net->auxiliary[i].self, &pyramid), "aux_logits", i ? i : -1);
    return df_leave(c, m, scores);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    encode_decode(c, self, image);
}

/* ---- inference ---------------------------------------------------------------------------------------------------- */

static int grid(int size, int crop, int stride)
{
    const int rest = size - crop + stride - 1;
    return (rest > 0 ? rest : 0) / stride + 1;
}

/* Window k of a size: the last one ends at the border, and one larger than the image is the image. */
static void place(int size, int crop, int stride, int k, int *from, int *length)
{
    const int end = k * stride + crop < size ? k * stride + crop : size;
    *from = end - crop > 0 ? end - crop : 0;
    *length = end - *from;
}

static DfTensor *cut(DfCtx *c, DfTensor *image, const ScoreWindow *w)
{
    if (w->h == df_dim(image, 1) && w->w == df_dim(image, 2))
        return image;
    return df_slice(c, df_slice(c, image, 1, w->y, w->h), 2, w->x, w->w);
}

static int run_window(DfCtx *c, const EncoderDecoder *net, DfTensor *image, ScoreWindow *w)
{
    DfTensor *scores = encode_decode(c, net, cut(c, image, w));
    if (c->err)
        return df_ctx_error(c);
    w->map_h = df_dim(scores, 1);
    w->map_w = df_dim(scores, 2);
    w->scores = scores->data;
    return DF_OK;
}

static int run_view(DfCtx *c, const EncoderDecoder *net, DfTensor *image, const DfImageMeta *meta, ScoreView *view, DfArena *arena)
{
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    const int rows = net->mode == SLIDE ? grid(H, net->crop[0], net->stride[0]) : 1, columns = net->mode == SLIDE ? grid(W, net->crop[1], net->stride[1]) : 1;
    *view = (ScoreView){ H, W, rows * columns, df_arena_alloc(arena, (size_t)rows * (size_t)columns, sizeof(ScoreWindow)), meta->flip_x, meta->flip_y };
    if (!view->windows)
        return df_fail_memory("the windows of an image");
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < view->n; i++) {
        ScoreWindow *w = &view->windows[i];
        *w = (ScoreWindow){ .h = H, .w = W };
        if (net->mode == SLIDE) {
            place(H, net->crop[0], net->stride[0], i / columns, &w->y, &w->h);
            place(W, net->crop[1], net->stride[1], i % columns, &w->x, &w->w);
        }
        error = run_window(c, net, image, w);
    }
    return error;
}

/* A listener hears the network on the whole of the first view, then the scores of all views together, as large as the reference
 * has them. What it hears does not change the result. */
static int hear_whole(DfCtx *c, const EncoderDecoder *net, DfTensor *image, const ScoreSet *shape)
{
    if (!df_listens(c) && !df_listens_points(c))
        return DF_OK;
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    ScoreWindow window = { .h = H, .w = W };
    const ScoreView view = { H, W, 1, &window, false, false };
    const ScoreSet set = { shape->classes, H, W, shape->align_corners, 1, &view };
    int error = run_window(c, net, image, &window);
    if (error < 0 || !df_listens(c))
        return error;
    DfTensor *input = df_new(c, DF_SHAPE(1, H, W, shape->classes));
    error = c->err ? df_ctx_error(c) : df_score_view(c->k, &set, &view, input->data);
    if (error == DF_OK)
        df_observe(c, input, "input_logits", -1);
    return error;
}

static int score(DfCtx *c, const EncoderDecoder *net, const ScoreSet *set, uint16_t *labels)
{
    if (!df_listens(c))
        return df_score_labels(c->pool, c->k, set, labels, NULL, NULL);
    const ScoreView *view = &set->views[0];
    DfTensor *slide = df_new(c, DF_SHAPE(1, view->height, view->width, set->classes));
    DfTensor *scores = df_new(c, DF_SHAPE(1, set->height, set->width, set->classes)), *prob = df_new(c, DF_SHAPE(1, set->height, set->width, set->classes));
    int error = df_ctx_error(c);
    if (error == DF_OK)
        error = df_score_view(c->k, set, view, slide->data);
    if (error == DF_OK)
        error = df_score_labels(c->pool, c->k, set, labels, scores->data, prob->data);
    if (net->mode == SLIDE)
        df_observe(c, slide, "slide_logits", -1);
    df_observe(c, scores, "seg_logits", -1);
    df_observe(c, prob, "prob", -1);
    return error;
}

/* The memory of the largest view is enough for the others after it. */
static void largest_first(DfTensor *const *images, int n, int *order)
{
    for (int i = 0, k; i < n; i++) {
        for (k = i; k > 0 && df_size(images[order[k - 1]]) < df_size(images[i]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
}

static int segment(DfCtx *c, const void *self, DfTensor *const *images, const DfImageMeta *metas, int n, uint16_t *labels)
{
    const EncoderDecoder *net = self;
    ScoreView views[VIEWS];
    int order[VIEWS];
    if (n < 1 || n > VIEWS)
        return df_fail(DF_EVALUE, "%d views of an image: want 1 to %d", n, VIEWS);
    DfArena *arena = df_arena_new();
    const ScoreSet set = { net->head.record->classes(net->head.self), metas[0].ori_h, metas[0].ori_w, net->head.record->align_corners(net->head.self), n, views };
    int error = arena ? hear_whole(c, net, images[0], &set) : df_fail_memory("the windows of an image");
    df_mute(c, true);
    largest_first(images, n, order);
    for (int k = 0; error == DF_OK && k < n; k++)
        error = run_view(c, net, images[order[k]], &metas[order[k]], &views[order[k]], arena);
    df_mute(c, false);
    if (error == DF_OK)
        error = score(c, net, &set, labels);
    df_arena_free(arena);
    return error;
}

static int classes(const void *self)
{
    const EncoderDecoder *net = self;
    return net->head.record->classes(net->head.self);
}

const DfArchitecture df_architecture_encoder_decoder = {
    .name = "EncoderDecoder",
    .help = "semantic segmentation: backbone, neck, decode head (mmseg)",
    .size = sizeof(EncoderDecoder),
    .opts = opts,
    .init = init,
    .ignorable = df_trunk_ignorable,
    .classes = classes,
    .forward = forward,
    .segment = segment,
};
