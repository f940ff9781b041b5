"""A WGAN-GP in PyTorch from a description by bench/drawn.py; torch_bench.py runs it."""
import sys
from pathlib import Path

from torch import nn

from torch_bench import draw
from torch_digits import Pixels
from torch_models import Rows, gradient_penalty, images

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import drawn


def network(layers, channels, side=None):
    """channels: numbers in a row where side is None, else of an image of that side."""
    made = []
    for name, *args in layers:
        if name == "dense":
            made.append(nn.Linear(channels, args[0]))
            channels = args[0]
        elif name == "pixels":
            made.append(Pixels(args[0]))
            side, channels = args
        elif name == "conv":
            filters, kernel, stride, padding = args
            made.append(nn.Conv2d(channels, filters, kernel, stride, padding))
            channels, side = filters, (side + 2 * padding - kernel) // stride + 1
        elif name == "upsample":
            made.append(nn.Upsample(scale_factor=args[0]))
            side *= args[0]
        elif name == "flatten":
            made.append(Rows())
            channels *= side * side
        else:
            norms = {"batch_norm": nn.BatchNorm2d, "instance_norm": nn.InstanceNorm2d}
            plain = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "tanh": nn.Tanh}
            made.append(norms[name](channels) if name in norms else plain[name](*args))
    return nn.Sequential(*made)


def model(seed):
    d = drawn.description(int(seed))
    shape = (d["batch"], d["channels"], d["side"], d["side"])
    return gradient_penalty(network(d["generator"], d["latent"]), network(d["critic"], d["channels"], d["side"]),
                            "@fixed/iteration/real/1", images(*shape), lambda: draw.normal(d["batch"], d["latent"]), d["penalty"], 1e-4)
