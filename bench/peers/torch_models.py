"""The turns over polynomials, points and drawn images in PyTorch; torch_bench.py runs them."""
import torch
import torch.nn.functional as F
from torch import nn

from torch_bench import LAST, Model, Player, adam, draw, slope_of


class Generator(nn.Module):
    """latent -> 10x10x128 -> 20x20x128 -> 40x40x64 -> 40x40x1."""

    def __init__(self, latent):
        super().__init__()
        self.fc = nn.Linear(latent, 12800, bias=False)
        self.bn0 = nn.BatchNorm1d(12800, 1e-3, 0.2)
        self.conv1 = nn.ConvTranspose2d(128, 128, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(128, 1e-3, 0.2)
        self.conv2 = nn.ConvTranspose2d(128, 64, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64, 1e-3, 0.2)
        self.conv3 = nn.ConvTranspose2d(64, 1, 3, 1, 1, bias=False)

    def forward(self, z):
        h = F.leaky_relu(self.bn0(self.fc(z)), 0.2).view(-1, 10, 10, 128).permute(0, 3, 1, 2)
        h = F.leaky_relu(self.bn1(self.conv1(F.interpolate(h, scale_factor=2))), 0.2)
        h = F.leaky_relu(self.bn2(self.conv2(F.interpolate(h, scale_factor=2))), 0.2)
        return torch.tanh(self.conv3(h))


def rows(x):
    """Images to rows, in the order in which channels last keeps them: no copy."""
    return x.permute(0, 2, 3, 1).flatten(1)


class Critic(nn.Module):
    """Width 16 gives 16, 32, 64, 128 channels. Padding `same` with stride 2 has its odd pixel at the bottom and right. The
    normed one, wgan_poly.yaml's, is padded to 11x11 after its second convolution; a gradient penalty goes without."""

    def __init__(self, width, norm=True):
        super().__init__()
        self.norm = norm
        sizes = [1, width, 2 * width, 4 * width, 8 * width]
        strides, paddings = [2, 2, 2, 1], [0, 0, 1 if norm else 0, 1]
        self.layer = nn.ModuleList()
        for i in range(4):
            self.layer.append(nn.Conv2d(sizes[i], sizes[i + 1], 3, strides[i], paddings[i]))
            self.layer.append(nn.BatchNorm2d(sizes[i + 1], 1e-3, 0.2) if norm and i else nn.Identity())
        side = 6 if norm else 5
        self.fc = nn.Linear(side * side * 8 * width, 1)

    def forward(self, x):
        h = x
        for i, (conv, bn) in enumerate(zip(self.layer[::2], self.layer[1::2])):
            h = conv(h if conv.padding != (0, 0) else F.pad(h, (0, 1, 0, 1)))
            if self.norm and i == 1:
                h = F.pad(h, (0, 1, 0, 1))
            h = F.leaky_relu(bn(h), 0.2)
            if self.norm:
                h = draw.dropout(h, 0.25)
        return self.fc(rows(h))


def mlp(inputs, width, outputs):
    sizes = [inputs, width, width, width]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def images(*shape):
    return torch.randn(shape).contiguous(memory_format=LAST)


def made(g, z):
    """The generator's images where no gradient is wanted from them."""
    with torch.no_grad():
        return g(z())


def wgan(width, batch=128, latent=16):
    g, d, x = Generator(latent), Critic(width), images(batch, 1, 40, 40)
    rmsprop = lambda network: torch.optim.RMSprop(network.parameters(), 2e-4, alpha=0.9, eps=1e-7, foreach=True)
    clipped = list(d.parameters())

    def noise():
        return draw.normal(batch, latent)

    def critic():
        fake = made(g, noise)
        return d(fake).mean() - d(draw.read("@batch/poly/image", x)).mean()

    @torch.no_grad()
    def clip():
        torch._foreach_clamp_min_(clipped, -0.05)
        torch._foreach_clamp_max_(clipped, 0.05)

    return Model({"generator": g, "critic": d}, {
        "critic": Player(critic, [d], rmsprop(d), after=clip),
        "generator": Player(lambda: -d(g(noise())).mean(), [g], rmsprop(g), held=[d])})


def penalty(slope, real, fake, weight):
    """slope: of the critic, by slope_of."""
    mix = draw.uniform(len(real), *[1] * (real.dim() - 1))
    return weight * ((slope(mix * real + (1 - mix) * fake).flatten(1).norm(dim=1) - 1) ** 2).mean()


def gradient_penalty(g, d, data, x, noise, weight, rate):
    slope = slope_of(d)

    def critic():
        real, fake = draw.read(data, x), made(g, noise)
        return d(fake).mean() - d(real).mean() + penalty(slope, real, fake, weight)

    return Model({"generator": g, "critic": d}, {
        "critic": Player(critic, [d], adam([d], rate, 0.5, 0.9)),
        "generator": Player(lambda: -d(g(noise())).mean(), [g], adam([g], rate, 0.5, 0.9), held=[d])})


def wgan_gp(width=16, batch=128, latent=16):
    return gradient_penalty(Generator(latent), Critic(width, norm=False), "@batch/poly/image", images(batch, 1, 40, 40),
                            lambda: draw.normal(batch, latent), 10, 3e-4)


def points(width, data, rate, batch=256):
    return gradient_penalty(mlp(2, width, 2), mlp(2, width, 1), data, torch.randn(batch, 2),
                            lambda: draw.normal(batch, 2), 0.1, rate)


def penalty28(batch=64, width=64):
    sizes = [1, width, 2 * width, 4 * width]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Conv2d(a, b, 5, 2, 2), nn.LeakyReLU(0.2))]
    d = nn.Sequential(*layers, Rows(), nn.Linear(16 * 4 * width, 1))
    real, fake, slope = images(batch, 1, 28, 28), images(batch, 1, 28, 28), slope_of(d)

    def critic():
        x, y = draw.read("@fixed/iteration/real/1", real), draw.read("@fixed/iteration/fake/1", fake)
        return d(y).mean() - d(x).mean() + penalty(slope, x, y, 10)

    return Model({"critic": d}, {"critic": Player(critic, [d], adam([d], 1e-4, 0.5, 0.9))})


class Rows(nn.Module):
    def forward(self, x):
        return rows(x)


def autoencoder(batch=256):
    sizes = [784, 128, 64, 2, 64, 128]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    network = nn.Sequential(*layers, nn.Linear(128, 784), nn.Sigmoid())
    x = torch.rand(batch, 784)

    def loss():
        given = draw.read("@fixed/iteration/x/1", x)
        return F.mse_loss(network(given), given)

    return Model({"autoencoder": network}, {"autoencoder": Player(loss, [network], adam([network], 1e-3))})


def against(score, truth):
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, truth))


def adversarial(g, d, data, x, noise):
    """The non-saturating loss: a discriminator's and a generator's turn."""
    def discriminator():
        fake = made(g, noise)
        return against(d(draw.read(data, x)), 1.0) + against(d(fake), 0.0)

    return Model({"generator": g, "discriminator": d}, {
        "discriminator": Player(discriminator, [d], adam([d], 2e-4, 0.5)),
        "generator": Player(lambda: against(d(g(noise())), 1.0), [g], adam([g], 2e-4, 0.5), held=[d])})


def dcgan(width=16, batch=128, latent=2):
    return adversarial(Generator(latent), Critic(width), "@batch/poly/image", images(batch, 1, 40, 40),
                       lambda: draw.read("@iteration/z", torch.randn(batch, latent)))


def dcgan64(batch=128):
    up, down = [512, 256, 128, 64], [64, 128, 256, 512]
    g = [nn.Unflatten(1, (100, 1, 1)), nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False)]
    for a, b in zip(up, up[1:] + [3]):
        g += [nn.BatchNorm2d(a), nn.ReLU(True), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
    d = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for a, b in zip(down, down[1:]):
        d += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    d += [nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten()]
    return adversarial(nn.Sequential(*g, nn.Tanh()), nn.Sequential(*d), "@fixed/iteration/image/1", images(batch, 3, 64, 64),
                       lambda: draw.read("@iteration/z", torch.randn(batch, 100)))


MODELS = {
    "wgan_poly": lambda: wgan(16), "wgan_poly-128": lambda: wgan(128), "wgan_gp_poly": wgan_gp, "dcgan_poly": dcgan,
    "ring8": lambda: points(128, "@batch/ring/point", 1e-3), "toy512": lambda: points(512, "@fixed/iteration/real/1", 1e-4),
    "dcgan64": dcgan64, "penalty28": penalty28, "autoencoder": autoencoder,
}
