/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/synth.c -- deformer synth: draws a synthetic dataset, to learn from and to try everything without a download.
 */
#include <string.h>

#include "cli/cli.h"
#include "datasets/datasets.h"

static long images = 16, val = -1, seed;
static const char *size_text;
static bool coco;

static const CliOption options[] = {
    CLI_OPT_INT("--images", images, "N", 1, DF_SYNTH_MOST, "number of pictures; default 16"),
    CLI_OPT_INT("--val", val, "N", 0, DF_SYNTH_MOST,
                "number of validation pictures among them, in val2017/; the others are in train2017/; default: a "
                "fifth"),
    CLI_OPT_INT("--seed", seed, "N", 0, 9e18, "seed of the random numbers; equal seeds give equal files; default 0"),
    CLI_OPT_TEXT("--size", size_text, "WxH[-WxH]",
                 "width and height in pixels, or the smallest and the largest; sides from 64 to 2048; default "
                 "256x208-384x304"),
    CLI_OPT_FLAG("--coco", coco,
                 "list all 80 categories of COCO, for networks that know these; default: the ten that are drawn"),
    CLI_OPT_END
};

static int parse_size(DfSynth *o)
{
    int used = 0;
    int *const a = o->least;
    int *const b = o->most;
    if (!size_text)
        return DF_OK;
    const size_t length = strlen(size_text);
    if (sscanf(size_text, "%4dx%4d%n", &a[1], &a[0], &used) == 2 && (size_t)used == length) {
        b[0] = a[0];
        b[1] = a[1];
    } else if (sscanf(size_text, "%4dx%4d-%4dx%4d%n", &a[1], &a[0], &b[1], &b[0], &used) != 4 || (size_t)used != length)
        return df_fail(CLI_EUSAGE, "--size %s: want WxH or WxH-WxH, as in 320x256", size_text);
    for (int i = 1; i >= 0; i--) {
        if (a[i] > b[i])
            return df_fail(CLI_EUSAGE, "--size %s: the %s goes from %d down to %d; want the smaller size first",
                           size_text, i ? "width" : "height", a[i], b[i]);
        if (a[i] < DF_SYNTH_LEAST_SIDE || b[i] > DF_SYNTH_MOST_SIDE)
            return df_fail(CLI_EUSAGE, "--size %s: want sides from %d to %d pixels, not %d", size_text,
                           DF_SYNTH_LEAST_SIDE, DF_SYNTH_MOST_SIDE, a[i] < DF_SYNTH_LEAST_SIDE ? a[i] : b[i]);
    }
    return DF_OK;
}

static int parse(DfSynth *o)
{
    if (val > images)
        return df_fail(CLI_EUSAGE, "--val %ld: want at most the number of pictures, --images %ld", val, images);
    const long part = images < 5 ? 1 : images / 5;
    o->val = (int)(val >= 0 ? val : part);
    o->train = (int)images - o->val;
    o->seed = (uint64_t)seed;
    o->coco = coco;
    return parse_size(o);
}

static int run(int n, const char *const *args)
{
    (void)n;
    DfSynth o = { 0 };
    DfPool *pool = NULL;
    int error = parse(&o);
    if (error == DF_OK)
        error = df_pool_new(&pool, (int)cli.threads);
    if (error == DF_OK)
        error = df_synth_write(args[0], &o, pool);
    df_pool_free(pool);
    if (error == DF_OK && !cli.quiet)
        cli_say("%s: %d picture%s in train2017/, %d in val2017/; annotations/ has boxes, masks and label maps",
                args[0], o.train, o.train == 1 ? "" : "s", o.val);
    return error;
}

const CliCommand cli_command_synth = {
    .name = "synth",
    .synopsis = "DIR [OPTION]...",
    .summary = "draw a synthetic dataset with boxes, masks and label maps",
    .details = "Draws objects of ten classes, with light and shadow, some hidden behind others, on\n"
               "backgrounds of seven kinds, and writes them in the layout of COCO: pictures in\n"
               "DIR/train2017/ and DIR/val2017/, boxes and masks in\n"
               "DIR/annotations/instances_*.json, and the class of every pixel in\n"
               "DIR/annotations/train2017/ and val2017/ (DIR/classes.txt names these classes).\n"
               "DIR can train both detectors and segmentors. The n-th picture of a part does not\n"
               "depend on the number of pictures.",
    .examples = "  deformer synth world/ --images 2500 --val 500 --seed 1\n"
                "  deformer train configs/nano/retinanet_dat_nano.py --data world/\n"
                "  deformer synth pictures/ --images 24 --val 24 --coco\n"
                "  deformer eval configs/demo/retinanet_dat_nano.py random --data pictures/",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
