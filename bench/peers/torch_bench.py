"""The turns of models/*.yaml and bench/*.yaml in PyTorch: python torch_bench.py [ROW...] [--seconds S] [--compile]

Prints one JSON object a row: {"row", "median_ms", "best_ms", "turns", "peak_bytes"}, or {"row", "error"} where PyTorch
cannot do it. A turn is what graphrun's turn is: fresh noise, forward, gradients, the optimiser's step, clipping. Channels
last, float32, two threads; eager, or with torch.compile. Data are random: the time of a turn does not depend on them.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn

LAST = torch.channels_last
COMPILE = False


def ready(network):
    """The network as it is trained: channels last, compiled where asked for."""
    network = network.to(memory_format=LAST)
    return torch.compile(network) if COMPILE else network


class Generator(nn.Module):
    """latent -> 10x10x128 -> 20x20x128 -> 40x40x64 -> 40x40x1."""

    def __init__(self, latent):
        super().__init__()
        self.fc = nn.Linear(latent, 12800, bias=False)
        self.bn0 = nn.BatchNorm1d(12800)
        self.conv1 = nn.ConvTranspose2d(128, 128, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(128)
        self.conv2 = nn.ConvTranspose2d(128, 64, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.conv3 = nn.ConvTranspose2d(64, 1, 3, 1, 1, bias=False)

    def forward(self, z):
        h = F.leaky_relu(self.bn0(self.fc(z)), 0.2).view(-1, 128, 10, 10).contiguous(memory_format=LAST)
        h = F.leaky_relu(self.bn1(self.conv1(F.interpolate(h, scale_factor=2))), 0.2)
        h = F.leaky_relu(self.bn2(self.conv2(F.interpolate(h, scale_factor=2))), 0.2)
        return torch.tanh(self.conv3(h))


class Critic(nn.Module):
    """recipes B.5, B.6: width 16 gives 16, 32, 64, 128 channels. A gradient penalty goes without norm and dropout."""

    def __init__(self, width, norm=True):
        super().__init__()
        self.norm = norm
        sizes = [1, width, 2 * width, 4 * width, 8 * width]
        self.conv = nn.ModuleList(nn.Conv2d(a, b, 3, 2 if i < 3 else 1, 1)
                                  for i, (a, b) in enumerate(zip(sizes, sizes[1:])))
        self.bn = nn.ModuleList(nn.BatchNorm2d(c) if norm and i else nn.Identity() for i, c in enumerate(sizes[1:]))
        self.fc = nn.Linear(36 * 8 * width, 1)

    def forward(self, x):
        h = x
        for i, (conv, bn) in enumerate(zip(self.conv, self.bn)):
            h = conv(h)
            if i == 1:
                h = F.pad(h, (0, 1, 0, 1))
            h = F.leaky_relu(bn(h), 0.2)
            if self.norm:
                h = F.dropout(h, 0.25)
        return self.fc(h.permute(0, 2, 3, 1).flatten(1))


def mlp(inputs, width, outputs):
    sizes = [inputs, width, width, width]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def frozen(network, loss):
    """The loss computed while the network's parameters need no gradient."""
    for p in network.parameters():
        p.requires_grad_(False)
    value = loss()
    for p in network.parameters():
        p.requires_grad_(True)
    return value


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def images(batch=128):
    return torch.randn(batch, 1, 40, 40).contiguous(memory_format=LAST)


def wgan(width, batch=128, latent=16):
    g, d, x = ready(Generator(latent)), ready(Critic(width)), images(batch)
    g_opt = torch.optim.RMSprop(g.parameters(), 2e-4, alpha=0.9, foreach=True)
    d_opt = torch.optim.RMSprop(d.parameters(), 2e-4, alpha=0.9, foreach=True)
    clipped = list(d.parameters())

    def critic():
        with torch.no_grad():
            fake = g(torch.randn(batch, latent))
        step(d_opt, d(fake).mean() - d(x).mean())
        with torch.no_grad():
            torch._foreach_clamp_min_(clipped, -0.05)
            torch._foreach_clamp_max_(clipped, 0.05)

    def generator():
        step(g_opt, frozen(d, lambda: -d(g(torch.randn(batch, latent))).mean()))

    return {"critic": critic, "generator": generator}


def penalty(d, real, fake, weight):
    mix = torch.rand([len(real)] + [1] * (real.dim() - 1))
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    slope, = torch.autograd.grad(d(between).sum(), between, create_graph=True)
    return weight * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradient_penalty(g, d, x, noise, weight, rate, betas):
    g_opt = torch.optim.Adam(g.parameters(), rate, betas, foreach=True)
    d_opt = torch.optim.Adam(d.parameters(), rate, betas, foreach=True)

    def critic():
        with torch.no_grad():
            fake = g(noise())
        step(d_opt, d(fake).mean() - d(x).mean() + penalty(d, x, fake, weight))

    def generator():
        step(g_opt, frozen(d, lambda: -d(g(noise())).mean()))

    return {"critic": critic, "generator": generator}


def wgan_gp(width=16, batch=128, latent=16):
    return gradient_penalty(ready(Generator(latent)), ready(Critic(width, norm=False)), images(batch), lambda: torch.randn(batch, latent), 10, 3e-4, (0.5, 0.9))


def ring8(batch=256, width=128):
    return gradient_penalty(ready(mlp(2, width, 2)), ready(mlp(2, width, 1)), torch.randn(batch, 2),
                            lambda: torch.randn(batch, 2), 0.1, 1e-3, (0.5, 0.9))


def toy512():
    return {"critic": ring8(width=512)["critic"]}


def penalty28(batch=64, width=64):
    sizes = [1, width, 2 * width, 4 * width]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Conv2d(a, b, 5, 2, 2), nn.LeakyReLU(0.2))]
    d = ready(nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 4 * width, 1)))
    real, fake = (torch.rand(batch, 1, 28, 28).contiguous(memory_format=LAST) for _ in range(2))
    optimizer = torch.optim.Adam(d.parameters(), 1e-4, (0.5, 0.9), foreach=True)

    def critic():
        step(optimizer, d(fake).mean() - d(real).mean() + penalty(d, real, fake, 10))

    return {"critic": critic}


def autoencoder(batch=256):
    sizes = [784, 128, 64, 2, 64, 128]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    network = ready(nn.Sequential(*layers, nn.Linear(128, 784), nn.Sigmoid()))
    x = torch.rand(batch, 784)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, foreach=True)
    return {"autoencoder": lambda: step(optimizer, F.mse_loss(network(x), x))}


def adversarial(g, d, x, noise, rate):
    """The non-saturating loss: a discriminator's and a generator's turn."""
    g_opt = torch.optim.Adam(g.parameters(), rate, (0.5, 0.999), foreach=True)
    d_opt = torch.optim.Adam(d.parameters(), rate, (0.5, 0.999), foreach=True)

    def loss(score, truth):
        return F.binary_cross_entropy_with_logits(score, torch.full_like(score, truth))

    def discriminator():
        with torch.no_grad():
            fake = g(noise())
        step(d_opt, loss(d(x), 1.0) + loss(d(fake), 0.0))

    def generator():
        step(g_opt, frozen(d, lambda: loss(d(g(noise())), 1.0)))

    return {"discriminator": discriminator, "generator": generator}


def dcgan(width=16, batch=128, latent=2):
    return adversarial(ready(Generator(latent)), ready(Critic(width)), images(batch), lambda: torch.randn(batch, latent),
                       2e-4)


def dcgan64(batch=128):
    up, down = [512, 256, 128, 64], [64, 128, 256, 512]
    g = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False)]
    for a, b in zip(up, up[1:] + [3]):
        g += [nn.BatchNorm2d(a), nn.ReLU(True), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
    d = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in zip(down, down[1:]):
        d += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    d += [nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten()]
    x = torch.randn(batch, 3, 64, 64).contiguous(memory_format=LAST)
    return adversarial(ready(nn.Sequential(*g, nn.Tanh())), ready(nn.Sequential(*d)), x,
                       lambda: torch.randn(batch, 100, 1, 1), 2e-4)


MODELS = {
    "wgan_poly": lambda: wgan(16), "wgan_poly-128": lambda: wgan(128), "wgan_gp_poly": wgan_gp, "dcgan_poly": dcgan,
    "ring8": ring8, "dcgan64": dcgan64, "penalty28": penalty28, "toy512": toy512, "autoencoder": autoencoder,
}


def measure(turn, seconds):
    for _ in range(2):
        turn()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begun = time.perf_counter()
        turn()
        times.append(1e3 * (time.perf_counter() - begun))
    times.sort()
    return times


def timed(row, turn, seconds):
    try:
        times = measure(turn, seconds)
    except Exception as error:                        # torch.compile has no second order
        return {"row": row, "error": str(error).splitlines()[0]}
    return {"row": row, "median_ms": times[len(times) // 2], "best_ms": times[0], "turns": len(times),
            "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def main():
    global COMPILE
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("row", nargs="*", help="MODEL/PLAYER; default all")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    COMPILE = options.compile
    torch.set_num_threads(2)
    for model, make in MODELS.items():
        if options.row and not any(row.startswith(model + "/") for row in options.row):
            continue
        for player, turn in make().items():
            row = f"{model}/{player}"
            if not options.row or row in options.row:
                print(json.dumps(timed(row, turn, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
