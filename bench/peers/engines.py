# SPDX-License-Identifier: Apache-2.0
"""The networks of this project in the engines that people would use instead, random weights, to be timed beside it.

    python3 bench/peers/engines.py ENGINE NETWORK [THREADS [FOLDER]]

needs what the engine is made of: torch, torchvision and transformers; onnx and onnxruntime; openvino.

ENGINE     export (writes FOLDER/NETWORK.onnx, which the next two read), onnxruntime, openvino, openvino_bf16, eager, compile
NETWORK    the path of one of our configs: classification/ swin_tiny_224, dat_tiny_224, resnet50_224 at 224x224; retinanet/, detr/,
           deformable_detr/ at 800x1216; upernet/ at 512x683
Prints the median of several passes, and the peak memory of the process, as bench_networks reads them.

OpenVINO takes bfloat16 by itself where the processor has it: `openvino` is told float32.
"""
import os
import resource
import statistics
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")

KINDS = {  # part of a config's name: the network, its input
    "swin_tiny_224": ("swin_t", (224, 224)),
    "dat_tiny_224": ("dat_t", (224, 224)),
    "resnet50_224": ("resnet50", (224, 224)),
    "retinanet_swin_tiny": ("retina_swin", (800, 1216)),
    "retinanet_dat_tiny": ("retina_dat", (800, 1216)),
    "upernet_swin_tiny": ("upernet_swin", (512, 683)),
    "deformable_detr": ("ddetr", (800, 1216)),
    "detr_r50": ("detr", (800, 1216)),
}


def kind_of(network):
    for part, kind in KINDS.items():
        if part in network:
            return kind
    sys.exit(f"engines.py: no network for {network}: want one of " + ", ".join(KINDS))


# ---- networks -------------------------------------------------------------------------------------------------------


def of_transformers(name):
    import torch
    import transformers as t

    own = dict(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, num_labels=91)
    resnet = lambda stages: t.ResNetConfig(out_features=stages)
    if name == "ddetr":
        backbone = resnet(["stage2", "stage3", "stage4"])
        net = t.DeformableDetrForObjectDetection(t.DeformableDetrConfig(backbone_config=backbone, disable_custom_kernels=True, **own))
    elif name == "detr":
        net = t.DetrForObjectDetection(t.DetrConfig(backbone_config=resnet(["stage4"]), **own))
    else:
        swin = t.SwinConfig(out_features=["stage1", "stage2", "stage3", "stage4"])
        net = t.UperNetForSemanticSegmentation(t.UperNetConfig(backbone_config=swin, num_labels=150))

    class Outputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            o = self.net(pixel_values=x)
            return [o.logits] + ([o.pred_boxes] if hasattr(o, "pred_boxes") else [])

    return Outputs()


def build(name, threads):
    import torch
    import torchvision

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    if name in ("swin_t", "resnet50"):
        return getattr(torchvision.models, name)().eval()
    if name not in ("dat_t", "retina_swin", "retina_dat"):
        return of_transformers(name).eval()
    import torch_networks as own

    if name == "dat_t":
        return own.Classifier(own.DAT()).eval()
    return own.Retina(own.SwinMaps() if name == "retina_swin" else own.DAT()).eval()


# ---- engines --------------------------------------------------------------------------------------------------------


def of_torch(engine, name, image, threads):
    import torch

    net, x = build(name, threads), torch.from_numpy(image)
    net = torch.compile(net) if engine == "compile" else net

    def run():
        with torch.inference_mode():
            net(x)

    return run, f"torch {torch.__version__}"


def of_onnxruntime(path, image, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": image}), f"onnxruntime {ort.__version__}"


def of_openvino(path, name, image, threads, precision):
    import openvino as ov

    if os.path.exists(path):
        model = ov.Core().read_model(path)
    else:  # what does not export goes straight from PyTorch
        import torch

        with torch.no_grad():
            model = ov.convert_model(build(name, threads), example_input=torch.from_numpy(image),
                                     input=list(image.shape))
    how = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    request = ov.Core().compile_model(model, "CPU", how).create_infer_request()
    return lambda: request.infer({0: image}), f"openvino {ov.__version__.split('-')[0]} {precision}"


def export(path, name, image):
    import torch

    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with torch.no_grad():
        torch.onnx.export(build(name, 2), (torch.from_numpy(image),), path, opset_version=18, input_names=["x"],
                          dynamo=False)


def measure(run, tag, name, threads, passes):
    run(), run()
    seconds = []
    for _ in range(passes):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    print(f"{tag} {name} threads={threads} median_ms={1e3 * statistics.median(seconds):.1f} min_ms={1e3 * min(seconds):.1f} "
          f"peak_rss_mb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}", flush=True)


def main():
    engine, network = sys.argv[1:3]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    name, size = kind_of(network)
    path = os.path.join(sys.argv[4] if len(sys.argv) > 4 else ".", name + ".onnx")
    image = np.random.default_rng(0).standard_normal((1, 3, *size)).astype("f4")
    if engine == "export":
        export(path, name, image)
        return
    if engine == "onnxruntime":
        run, tag = of_onnxruntime(path, image, threads)
    elif engine.startswith("openvino"):
        run, tag = of_openvino(path, name, image, threads, "bf16" if engine.endswith("bf16") else "f32")
    else:
        run, tag = of_torch(engine, name, image, threads)
    measure(run, tag, name, threads, 15 if size[0] < 400 else 5)


if __name__ == "__main__":
    main()
