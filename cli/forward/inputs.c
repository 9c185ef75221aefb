/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/inputs.c -- reads pictures as tensors, and their sizes.
 */
#include "cli/forward/forward.h"

#include <string.h>

int cli_read_image(CliSession *s, const CliInput *input, const char *name, DfTensor **image)
{
    const DfArray *array = df_checkpoint_find(input->file, name);
    const int channels = df_model_channels(s->model);
    if (!array || array->ndim != 4 || array->shape[1] != channels)
        return df_fail(DF_EFORMAT, "%s: want a tensor `%s` of shape N %d H W", input->path, name, channels);
    for (int i = 0; i < 4; i++)
        if (array->shape[i] < 1 || array->shape[i] > 32768)
            return df_fail(DF_EFORMAT, "%s: `%s` has size %lld in dimension %d: want 1 to 32768", input->path, name,
                           (long long)array->shape[i], i);
    if (array->shape[2] * array->shape[3] > 1 << 24 || array->shape[0] > 1024)
        return df_fail(DF_EFORMAT, "%s: `image` is %lld x %d x %lld x %lld: want at most 1024 images of %d pixels",
                       input->path, (long long)array->shape[0], channels, (long long)array->shape[2],
                       (long long)array->shape[3], 1 << 24);
    DfArray nhwc = *array; /* the same bytes, read in our order */
    const int order[4] = { 0, 2, 3, 1 };
    for (int i = 0; i < 4; i++) {
        nhwc.shape[i] = array->shape[order[i]];
        nhwc.stride[i] = array->stride[order[i]];
    }
    *image = df_new(s->c, DF_SHAPE((int)nhwc.shape[0], (int)nhwc.shape[1], (int)nhwc.shape[2], channels));
    if (df_ctx_error(s->c) == DF_OK)
        df_array_f32(&nhwc, (*image)->data);
    if (df_ctx_error(s->c) == DF_OK && array->dtype == DF_U8)
        for (size_t i = 0; i < df_size(*image); i++)
            (*image)->data[i] = ((*image)->data[i] - 128) / 64;
    return df_ctx_error(s->c);
}

int cli_batch_size(const CliInput *input)
{
    const DfArray *image = df_checkpoint_find(input->file, "image");
    if (!image)
        image = df_checkpoint_find(input->file, "image_u8");
    return image && image->ndim == 4 ? (int)image->shape[0] : 1;
}

static int number_at(const cJSON *list, int i, int fallback)
{
    const cJSON *item = cJSON_GetArrayItem(list, i);
    return cJSON_IsNumber(item) && item->valueint > 0 && item->valueint <= 65500 ? item->valueint : fallback;
}

DfImageMeta cli_read_meta(const cJSON *metas, int n, int H, int W)
{
    const cJSON *meta = cJSON_GetArrayItem(metas, n);
    const cJSON *ori = cJSON_GetObjectItem(meta, "ori_shape");
    const cJSON *img = cJSON_GetObjectItem(meta, "img_shape");
    const cJSON *scale = cJSON_GetObjectItem(meta, "scale_factor");
    const cJSON *pad = cJSON_GetObjectItem(meta, "pad_shape");
    DfImageMeta out = { .pad_h = number_at(pad, 0, H), .pad_w = number_at(pad, 1, W) };
    out.img_h = number_at(img, 0, H);
    out.img_w = number_at(img, 1, W);
    out.ori_h = number_at(ori, 0, out.img_h);
    out.ori_w = number_at(ori, 1, out.img_w);
    const int scales = cJSON_GetArraySize(scale); /* w h w h, or w h alone */
    for (int i = 0; i < 4; i++) {
        const cJSON *item = cJSON_GetArrayItem(scale, scales == 2 ? i % 2 : i);
        out.scale_factor[i] = cJSON_IsNumber(item) && item->valuedouble > 0 ? (float)item->valuedouble : 1.0f;
    }
    const bool flip = cJSON_IsTrue(cJSON_GetObjectItem(meta, "flip"));
    const char *way = cJSON_GetStringValue(cJSON_GetObjectItem(meta, "flip_direction"));
    out.flip_x = flip && (!way || strcmp(way, "vertical") != 0);
    out.flip_y = flip && way && strcmp(way, "horizontal") != 0;
    return out;
}

bool cli_in_detr_form(const CliInput *input, const DfTensor *image)
{
    const DfArray *mask = df_checkpoint_find(input->file, "mask");
    const DfArray *sizes = df_checkpoint_find(input->file, "target_sizes");
    return mask && mask->ndim == 3 && mask->shape[0] == df_dim(image, 0) && mask->shape[1] == df_dim(image, 1) &&
           mask->shape[2] == df_dim(image, 2) &&
           (!sizes || (sizes->ndim == 2 && sizes->shape[0] == df_dim(image, 0) && sizes->shape[1] == 2));
}

int cli_detr_metas(const CliInput *input, DfImageMeta *metas, int N, int H, int W)
{
    const DfArray *mask = df_checkpoint_find(input->file, "mask");
    const DfArray *sizes = df_checkpoint_find(input->file, "target_sizes");
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
