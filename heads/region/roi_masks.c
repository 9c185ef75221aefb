/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_masks.c -- a mask for every detection: runs the mask heads on the detected boxes, and pastes each
 * result directly into run lengths, so that memory does not grow with the image. He et al., Mask R-CNN, ICCV 2017,
 * section 3.1, "Inference".
 */
#include "heads/region/roi_masks.h"

#include <math.h>
#include <string.h>

#include "heads/region/roi_forward.h"
#include "heads/views.h"

/* What a detection's mask is pasted into. */
typedef struct {
    int label;
    float box[4];      /* in the image of the mask */
    int height, width; /* of that image            */
    DfMask *out;
    int error;
} Canvas;

/* The detections of a batch, one after the other. */
typedef struct {
    DfArena *arena;
    int n;
    Canvas *canvas;    /* [n]                                     */
    float *rois;       /* [n][5]                                  */
    int height, width; /* of a small mask                         */
    float *masks;      /* [n][height][width]: sums of probabilities */
    float threshold;
    DfPaste how;
} MaskBatch;

/* ---- the batch --------------------------------------------------------------------------------------------------- */

static int batch_init(MaskBatch *b, const RoiHead *h, int n, DfDetections *results)
{
    size_t rows = 0;
    for (int i = 0; i < n; i++)
        rows += results[i].n;
    *b = (MaskBatch){ .arena = df_arena_new(), .n = (int)rows, .threshold = (float)h->mask_thr_binary,
                       .how = (DfPaste)h->mask_paste };
    if (!(b->threshold >= 0))
        b->threshold = 1.0f / 255; /* below 0 mmdet shows all that is not black */
    b->canvas = b->arena ? df_arena_alloc(b->arena, rows, sizeof *b->canvas) : NULL;
    b->rois = b->arena ? df_arena_alloc(b->arena, rows, 5 * sizeof *b->rois) : NULL;
    if (!b->canvas || !b->rois)
        return df_fail_memory("masks");
    for (int i = 0; i < n; i++) {
        results[i].masks = df_calloc(results[i].n + 1, sizeof *results[i].masks);
        if (!results[i].masks)
            return df_fail_memory("masks");
    }
    return DF_OK;
}

/* A detection in original pixels (`rescale`) goes to network pixels and back, as in mmdet: its box may change in the
 * last bit. */
static void add_canvas(MaskBatch *b, int row, int image, const DfDetection *d, const DfImageMeta *meta, bool rescale,
                       DfMask *out)
{
    Canvas *canvas = &b->canvas[row];
    float *roi = b->rois + 5 * (size_t)row;
    *canvas = (Canvas){ .label = d->label, .out = out };
    roi[0] = (float)image;
    for (int k = 0; k < 4; k++) {
        roi[k + 1] = rescale ? d->box[k] * meta->scale_factor[k] : d->box[k];
        canvas->box[k] = rescale ? roi[k + 1] / meta->scale_factor[k] : roi[k + 1];
    }
    canvas->height = rescale ? meta->ori_h : (int)rint((double)meta->ori_h * (double)meta->scale_factor[1]);
    canvas->width = rescale ? meta->ori_w : (int)rint((double)meta->ori_w * (double)meta->scale_factor[0]);
}

/* ---- small masks ------------------------------------------------------------------------------------------------- */

/* Section 3 of the paper, "Mask Representation": a mask for every class, each a sigmoid, of which only that of the
 * detection's own class counts, so classes do not compete. A view's masks are mirrored back. */
static void add_probabilities(MaskBatch *b, const DfTensor *logits, bool flip_x, bool flip_y) /* n h w classes or 1 */
{
    const size_t H = (size_t)b->height, W = (size_t)b->width, C = (size_t)df_dim(logits, 3);
    for (size_t i = 0; i < (size_t)b->n; i++) {
        const size_t channel = C > 1 ? (size_t)b->canvas[i].label : 0;
        const float *from = logits->data + i * H * W * C + channel;
        float *to = b->masks + i * H * W;
        for (size_t y = 0; y < H; y++) {
            const float *row = from + (flip_y ? H - 1 - y : y) * W * C;
            for (size_t x = 0; x < W; x++)
                *to++ += 1.0f / (1.0f + expf(-row[(flip_x ? W - 1 - x : x) * C]));
        }
    }
}

/* The first logits tell how large the small masks are; all others must be as large. */
static void fit(DfCtx *c, MaskBatch *b, const DfTensor *logits, int stage)
{
    const int height = df_dim(logits, 1), width = df_dim(logits, 2);
    if (!b->masks) {
        b->height = height;
        b->width = width;
        b->masks = df_arena_alloc(b->arena, (size_t)b->n * (size_t)height, (size_t)width * sizeof *b->masks);
        if (!b->masks)
            df_ctx_fail(c, DF_ENOMEM, "out of memory for masks");
    } else if (height != b->height || width != b->width) {
        df_ctx_fail(c, DF_ESHAPE, "the masks of stage %d are %d x %d, those before %d x %d", stage, height, width,
                    b->height, b->width);
    }
}

/* The guards protect the plain loops over logits: after a failure the tensor has no numbers. */
static int add_stage(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, bool flip_x, bool flip_y, MaskBatch *b)
{
    const DfMark m = df_enter(c, NULL, -1);
    const DfTensor *logits = df_roi_masks(c, h, stage, maps, b->rois, b->n);
    df_roi_observe(c, h, stage, "mask_logits", logits);
    if (!c->err)
        fit(c, b, logits, stage);
    if (!c->err)
        add_probabilities(b, logits, flip_x, flip_y);
    df_leave_all(c, m, NULL, 0);
    return df_ctx_error(c);
}

static int add_stages(DfCtx *c, const RoiHead *h, const DfMaps *maps, bool flip_x, bool flip_y, MaskBatch *b)
{
    int error = DF_OK;
    for (int stage = 0; error == DF_OK && stage < h->num_stages; stage++)
        error = add_stage(c, h, stage, maps, flip_x, flip_y, b);
    return error;
}

/* ---- pasting ----------------------------------------------------------------------------------------------------- */

static void paste(void *arg, size_t i, void *scratch)
{
    const MaskBatch *b = arg;
    const size_t area = (size_t)b->height * (size_t)b->width;
    Canvas *canvas = &b->canvas[i];
    (void)scratch;
    canvas->error = df_paste_mask_as(b->how, canvas->out, b->masks + i * area, b->height, b->width, canvas->box,
                                     canvas->height, canvas->width, b->threshold);
}

static int canvas_error(const Canvas *canvas)
{
    if (canvas->error >= 0)
        return DF_OK;
    if (canvas->error == DF_ENOMEM)
        return df_fail_memory("masks");
    return df_fail(canvas->error, "a mask of %d x %d pixels", canvas->height, canvas->width);
}

/* `n` masks of each were added up: by stages, and by views. */
static int paste_all(DfCtx *c, MaskBatch *b, int n)
{
    const DfMark m = df_enter(c, "paste", -1);
    const size_t numbers = (size_t)b->n * (size_t)b->height * (size_t)b->width;
    for (size_t i = 0; n > 1 && i < numbers; i++)
        b->masks[i] /= (float)n;
    int error = df_parallel(c->pool, (size_t)b->n, 0, paste, b);
    for (int i = 0; error == DF_OK && i < b->n; i++)
        error = canvas_error(&b->canvas[i]);
    df_leave_all(c, m, NULL, 0);
    return error;
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

int df_roi_add_masks(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfImageMeta *metas, int n, bool rescale,
                     DfDetections *results)
{
    MaskBatch b;
    int error = batch_init(&b, h, n, results);
    int row = 0;
    for (int i = 0; error == DF_OK && i < n; i++)
        for (size_t k = 0; k < results[i].n; k++)
            add_canvas(&b, row++, i, &results[i].v[k], &metas[i], rescale, &results[i].masks[k]);
    if (error == DF_OK && b.n) {
        df_roi_observe_rois(c, h, -1, "mask_rois", b.rois, b.n);
        error = add_stages(c, h, maps, false, false, &b);
    }
    if (error == DF_OK && b.n)
        error = paste_all(c, &b, h->num_stages);
    df_arena_free(b.arena);
    return error;
}

int df_roi_add_view_masks(DfCtx *c, const RoiHead *h, const DfMaps *views, const DfImageMeta *metas, int n,
                          DfDetections *result)
{
    MaskBatch b;
    int error = batch_init(&b, h, 1, result);
    for (int k = 0; error == DF_OK && k < b.n; k++) {
        Canvas *canvas = &b.canvas[k];
        const DfDetection *d = &result->v[k];
        *canvas = (Canvas){
            .label = d->label,
            .height = metas->ori_h,
            .width = metas->ori_w,
            .out = &result->masks[k],
        };
        memcpy(canvas->box, d->box, sizeof canvas->box);
    }
    for (int i = 0; error == DF_OK && b.n && i < n; i++) {
        for (int k = 0; k < b.n; k++) {
            float *roi = b.rois + 5 * (size_t)k;
            memcpy(roi + 1, result->v[k].box, 4 * sizeof *roi);
            df_box_to_view(roi + 1, &metas[i]);
        }
        error = add_stages(c, h, &views[i], metas[i].flip_x, metas[i].flip_y, &b);
    }
    if (error == DF_OK && b.n)
        error = paste_all(c, &b, n * h->num_stages);
    df_arena_free(b.arena);
    return error;
}
