"""The turns of models/*.yaml in PyTorch, as bench/compare times them: python torch_bench.py [ROW...] [--seconds S]

Prints one JSON object a row: {"row", "median_ms", "best_ms", "turns"}. A turn is what graphrun's turn is: fresh noise,
forward, gradients, the optimiser's step, clipping. Channels last, eager, float32, two threads. Data are random: the
time of a turn does not depend on them.
"""
import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

LAST = torch.channels_last


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


def wgan(width, batch=128, latent=2):
    g, d, x = Generator(latent).to(memory_format=LAST), Critic(width).to(memory_format=LAST), images(batch)
    g_opt = torch.optim.RMSprop(g.parameters(), 5e-5, alpha=0.9, foreach=True)
    d_opt = torch.optim.RMSprop(d.parameters(), 5e-5, alpha=0.9, foreach=True)
    clipped = list(d.parameters())

    def critic():
        with torch.no_grad():
            fake = g(torch.randn(batch, latent))
        step(d_opt, d(fake).mean() - d(x).mean())
        with torch.no_grad():
            torch._foreach_clamp_min_(clipped, -0.01)
            torch._foreach_clamp_max_(clipped, 0.01)

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
    return gradient_penalty(Generator(latent).to(memory_format=LAST), Critic(width, norm=False).to(memory_format=LAST),
                            images(batch), lambda: torch.randn(batch, latent), 10, 3e-4, (0.5, 0.9))


def ring8(batch=256, width=128):
    return gradient_penalty(mlp(2, width, 2), mlp(2, width, 1), torch.randn(batch, 2),
                            lambda: torch.randn(batch, 2), 0.1, 1e-3, (0.5, 0.9))


def dcgan(width=16, batch=128, latent=2):
    g, d, x = Generator(latent).to(memory_format=LAST), Critic(width).to(memory_format=LAST), images(batch)
    g_opt = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999), foreach=True)
    d_opt = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999), foreach=True)

    def loss(score, truth):
        return F.binary_cross_entropy_with_logits(score, torch.full_like(score, truth))

    def discriminator():
        with torch.no_grad():
            fake = g(torch.randn(batch, latent))
        step(d_opt, loss(d(x), 1.0) + loss(d(fake), 0.0))

    def generator():
        step(g_opt, frozen(d, lambda: loss(d(g(torch.randn(batch, latent))), 1.0)))

    return {"discriminator": discriminator, "generator": generator}


MODELS = {
    "wgan_poly": lambda: wgan(16), "wgan_poly-128": lambda: wgan(128), "wgan_gp_poly": wgan_gp, "dcgan_poly": dcgan,
    "ring8": ring8,
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("row", nargs="*", help="MODEL/PLAYER; default all")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    torch.set_num_threads(2)
    for model, make in MODELS.items():
        if options.row and not any(row.startswith(model + "/") for row in options.row):
            continue
        for player, turn in make().items():
            row = f"{model}/{player}"
            if options.row and row not in options.row:
                continue
            times = measure(turn, options.seconds)
            print(json.dumps({"row": row, "median_ms": times[len(times) // 2], "best_ms": times[0],
                              "turns": len(times)}), flush=True)


if __name__ == "__main__":
    main()
