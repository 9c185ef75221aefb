/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/forward/forward.c -- deformer forward: one pass on a given tensor, or the training steps of given batches;
 * writes every output under its official name.
 */
#include "cli/forward/forward.h"

static const char *output_path, *wrapper;
static CliTexts input_paths;
static bool all, losses, allow_missing;
static long steps;

static const CliOption options[] = {
    CLI_OPT_TEXTS(
        "--input", input_paths, "FILE",
        "required: a .safetensors file with `image` (N 3 H W, normalised); for detectors also with the metadata "
        "`img_metas`; with --steps it may be repeated"),
    CLI_OPT_TEXT("--output", output_path, "FILE", "required: the .safetensors file to write"),
    CLI_OPT_FLAG("--all", all, "also save the output of every module, under its path in the network"),
    CLI_OPT_FLAG("--losses", losses, "the input holds targets: save losses, gradients and buffers instead of results"),
    CLI_OPT_INT("--steps", steps, "N", 1, 1000000,
                "take N steps with the optimizer and the schedule of the config; step i uses input i modulo the "
                "number of inputs"),
    CLI_OPT_PRECISION,
    CLI_OPT_CHECKPOINT(wrapper, allow_missing),
    CLI_OPT_END
};

static int check_options(void)
{
    if (input_paths.n == 0 || !output_path)
        return df_fail(CLI_EUSAGE, "want --input FILE and --output FILE");
    if (all && (losses || steps))
        return df_fail(CLI_EUSAGE, "--all and --losses: want one of them");
    if (input_paths.n > 1 && !steps)
        return df_fail(CLI_EUSAGE, "%d inputs: want --steps N", input_paths.n);
    return losses || steps ? cli_precision_for_training() : DF_OK;
}

static int open_inputs(CliInput *inputs)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < input_paths.n; i++) {
        inputs[i].path = input_paths.v[i];
        error = df_checkpoint_open(&inputs[i].file, inputs[i].path, NULL);
    }
    return error;
}

/* `random` is no file. */
static int compute_losses(CliSession *s, const CliInput *input, const char *checkpoint, CliOutputs *o)
{
    DfCheckpoint *file = NULL;
    int error = DF_OK;
    if (df_file_exists(checkpoint))
        error = df_checkpoint_open(&file, checkpoint, wrapper);
    if (error == DF_OK)
        error = cli_forward_losses(s, input, file, o);
    df_checkpoint_close(file);
    return error;
}

/* An optimizer such as Adam makes large steps of small differences: training is compared with direct convolutions. */
static int compute(CliSession *s, const CliInput *inputs, const char *checkpoint, CliOutputs *o)
{
    df_conv_allow_winograd(!steps && !losses);
    if (steps)
        return cli_forward_steps(s, inputs, input_paths.n, steps, o);
    return losses ? compute_losses(s, inputs, checkpoint, o) : cli_forward_pass(s, inputs, all, o);
}

static int run(int n, const char *const *args)
{
    (void)n;
    int error = check_options();
    if (error < 0)
        return error;
    CliSession s = { 0 };
    CliInput inputs[CLI_MOST_TEXTS] = { { 0 } };
    CliOutputs o = { .arena = df_arena_new() };
    const DfModelLoad load = { .wrapper = wrapper, .allow_missing = allow_missing };
    error = o.arena ? cli_session_open(&s, args[0]) : df_fail_memory("the outputs");
    if (error == DF_OK)
        error = cli_session_load(&s, args[1], &load);
    if (error == DF_OK)
        error = open_inputs(inputs);
    if (error == DF_OK)
        error = compute(&s, inputs, args[1], &o);
    if (error == DF_OK)
        error = df_checkpoint_write(output_path, o.arrays, (int)o.n, NULL, 0);
    for (int i = 0; i < input_paths.n; i++)
        df_checkpoint_close(inputs[i].file);
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
               ".safetensors file, or `random`, or `random:SEED`. In place of CONFIG and\n"
               "CHECKPOINT, give the folder of a model of transformers or timm.\n"
               "\n"
               "The output file holds, for\n"
               "  backbones   out0, out1, ..., or logits\n"
               "  detectors   backbone_i, fpn_i, cls_score_i, bbox_pred_i; boxes (x1 y1 x2 y2\n"
               "              score, in pixels of the original image) and labels; masks\n"
               "  DETR        scores_i, labels_i, boxes_i of each image, if the input file also\n"
               "              has `mask` (N H W, 1 where there is padding) and `target_sizes`\n"
               "              (N 2: height, width)\n"
               "  segmentors  seg_map, the class of each pixel\n"
               "\n"
               "With --losses the input also holds the ground truth, for picture i:\n"
               "gt_bboxes_i (n 4: x1 y1 x2 y2), gt_labels_i, gt_bboxes_ignore_i, gt_masks_i\n"
               "(n H W) or the metadata `gt_polygons`; or tgt_boxes_i (n 4: cx cy w h, fractions\n"
               "of the picture) and tgt_labels_i; for segmentors gt_semantic_seg (N H W); for\n"
               "classifiers gt_label (N). A picture in bytes, image_u8, is normalised to\n"
               "(x - 128) / 64. sampleK_pos_inds and sampleK_neg_inds replace the random choice\n"
               "of the sampler at its call K. The output holds loss:NAME, loss:total,\n"
               "grad:PARAMETER and buffer_after:NAME.\n"
               "\n"
               "With --steps N the output holds losses (N x number of losses; the first is the\n"
               "sum, and the metadata `loss_names` names them), lr (N 3: first group, lowest,\n"
               "highest), grad_norm of every update, final:PARAMETER, and ema:PARAMETER if the\n"
               "config has an EMA. If auto_scale_lr is enabled, the batch that scales the rate is\n"
               "the number of pictures in the first input.",
    .examples = "  deformer forward CONFIG.py random --input x.safetensors --output y.safetensors",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
