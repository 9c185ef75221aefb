/* SPDX-License-Identifier: Apache-2.0
 *
 * models/encoder_decoder.c -- semantic segmentation: backbone, neck, decode head; mmseg's EncoderDecoder. UPerNet (Xiao
 * et al., ECCV 2018), Semantic FPN (Kirillov et al., CVPR 2019), FCN (Long et al., CVPR 2015). Inference over the whole
 * image or a sliding window.
 */
#include <stdio.h>

#include "models/parts.h"

enum { AUXILIARY = 4, VIEWS = 64 };
enum { WHOLE, SLIDE };

typedef struct {
    Trunk trunk; /* first */
    const DfNode *decode_head, *auxiliary_head;
    PixelPart head, auxiliary[AUXILIARY];
    int n_auxiliary;
    bool older;             /* the config is one of mmseg before 1.0 */
    int mode;
    int crop[2], stride[2]; /* of the sliding window: y, x */
} EncoderDecoder;

static const DfOpt opts[] = {
    TRUNK_PARTS,
    DF_OPT_DICT(EncoderDecoder, decode_head, NULL, "head that gives the result, such as UPerHead"),
    DF_OPT_NODE(EncoderDecoder, auxiliary_head, "None", "head, or list of heads, used in training only"),
    TRUNK_SETTINGS("not used; mmseg has no settings here",
                "settings of inference: mode='whole', or mode='slide' with crop_size and stride"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

typedef struct {
    int mode;
    DfInts crop_size, stride;
} TestConfig;

static const DfOpt test_opts[] = {
    DF_OPT_ENUM(TestConfig, mode, whole, "whole|slide", "run on the whole image, or on a window that slides over it"),
    DF_OPT_INTS(TestConfig, crop_size, "None", 1, 65536, "slide: height and width of the window, in pixels"),
    DF_OPT_INTS(TestConfig, stride, "None", 1, 65536, "slide: step of the window down and to the right, in pixels"),
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

/* One head, or a list of them. */
static void auxiliary_init(NnScope s, EncoderDecoder *net, const DfNode *heads)
{
    if (!heads)
        return;
    if (heads->kind != DF_NODE_LIST) {
        df_pixel_part(s, &net->auxiliary[net->n_auxiliary++], heads);
        return;
    }
    if (heads->n > AUXILIARY)
        nn_fail(s, DF_EVALUE, "%d heads: want at most %d", heads->n, AUXILIARY);
    for (const DfNode *item = heads->first; nn_ok(s) && item; item = item->next, net->n_auxiliary++)
        df_pixel_part(nn_at(s, "%d", net->n_auxiliary), &net->auxiliary[net->n_auxiliary], item);
}

static void init(NnScope s, void *self, const DfNode *root)
{
    EncoderDecoder *net = self;
    test_cfg_init(s, net, df_trunk_test_cfg(&net->trunk, root));
    df_trunk_init(s, &net->trunk);
    df_pixel_part(nn_at(s, "decode_head"), &net->head, net->decode_head);
    auxiliary_init(nn_at(s, "auxiliary_head"), net, net->auxiliary_head);
    nn_optional(nn_at(s, "auxiliary_head")); /* some published checkpoints lack its weights */
    net->older = df_node_get(root, "img_norm_cfg") != NULL; /* mmseg 1 has a data_preprocessor instead */
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* Class scores of an image, at a fraction of its size. */
static DfTensor *encode_decode(DfCtx *c, const EncoderDecoder *net, DfTensor *image) /* N H W 3 -> N h w classes */
{
    const DfMark whole = df_enter(c, NULL, -1);
    DfMaps pyramid;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);                               /* N H/4 W/4 C .. N H/32 W/32 C' */
    const DfMark m = df_enter(c, "decode_head", -1);
    DfTensor *scores = net->head.record->forward(c, net->head.self, &pyramid);
    df_want_numbers(c, scores, "the scores", -1);
    scores = df_leave(c, m, scores);
    df_observe(c, scores, "decode_logits", -1);
    for (int i = 0; df_listens(c) && i < net->n_auxiliary; i++) {
        const PixelPart *part = &net->auxiliary[i];
        df_observe(c, part->record->forward(c, part->self, &pyramid), "aux_logits", i ? i : -1);
    }
    return df_leave(c, whole, scores);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    encode_decode(c, self, image);
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

static void head_losses(DfCtx *c, const EncoderDecoder *net, const PixelPart *part, const DfMaps *pyramid,
                        const DfTensor *image, const DfLossBatch *batch, const char *prefix, DfLosses *out)
{
    const DfPixelLossSettings how = {
        .prefix = prefix,
        .height = df_dim(image, 1),
        .width = df_dim(image, 2),
        .older = net->older,
    };
    part->record->losses(c, part->self, part->record->forward(c, part->self, pyramid), batch, &how, out);
}

/* A single auxiliary head has no number, in its scope and in its names. */
static void auxiliary_losses(DfCtx *c, const EncoderDecoder *net, const DfMaps *pyramid, const DfTensor *image,
                             const DfLossBatch *batch, DfLosses *out)
{
    const bool list = net->auxiliary_head && net->auxiliary_head->kind == DF_NODE_LIST;
    for (int i = 0; i < net->n_auxiliary; i++) {
        char prefix[16] = "aux.";
        if (list)
            snprintf(prefix, sizeof prefix, "aux_%d.", i);
        const DfMark m = df_enter(c, "auxiliary_head", list ? i : -1);
        head_losses(c, net, &net->auxiliary[i], pyramid, image, batch, prefix, out);
        df_leave_all(c, m, NULL, 0);
    }
}

static void losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const EncoderDecoder *net = self;
    DfMaps pyramid;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);
    const DfMark m = df_enter(c, "decode_head", -1);
    head_losses(c, net, &net->head, &pyramid, image, batch, "decode.", out);
    df_leave_all(c, m, NULL, 0);
    auxiliary_losses(c, net, &pyramid, image, batch, out);
}

/* ---- inference --------------------------------------------------------------------------------------------------- */

static int grid(int size, int crop, int stride)
{
    const int rest = size - crop + stride - 1;
    return (rest > 0 ? rest : 0) / stride + 1;
}

/* Window k of a size: the last one ends at the border, and one larger than the image is the image. */
static void place(int size, int crop, int stride, int k, int *from, int *length)
{
    const int end = df_clamp_int(k * stride + crop, 0, size);
    *from = df_clamp_int(end - crop, 0, size);
    *length = end - *from;
}

static DfTensor *cut(DfCtx *c, DfTensor *image, const DfScoreWindow *w)
{
    if (w->h == df_dim(image, 1) && w->w == df_dim(image, 2))
        return image;
    return df_slice(c, df_slice(c, image, 1, w->y, w->h), 2, w->x, w->w);
}

/* The window's scores are its own until the context is reset. */
static int run_window(DfCtx *c, const EncoderDecoder *net, DfTensor *image, DfScoreWindow *w)
{
    DfTensor *scores = encode_decode(c, net, cut(c, image, w));
    w->map_h = df_dim(scores, 1);
    w->map_w = df_dim(scores, 2);
    w->scores = scores->data;
    return df_ctx_error(c);
}

/* Window i of a view, in rows of `columns`. */
static DfScoreWindow window_at(const EncoderDecoder *net, int H, int W, int i, int columns)
{
    DfScoreWindow w = { .h = H, .w = W };
    if (net->mode == SLIDE) {
        place(H, net->crop[0], net->stride[0], i / columns, &w.y, &w.h);
        place(W, net->crop[1], net->stride[1], i % columns, &w.x, &w.w);
    }
    return w;
}

/* The side of a picture within a padded one; 0: it says nothing. */
static int unpadded(int picture, int padded)
{
    return picture > 0 && picture < padded ? picture : padded;
}

/* Scores of what was padded are nobody's: a view ends where the picture does, and its windows may reach farther. */
static int run_view(DfCtx *c, const EncoderDecoder *net, DfTensor *image, const DfImageMeta *meta, DfScoreView *view,
                    DfArena *arena)
{
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    int rows = 1, columns = 1;
    if (net->mode == SLIDE) {
        rows = grid(H, net->crop[0], net->stride[0]);
        columns = grid(W, net->crop[1], net->stride[1]);
    }
    *view = (DfScoreView){
        .height = unpadded(meta->img_h, H),
        .width = unpadded(meta->img_w, W),
        .n = rows * columns,
        .flip_x = meta->flip_x,
        .flip_y = meta->flip_y,
    };
    view->windows = df_arena_alloc(arena, (size_t)view->n, sizeof *view->windows);
    int error = view->windows ? DF_OK : df_fail_memory("the windows of an image");
    for (int i = 0; error == DF_OK && i < view->n; i++) {
        view->windows[i] = window_at(net, H, W, i, columns);
        error = run_window(c, net, image, &view->windows[i]);
    }
    return error;
}

/* A listener hears the network on the whole of the first view, then the scores of all views together, as large as the
 * reference has them. What it hears does not change the result. */
static int hear_whole(DfCtx *c, const EncoderDecoder *net, DfTensor *image, const DfScoreSet *shape)
{
    if (!df_listens(c) && !df_listens_points(c))
        return DF_OK;
    const int H = df_dim(image, 1), W = df_dim(image, 2);
    DfScoreWindow window = { .h = H, .w = W };
    const DfScoreView view = { .height = H, .width = W, .n = 1, .windows = &window };
    const DfScoreSet set = { shape->classes, H, W, shape->align_corners, .n = 1, .views = &view };
    int error = run_window(c, net, image, &window);
    if (error < 0 || !df_listens(c))
        return error;
    DfTensor *input = df_new(c, DF_SHAPE(1, H, W, shape->classes));
    error = df_ctx_error(c);
    if (error == DF_OK)
        error = df_score_view(c->k, &set, &view, input->data);
    if (error == DF_OK)
        df_observe(c, input, "input_logits", -1);
    return error;
}

static int score(DfCtx *c, const EncoderDecoder *net, const DfScoreSet *set, uint16_t *labels)
{
    if (!df_listens(c))
        return df_score_labels(c->pool, c->k, set, labels, NULL, NULL);
    const DfScoreView *view = &set->views[0];
    DfTensor *slide = df_new(c, DF_SHAPE(1, view->height, view->width, set->classes));
    DfTensor *scores = df_new(c, DF_SHAPE(1, set->height, set->width, set->classes));
    DfTensor *prob = df_new(c, DF_SHAPE(1, set->height, set->width, set->classes));
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
    for (int i = 0; i < n; i++) {
        int k = i;
        for (; k > 0 && df_size(images[order[k - 1]]) < df_size(images[i]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
}

static int run_views(DfCtx *c, const EncoderDecoder *net, DfTensor *const *images, const DfImageMeta *metas, int n,
                     DfScoreView *views, DfArena *arena)
{
    int order[VIEWS];
    int error = DF_OK;
    largest_first(images, n, order);
    df_mute(c, true);
    for (int k = 0; error == DF_OK && k < n; k++) {
        const int i = order[k];
        error = run_view(c, net, images[i], &metas[i], &views[i], arena);
    }
    df_mute(c, false);
    return error;
}

static int segment(DfCtx *c, const void *self, DfTensor *const *images, const DfImageMeta *metas, int n,
                   uint16_t *labels)
{
    const EncoderDecoder *net = self;
    const PixelPart *head = &net->head;
    if (n < 1 || n > VIEWS)
        return df_fail(DF_EVALUE, "%d views of an image: want 1 to %d", n, VIEWS);
    DfScoreView views[VIEWS];
    const DfScoreSet set = {
        .classes = head->record->classes(head->self),
        .height = metas[0].ori_h,
        .width = metas[0].ori_w,
        .align_corners = head->record->align_corners(head->self),
        .n = n,
        .views = views,
    };
    DfArena *arena = df_arena_new();
    int error = arena ? hear_whole(c, net, images[0], &set) : df_fail_memory("the windows of an image");
    if (error == DF_OK)
        error = run_views(c, net, images, metas, n, views, arena);
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
    .losses = losses,
};
