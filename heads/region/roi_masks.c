/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_masks.c -- a mask for every detection: the mask heads on the detected boxes, and each result pasted straight into run
 * lengths, so that memory does not grow with the image.
 */
#include "heads/region/roi_detect.h"

#include <math.h>
#include <string.h>

#include "heads/views.h"

/* The detections of a batch, one after the other. */
typedef struct {
    DfArena *arena;
    int rows, height, width; /* of the small masks       */
    float *rois;             /* [rows][5]                */
    float *masks;            /* [rows][height][width]    */
    int *labels;             /* [rows]                   */
    float (*boxes)[4];       /* in the image of the mask */
    int (*sizes)[2];         /* of that image            */
    DfMask **out;
    int *errors;
    float threshold;
} Rows;

/* ---- small masks ------------------------------------------------------------------------------------------------- */

/* Adds the probabilities of each row's own class, mirrored back. */
static void add_probabilities(Rows *r, const DfTensor *logits, bool flip_x, bool flip_y)
{
    const size_t H = (size_t)r->height, W = (size_t)r->width, C = (size_t)df_dim(logits, 3);
    for (size_t i = 0; i < (size_t)r->rows; i++) {
        const float *from = logits->data + i * H * W * C + (C > 1 ? (size_t)r->labels[i] : 0);
        float *to = r->masks + i * H * W;
        for (size_t y = 0; y < H; y++)
            for (size_t x = 0; x < W; x++, to++)
                *to += 1.0f / (1.0f + expf(-from[((flip_y ? H - 1 - y : y) * W + (flip_x ? W - 1 - x : x)) * C]));
    }
}

static int add_stage(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, bool flip_x, bool flip_y, Rows *r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const DfTensor *logits = df_roi_masks(c, h, stage, maps, r->rois, r->rows);
    df_roi_observe(c, h, stage, "mask_logits", logits);
    if (!c->err && !r->masks) {
        r->height = df_dim(logits, 1);
        r->width = df_dim(logits, 2);
        r->masks = df_arena_alloc(r->arena, (size_t)r->rows * (size_t)r->height, (size_t)r->width * sizeof *r->masks);
        if (!r->masks)
            df_ctx_fail(c, DF_ENOMEM, "out of memory for masks");
    }
    if (!c->err && (df_dim(logits, 1) != r->height || df_dim(logits, 2) != r->width))
        df_ctx_fail(c, DF_ESHAPE, "the masks of stage %d are %d x %d, those before %d x %d", stage, df_dim(logits, 1), df_dim(logits, 2), r->height, r->width);
    if (!c->err)
        add_probabilities(r, logits, flip_x, flip_y);
    df_leave_all(c, m, NULL, 0);
    return df_ctx_error(c);
}

/* ---- pasting ----------------------------------------------------------------------------------------------------- */

static void paste(void *arg, size_t i, void *scratch)
{
    const Rows *r = arg;
    const size_t area = (size_t)r->height * (size_t)r->width;
    (void)scratch;
    r->errors[i] = df_paste_mask(r->out[i], r->masks + i * area, r->height, r->width, r->boxes[i], r->sizes[i][0], r->sizes[i][1], r->threshold);
}

/* `n` masks of each were added up. */
static int paste_all(DfCtx *c, Rows *r, int n)
{
    const DfMark m = df_enter(c, "paste", -1);
    for (size_t i = 0; n > 1 && i < (size_t)r->rows * (size_t)r->height * (size_t)r->width; i++)
        r->masks[i] /= (float)n;
    int error = df_parallel(c->pool, (size_t)r->rows, 0, paste, r);
    for (int i = 0; error == DF_OK && i < r->rows; i++)
        if (r->errors[i] < 0)
            error = r->errors[i] == DF_ENOMEM ? df_fail_memory("masks") : df_fail(r->errors[i], "a mask of %d x %d pixels", r->sizes[i][0], r->sizes[i][1]);
    df_leave_all(c, m, NULL, 0);
    return error;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int rows_init(Rows *r, const RoiHead *h, int n, DfDetections *results)
{
    size_t rows = 0;
    for (int i = 0; i < n; i++)
        rows += results[i].n;
    const float threshold = (float)h->mask_thr_binary;
    *r = (Rows){ .arena = df_arena_new(), .rows = (int)rows, .threshold = threshold >= 0 ? threshold : 1.0f / 255 }; /* below 0 mmdet shows all that is not black */
    if (!r->arena)
        return df_fail_memory("masks");
    r->rois = df_arena_alloc(r->arena, rows, 5 * sizeof *r->rois);
    r->labels = df_arena_alloc(r->arena, rows, sizeof *r->labels);
    r->boxes = df_arena_alloc(r->arena, rows, sizeof *r->boxes);
    r->sizes = df_arena_alloc(r->arena, rows, sizeof *r->sizes);
    r->out = df_arena_alloc(r->arena, rows, sizeof *r->out);
    r->errors = df_arena_alloc(r->arena, rows, sizeof *r->errors);
    if (!r->rois || !r->labels || !r->boxes || !r->sizes || !r->out || !r->errors)
        return df_fail_memory("masks");
    for (int i = 0; i < n; i++)
        if (!(results[i].masks = df_calloc(results[i].n + 1, sizeof *results[i].masks)))
            return df_fail_memory("masks");
    return DF_OK;
}

/* Detections are in original pixels if `rescale`, regions always in the network's. */
static void fill_row(Rows *r, int row, int image, const DfDetection *d, const DfImageMeta *meta, bool rescale)
{
    float *roi = r->rois + 5 * (size_t)row;
    roi[0] = (float)image;
    r->labels[row] = d->label;
    for (int k = 0; k < 4; k++) {
        roi[k + 1] = rescale ? d->box[k] * meta->scale_factor[k] : d->box[k];
        r->boxes[row][k] = rescale ? roi[k + 1] / meta->scale_factor[k] : roi[k + 1]; /* there and back, as the reference does */
    }
    r->sizes[row][0] = rescale ? meta->ori_h : (int)rint((double)meta->ori_h * (double)meta->scale_factor[1]);
    r->sizes[row][1] = rescale ? meta->ori_w : (int)rint((double)meta->ori_w * (double)meta->scale_factor[0]);
}

int df_roi_add_masks(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    Rows r;
    int error = rows_init(&r, h, n, results), row = 0;
    for (int i = 0; error == DF_OK && i < n; i++)
        for (size_t k = 0; k < results[i].n; k++, row++) {
            r.out[row] = &results[i].masks[k];
            fill_row(&r, row, i, &results[i].v[k], &metas[i], rescale);
        }
    if (error == DF_OK && r.rows && df_listens(c)) {
        const DfMark m = df_enter(c, NULL, -1);
        df_observe(c, df_from(c, DF_SHAPE(r.rows, 5), r.rois), "mask_rois", -1);
        df_leave_all(c, m, NULL, 0);
    }
    for (int i = 0; error == DF_OK && r.rows && i < h->num_stages; i++)
        error = add_stage(c, h, i, maps, false, false, &r);
    if (error == DF_OK && r.rows)
        error = paste_all(c, &r, h->num_stages);
    df_arena_free(r.arena);
    return error;
}

int df_roi_add_view_masks(DfCtx *c, const RoiHead *h, const DfMaps *views, const DfImageMeta *metas, int n, DfDetections *result)
{
    Rows r;
    int error = rows_init(&r, h, 1, result);
    for (int k = 0; error == DF_OK && k < r.rows; k++) {
        r.out[k] = &result->masks[k];
        r.labels[k] = result->v[k].label;
        r.sizes[k][0] = metas[0].ori_h;
        r.sizes[k][1] = metas[0].ori_w;
        memcpy(r.boxes[k], result->v[k].box, sizeof r.boxes[k]);
    }
    for (int i = 0; error == DF_OK && r.rows && i < n; i++) {
        for (size_t k = 0; k < (size_t)r.rows; k++) {
            memcpy(r.rois + 5 * k + 1, result->v[k].box, 4 * sizeof(float));
            df_box_to_view(r.rois + 5 * k + 1, &metas[i]);
        }
        for (int stage = 0; error == DF_OK && stage < h->num_stages; stage++)
            error = add_stage(c, h, stage, &views[i], metas[i].flip_x, metas[i].flip_y, &r);
    }
    if (error == DF_OK && r.rows)
        error = paste_all(c, &r, n * h->num_stages);
    df_arena_free(r.arena);
    return error;
}
