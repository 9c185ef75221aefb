/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward.c -- deformer forward: one pass on a given tensor, every output by its official name.
 */
#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <string.h>

static const char *input_path, *output_path, *wrapper;
static bool all, allow_missing;

static const CliOption options[] = {
    CLI_OPT_TEXT(
        "--input", input_path, "FILE",
        "required: a .safetensors file with `image` (N 3 H W, normalised); for detectors also with the metadata `img_metas`"),
    CLI_OPT_TEXT("--output", output_path, "FILE", "required: the .safetensors file to write"),
    CLI_OPT_FLAG("--all", all, "also save the output of every module, under its path in the network"),
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
    CLI_OPT_END
};

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

typedef struct {
    DfArena *arena;
    DfArray *arrays;
    size_t n, capacity;
    int error;
} Outputs;

static void add_output(Outputs *o, const char *name, DfDtype dtype, int ndim, const int *dims, const void *data)
{
    if (o->error < 0)
        return;
    char *copy = df_arena_copy(o->arena, name, strlen(name));
    if (!copy || !data || !df_grow((void **)&o->arrays, &o->capacity, o->n, sizeof *o->arrays)) {
        o->error = df_fail_memory("the outputs");
        return;
    }
    DfArray *array = &o->arrays[o->n++];
    *array = (DfArray){ .name = copy, .dtype = dtype, .ndim = ndim, .data = data };
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        array->shape[i] = dims[i];
        array->stride[i] = stride;
        stride *= dims[i];
    }
}

/* Maps go out as they are known: N C H W. */
static void hear(void *user, const char *name, const DfTensor *x)
{
    Outputs *o = user;
    const size_t n = df_size(x);
    float *copy = df_arena_alloc(o->arena, n + 1, sizeof *copy);
    DfShape shape = x->shape;
    if (copy && shape.n == 4) {
        const size_t N = (size_t)shape.d[0];
        const size_t P = (size_t)shape.d[1] * (size_t)shape.d[2];
        const size_t C = (size_t)shape.d[3];
        for (size_t b = 0; b < N; b++)
            for (size_t p = 0; p < P; p++)
                for (size_t ch = 0; ch < C; ch++)
                    copy[(b * C + ch) * P + p] = x->data[(b * P + p) * C + ch];
        shape = DF_SHAPE(x->shape.d[0], x->shape.d[3], x->shape.d[1], x->shape.d[2]);
    } else if (copy) {
        memcpy(copy, x->data, n * sizeof *copy);
    }
    add_output(o, name, DF_F32, shape.n, shape.d, copy);
}

static void add_detections(Outputs *o, const DfDetections *found, const char *boxes_name, const char *labels_name)
{
    float *boxes = df_arena_alloc(o->arena, found->n + 1, 5 * sizeof *boxes);
    int64_t *labels = df_arena_alloc(o->arena, found->n + 1, sizeof *labels);
    for (size_t i = 0; boxes && labels && i < found->n; i++) {
        memcpy(boxes + 5 * i, found->v[i].box, 4 * sizeof *boxes);
        boxes[5 * i + 4] = found->v[i].score;
        labels[i] = found->v[i].label;
    }
    const int n = (int)found->n;
    add_output(o, boxes_name, DF_F32, 2, (int[]){ n, 5 }, boxes);
    add_output(o, labels_name, DF_I64, 1, (int[]){ n }, labels);
}

/* One byte a pixel: n H W of 0 and 1. */
static void add_masks(Outputs *o, const DfDetections *found, const DfImageMeta *meta, const char *name)
{
    const size_t H = (size_t)meta->ori_h, W = (size_t)meta->ori_w;
    uint8_t *pixels = df_arena_alloc(o->arena, found->n + 1, H * W);
    for (size_t i = 0; pixels && i < found->n; i++) {
        size_t at = 0;
        for (size_t k = 0; k < found->masks[i].n; k++)
            for (const size_t end = at + found->masks[i].runs[k]; at < end; at++)
                pixels[i * H * W + at % H * W + at / H] = k % 2;
    }
    add_output(o, name, DF_U8, 3, (int[]){ (int)found->n, meta->ori_h, meta->ori_w }, pixels);
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

static int read_image(CliSession *s, const DfCheckpoint *file, const char *name, DfTensor **image)
{
    const DfArray *array = df_checkpoint_find(file, name);
    if (!array || array->ndim != 4 || array->shape[1] != 3)
        return df_fail(DF_EFORMAT, "%s: want a tensor `%s` of shape N 3 H W", input_path, name);
    for (int i = 0; i < 4; i++)
        if (array->shape[i] < 1 || array->shape[i] > 32768)
            return df_fail(DF_EFORMAT, "%s: `%s` has size %lld in dimension %d: want 1 to 32768", input_path, name,
                           (long long)array->shape[i], i);
    if (array->shape[2] * array->shape[3] > 1 << 24 || array->shape[0] > 1024)
        return df_fail(DF_EFORMAT, "%s: `image` is %lld x 3 x %lld x %lld: want at most 1024 images of %d pixels",
                       input_path, (long long)array->shape[0], (long long)array->shape[2], (long long)array->shape[3],
                       1 << 24);
    DfArray nhwc = *array; /* the same bytes, read in our order */
    const int order[4] = { 0, 2, 3, 1 };
    for (int i = 0; i < 4; i++) {
        nhwc.shape[i] = array->shape[order[i]];
        nhwc.stride[i] = array->stride[order[i]];
    }
    *image = df_new(s->c, DF_SHAPE((int)nhwc.shape[0], (int)nhwc.shape[1], (int)nhwc.shape[2], 3));
    if (df_ctx_error(s->c) == DF_OK)
        df_array_f32(&nhwc, (*image)->data);
    return df_ctx_error(s->c);
}

static int number_at(const cJSON *list, int i, int fallback)
{
    const cJSON *item = cJSON_GetArrayItem(list, i);
    return cJSON_IsNumber(item) && item->valueint > 0 && item->valueint <= 65500 ? item->valueint : fallback;
}

/* Without img_metas the image is taken as it is: not resized, not padded. */
static DfImageMeta read_meta(const cJSON *metas, int n, int H, int W)
{
    const cJSON *meta = cJSON_GetArrayItem(metas, n);
    const cJSON *ori = cJSON_GetObjectItem(meta, "ori_shape");
    const cJSON *img = cJSON_GetObjectItem(meta, "img_shape");
    const cJSON *scale = cJSON_GetObjectItem(meta, "scale_factor");
    DfImageMeta out = { .pad_h = H, .pad_w = W };
    out.img_h = number_at(img, 0, H);
    out.img_w = number_at(img, 1, W);
    out.ori_h = number_at(ori, 0, out.img_h);
    out.ori_w = number_at(ori, 1, out.img_w);
    for (int i = 0; i < 4; i++) {
        const cJSON *item = cJSON_GetArrayItem(scale, i);
        out.scale_factor[i] = cJSON_IsNumber(item) && item->valuedouble > 0 ? (float)item->valuedouble : 1.0f;
    }
    const bool flip = cJSON_IsTrue(cJSON_GetObjectItem(meta, "flip"));
    const char *way = cJSON_GetStringValue(cJSON_GetObjectItem(meta, "flip_direction"));
    out.flip_x = flip && (!way || strcmp(way, "vertical") != 0);
    out.flip_y = flip && way && strcmp(way, "horizontal") != 0;
    return out;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* Once in original pixels, heard by the listener, and once in network pixels. */
static int detect(CliSession *s, Outputs *o, DfTensor *image, const DfImageMeta *metas, bool rescale)
{
    const int N = df_dim(image, 0);
    DfDetections *found = df_calloc((size_t)N, sizeof *found);
    int error = found ? df_model_detect(s->model, s->c, image, metas, N, rescale, found) : df_fail_memory("detections");
    for (int n = 0; error == DF_OK && n < N; n++) {
        char boxes[40], labels[40], tail[16] = "";
        if (N > 1)
            snprintf(tail, sizeof tail, "_%d", n);
        snprintf(boxes, sizeof boxes, "boxes%s%s", rescale ? "" : "_noscale", tail);
        snprintf(labels, sizeof labels, "labels%s%s", rescale ? "" : "_noscale", tail);
        add_detections(o, &found[n], boxes, labels);
        if (rescale && found[n].masks) {
            snprintf(boxes, sizeof boxes, "masks%s", tail);
            add_masks(o, &found[n], &metas[n], boxes);
        }
    }
    for (int n = 0; found && n < N; n++)
        df_detections_free(&found[n]);
    df_free(found);
    return error;
}

static int detect_both(CliSession *s, Outputs *o, DfTensor *image, const char *json)
{
    const int N = df_dim(image, 0);
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    DfImageMeta *metas = df_calloc((size_t)N, sizeof *metas);
    int error = json && !list ? df_fail(DF_EFORMAT, "%s: its metadata `img_metas` is not JSON", input_path) : DF_OK;
    if (!metas)
        error = df_fail_memory("img_metas");
    for (int n = 0; error == DF_OK && n < N; n++)
        metas[n] = read_meta(list, n, df_dim(image, 1), df_dim(image, 2));
    if (error == DF_OK)
        error = detect(s, o, image, metas, true);
    df_listen(s->c, NULL, false, NULL);
    if (error == DF_OK)
        error = detect(s, o, image, metas, false);
    df_free(metas);
    cJSON_Delete(list);
    return error;
}

/* DETR's form: `mask` (N H W, not 0 where there is padding, right and below) and `target_sizes` (N 2: height and
 * width of the originals) stand beside the image; scores_i, labels_i and boxes_i come out. */
static bool in_detr_form(const DfCheckpoint *input, const DfTensor *image)
{
    const DfArray *mask = df_checkpoint_find(input, "mask");
    const DfArray *sizes = df_checkpoint_find(input, "target_sizes");
    return mask && mask->ndim == 3 && mask->shape[0] == df_dim(image, 0) && mask->shape[1] == df_dim(image, 1) &&
           mask->shape[2] == df_dim(image, 2) &&
           (!sizes || (sizes->ndim == 2 && sizes->shape[0] == df_dim(image, 0) && sizes->shape[1] == 2));
}

static int detr_metas(const DfCheckpoint *input, DfImageMeta *metas, int N, int H, int W)
{
    const DfArray *mask = df_checkpoint_find(input, "mask");
    const DfArray *sizes = df_checkpoint_find(input, "target_sizes");
    float *off = df_malloc((size_t)df_array_count(mask) * sizeof *off + 1);
    int64_t *size = df_malloc((size_t)N * 2 * sizeof *size);
    if (off && size) {
        df_array_f32(mask, off);
        if (sizes)
            df_array_i64(sizes, size);
        for (int n = 0; n < N; n++) {
            const float *of = off + (size_t)n * (size_t)H * (size_t)W;
            DfImageMeta meta = { .pad_h = H, .pad_w = W, .scale_factor = { 1, 1, 1, 1 } };
            while (meta.img_h < H && of[(size_t)meta.img_h * (size_t)W] == 0)
                meta.img_h++;
            while (meta.img_w < W && of[meta.img_w] == 0)
                meta.img_w++;
            meta.ori_h = sizes && size[2 * n] > 0 && size[2 * n] < 1 << 20 ? (int)size[2 * n] : meta.img_h;
            meta.ori_w = sizes && size[2 * n + 1] > 0 && size[2 * n + 1] < 1 << 20 ? (int)size[2 * n + 1] : meta.img_w;
            for (int i = 0; i < 4; i++)
                meta.scale_factor[i] =
                    i % 2 ? (float)meta.img_h / (float)meta.ori_h : (float)meta.img_w / (float)meta.ori_w;
            metas[n] = meta;
        }
    }
    const bool ok = off && size;
    df_free(off);
    df_free(size);
    return ok ? DF_OK : df_fail_memory("the mask");
}

static void add_detr(Outputs *o, const DfDetections *found, int image)
{
    float *scores = df_arena_alloc(o->arena, found->n + 1, sizeof *scores);
    float *boxes = df_arena_alloc(o->arena, found->n + 1, 4 * sizeof *boxes);
    int64_t *labels = df_arena_alloc(o->arena, found->n + 1, sizeof *labels);
    for (size_t i = 0; scores && boxes && labels && i < found->n; i++) {
        memcpy(boxes + 4 * i, found->v[i].box, 4 * sizeof *boxes);
        scores[i] = found->v[i].score;
        labels[i] = found->v[i].label;
    }
    const int n = (int)found->n;
    char name[3][32];
    snprintf(name[0], sizeof name[0], "scores_%d", image);
    snprintf(name[1], sizeof name[1], "labels_%d", image);
    snprintf(name[2], sizeof name[2], "boxes_%d", image);
    add_output(o, name[0], DF_F32, 1, (int[]){ n }, scores);
    add_output(o, name[1], DF_I64, 1, (int[]){ n }, labels);
    add_output(o, name[2], DF_F32, 2, (int[]){ n, 4 }, boxes);
}

static int detect_detr(CliSession *s, Outputs *o, DfTensor *image, const DfCheckpoint *input)
{
    const int N = df_dim(image, 0);
    DfImageMeta *metas = df_calloc((size_t)N, sizeof *metas);
    DfDetections *found = df_calloc((size_t)N, sizeof *found);
    int error = metas && found ? detr_metas(input, metas, N, df_dim(image, 1), df_dim(image, 2))
                               : df_fail_memory("detections");
    if (error == DF_OK)
        error = df_model_detect(s->model, s->c, image, metas, N, true, found);
    for (int n = 0; error == DF_OK && n < N; n++)
        add_detr(o, &found[n], n);
    for (int n = 0; found && n < N; n++)
        df_detections_free(&found[n]);
    df_free(metas);
    df_free(found);
    return error;
}

/* One image in one view, `image`, or in several, `image_0`, `image_1`, ... */
enum { VIEWS = 64 };
typedef struct {
    DfTensor *image[VIEWS];
    DfImageMeta meta[VIEWS];
    int n;
} Views;

static int read_views(CliSession *s, const DfCheckpoint *input, Views *v)
{
    const char *json = df_checkpoint_metadata(input, "img_metas");
    cJSON *list = json ? cJSON_Parse(json) : NULL;
    int error = DF_OK;
    const bool one = df_checkpoint_find(input, "image") != NULL;
    v->n = 0;
    for (bool more = true; error == DF_OK && more && v->n < VIEWS; v->n++) {
        char name[24], next[24];
        snprintf(name, sizeof name, one ? "image" : "image_%d", v->n);
        snprintf(next, sizeof next, "image_%d", v->n + 1);
        error = read_image(s, input, name, &v->image[v->n]);
        if (error == DF_OK)
            v->meta[v->n] = read_meta(list, v->n, df_dim(v->image[v->n], 1), df_dim(v->image[v->n], 2));
        more = !one && df_checkpoint_find(input, next);
    }
    cJSON_Delete(list);
    return error;
}

static int detect_views(CliSession *s, Outputs *o, const DfCheckpoint *input)
{
    Views v;
    DfDetections found = { 0 };
    int error = read_views(s, input, &v);
    if (error == DF_OK)
        error = df_model_detect_views(s->model, s->c, v.image, v.meta, v.n, &found);
    if (error == DF_OK)
        add_detections(o, &found, "boxes", "labels");
    if (error == DF_OK && found.masks)
        add_masks(o, &found, &v.meta[0], "masks");
    df_detections_free(&found);
    return error;
}

static int segment(CliSession *s, Outputs *o, const DfCheckpoint *input)
{
    Views v;
    int error = read_views(s, input, &v);
    if (error < 0)
        return error;
    const int H = v.meta[0].ori_h, W = v.meta[0].ori_w;
    uint16_t *labels = df_arena_alloc(o->arena, (size_t)H * (size_t)W, sizeof *labels);
    int64_t *wide = labels ? df_arena_alloc(o->arena, (size_t)H * (size_t)W, sizeof *wide) : NULL;
    if (!wide)
        error = df_fail_memory("the labels");
    if (error == DF_OK)
        error = df_model_segment(s->model, s->c, v.image, v.meta, v.n, labels);
    for (size_t i = 0; error == DF_OK && i < (size_t)H * (size_t)W; i++)
        wide[i] = labels[i];
    if (error == DF_OK)
        add_output(o, "seg_map", DF_I64, 2, (int[]){ H, W }, wide);
    return error;
}

static int pass(CliSession *s, const DfCheckpoint *input, Outputs *o)
{
    DfTensor *image = NULL;
    df_listen(s->c, hear, all, o);
    if (df_model_is_segmentor(s->model)) {
        const int failed = segment(s, o, input);
        return failed < 0 ? failed : o->error;
    }
    if (df_model_is_detector(s->model) && !df_checkpoint_find(input, "image") && df_checkpoint_find(input, "image_0")) {
        const int failed = detect_views(s, o, input);
        return failed < 0 ? failed : o->error;
    }
    int error = read_image(s, input, "image", &image);
    if (error < 0)
        return error;
    if (df_model_is_detector(s->model) && in_detr_form(input, image)) {
        error = detect_detr(s, o, image, input);
    } else if (df_model_is_detector(s->model)) {
        error = detect_both(s, o, image, df_checkpoint_metadata(input, "img_metas"));
    } else {
        df_model_forward(s->model, s->c, image);
        error = df_ctx_error(s->c);
    }
    return error < 0 ? error : o->error;
}

static int run(int n, const char *const *args)
{
    (void)n;
    if (!input_path || !output_path)
        return df_fail(CLI_EUSAGE, "want --input FILE and --output FILE");
    CliSession s = { 0 };
    DfCheckpoint *input = NULL;
    Outputs o = { .arena = df_arena_new() };
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    int error = o.arena ? cli_session_open(&s, args[0]) : df_fail_memory("the outputs");
    if (error == DF_OK)
        error = cli_session_load(&s, args[1], &load);
    if (error == DF_OK)
        error = df_checkpoint_open(&input, input_path, NULL);
    if (error == DF_OK)
        error = pass(&s, input, &o);
    if (error == DF_OK)
        error = df_checkpoint_write(output_path, o.arrays, (int)o.n, NULL, 0);
    df_checkpoint_close(input);
    df_free(o.arrays);
    df_arena_free(o.arena);
    cli_session_done(&s);
    return error;
}

const CliCommand cli_command_forward = {
    .name = "forward",
    .synopsis = "CONFIG CHECKPOINT --input FILE --output FILE [OPTION]...",
    .summary = "run a network once on a given tensor and save its outputs",
    .details = "Use it to compare results with another implementation. Input and output are\n"
               "tensors, with the names that the official code uses. CHECKPOINT is a .pth or\n"
               ".safetensors file, or `random`, or `random:SEED`.\n"
               "\n"
               "The output file holds, for\n"
               "  backbones   out0, out1, ..., or logits\n"
               "  detectors   backbone_i, fpn_i, cls_score_i, bbox_pred_i; boxes (x1 y1 x2 y2\n"
               "              score, in pixels of the original image) and labels; masks\n"
               "  DETR        scores_i, labels_i, boxes_i of each image, if the input file also\n"
               "              has `mask` (N H W, 1 where there is padding) and `target_sizes`\n"
               "              (N 2: height, width)\n"
               "  segmentors  seg_map, the class of each pixel",
    .examples = "  deformer forward CONFIG.py random --input x.safetensors --output y.safetensors",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
