/* SPDX-License-Identifier: Apache-2.0
 *
 * models/image_classifier.c -- classification as in mmcls: the mean of the backbone's last map, and a linear layer. A
 * backbone in its own classification form needs neither.
 */
#include <string.h>

#include "models/parts.h"

typedef struct {
    int num_classes, in_channels;
    const DfNode *loss;
} LinearHead;

typedef struct {
    Trunk trunk; /* first; its neck is not built: it is the mean */
    const DfNode *head_cfg;
    LinearHead head;
    NnLinear fc;
    const DfClassLoss *loss;
} ImageClassifier;

static const DfOpt opts[] = {
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL,
              "network that turns the image into feature maps, of which the last is used"),
    DF_OPT_AS(Trunk, neck, neck_cfg, DF_KIND_DICT, "None", 0, 0, NULL, "GlobalAveragePooling, which is done anyway"),
    DF_OPT_AS(ImageClassifier, head, head_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "classification head, a LinearClsHead"),
    TRUNK_SETTINGS("not used; mixing pictures is set in the data pipeline", "not used"),
    DF_OPT_END
};

static const DfOpt head_opts[] = {
    DF_OPT_ROW(LinearHead, num_classes, DF_KIND_INT, NULL, 1, 1000000, NULL, "number of classes"),
    DF_OPT_ROW(LinearHead, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the backbone's last map"),
    DF_OPT_DICT(LinearHead, loss, "None", "CrossEntropyLoss or LabelSmoothLoss; None: cross entropy"),
    DF_OPT_UNUSED(topk, "the log has the accuracy of the first class"),
    DF_OPT_UNUSED(cal_acc, "the log always has the accuracy"),
    DF_OPT_UNUSED(init_cfg, "how mmcls initialises weights"),
    DF_OPT_END
};

static void want_type(NnScope s, const DfNode *dict, const char *key, const char *type)
{
    const char *met = df_node_text(df_node_get(dict, "type"), "");
    if (dict && strcmp(met, type) != 0)
        nn_fail(s, DF_EVALUE, "%s has type '%s': want %s", key, met, type);
}

static void init(NnScope s, void *self, const DfNode *root)
{
    ImageClassifier *net = self;
    (void)root;
    want_type(s, net->trunk.neck_cfg, "neck", "GlobalAveragePooling");
    want_type(s, net->head_cfg, "head", "LinearClsHead");
    df_backbone_part(nn_at(s, "backbone"), &net->trunk.backbone, net->trunk.backbone_cfg);
    if (!nn_ok(s) || !nn_configure(s, net->head_cfg, head_opts, &net->head, "head"))
        return;
    const NnScope head = nn_at(s, "head");
    nn_linear_init_as(nn_at(head, "fc"), &net->fc, net->head.in_channels, net->head.num_classes, true, nn_normal(0.01),
                      nn_constant(0));
    net->loss = df_class_loss_new(head, net->head.loss);
}

static DfTensor *logits_of(DfCtx *c, const ImageClassifier *net, DfTensor *image)   /* N H W 3 -> N classes */
{
    DfMaps maps;
    df_run_backbone(c, &net->trunk.backbone, "backbone", image, &maps);
    if (maps.n < 1) {
        df_ctx_fail(c, DF_EVALUE, "the backbone gives no feature map");
        return &c->nil;
    }
    const DfMark m = df_enter(c, "head", -1);
    DfTensor *mean = df_mean_tokens(c, maps.map[maps.n - 1]);                       /* N C                  */
    DfTensor *logits = nn_linear(c, &net->fc, mean);                                /* N classes            */
    df_want_numbers(c, logits, "the logits", -1);
    return df_leave(c, m, logits);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    df_observe(c, logits_of(c, self, image), "logits", -1);
}

static void losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const ImageClassifier *net = self;
    df_class_losses(c, net->loss, logits_of(c, net, image), batch, out);
}

static int classes(const void *self)
{
    const ImageClassifier *net = self;
    return net->head.num_classes;
}

const DfArchitecture df_architecture_image_classifier = {
    .name = "ImageClassifier",
    .help = "classification: the mean of the backbone's last map, and a linear layer (mmcls)",
    .size = sizeof(ImageClassifier),
    .opts = opts,
    .init = init,
    .ignorable = df_trunk_ignorable,
    .classes = classes,
    .forward = forward,
    .losses = losses,
};
