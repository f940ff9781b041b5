"""Iterations at digit scale in PyTorch: ACGAN, BEGAN, a VAE, CycleGAN; torch_bench.py runs them."""
import torch
import torch.nn.functional as F
from torch import nn

from torch_bench import Model, Player, adam, draw
from torch_models import Rows, against, images, made, rows


class Pixels(nn.Module):
    """Rows to images whose channels lie last: no copy."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, x):
        return x.view(len(x), self.side, self.side, -1).permute(0, 3, 1, 2)


class Judge(nn.Module):
    """ACGAN's discriminator: is it real, and which digit is it?"""

    def __init__(self, base):
        super().__init__()
        layers = [nn.Conv2d(1, base, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
        for c in (base, 2 * base, 4 * base):
            layers += [nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
        self.trunk = nn.Sequential(*layers, Rows())
        self.score, self.digit = nn.Linear(4 * 8 * base, 1), nn.Linear(4 * 8 * base, 10)

    def forward(self, x):
        h = self.trunk(x)
        return self.score(h), self.digit(h)


def acgan(batch=100, noise=100, base=64):
    up = [nn.Unflatten(1, (noise + 10, 1, 1))]
    for a, b in zip([noise + 10, 8 * base, 4 * base, 2 * base], [8 * base, 4 * base, 2 * base, base]):
        up += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(True)]
    g, d = nn.Sequential(*up, nn.ConvTranspose2d(base, 1, 4, 2, 1, bias=False), nn.Sigmoid()), Judge(base)
    x, y = images(batch, 1, 32, 32), torch.randint(10, (batch,))

    def label():
        return draw.read("@fixed/iteration/label/1", y).long()

    def z():
        return torch.cat([draw.normal(batch, noise), F.one_hot(label(), 10)], 1)

    def loss(found, truth):
        score, digit = found
        return against(score, truth) + F.cross_entropy(digit, label())

    def discriminator():
        fake = made(g, z)
        return loss(d(draw.read("@fixed/iteration/image/1", x)), 1.0) + loss(d(fake), 0.0)

    return Model({"generator": g, "discriminator": d}, {
        "discriminator": Player(discriminator, [d], adam([d], 2e-4, 0.5)),
        "generator": Player(lambda: loss(d(g(z())), 1.0), [g], adam([g], 2e-4, 0.5), held=[d])})


def began(batch=64, latent=62, base=64, gamma=0.75):
    up = [nn.Linear(latent, 64 * 2 * base), Pixels(8), nn.BatchNorm2d(2 * base)]
    for a, b in ((2 * base, 2 * base), (2 * base, base)):
        up += [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, 1, 1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2, True)]
    g = nn.Sequential(*up, nn.Conv2d(base, 1, 3, 1, 1), nn.Tanh())
    d = nn.Sequential(nn.Conv2d(1, base, 3, 2, 1), nn.ReLU(True), Rows(), nn.Linear(256 * base, 32), nn.ReLU(True),
                      nn.Linear(32, 256 * base), nn.ReLU(True), Pixels(16), nn.Upsample(scale_factor=2), nn.Conv2d(base, 1, 3, 1, 1))
    x, k, seen = images(batch, 1, 32, 32), torch.tensor(0.5), {}

    def noise():
        return draw.normal(batch, latent)

    def energy(image):
        return (image - d(image)).abs().mean()

    def generator():
        loss = energy(g(noise()))
        seen["generator"] = loss.detach()
        return loss

    def discriminator():
        real, fake = energy(draw.read("@batch/digits/image", x)), energy(made(g, noise))
        seen["real"] = real.detach()
        return real - draw.read("discriminator/k", k) * fake

    @torch.no_grad()
    def balance():
        k.add_(0.001 * (gamma * seen["real"] - seen["generator"])).clamp_(0, 1)

    return Model({"generator": g, "discriminator": d}, {
        "generator": Player(generator, [g], adam([g], 2e-4, 0.5), held=[d]),
        "discriminator": Player(discriminator, [d], adam([d], 2e-4, 0.5), after=balance)})


class Encoder(nn.Module):
    def __init__(self, hidden, latent):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(784, hidden), nn.BatchNorm1d(hidden), nn.ReLU(True))
        self.mean, self.log_var = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.log_var(h)


def vae(batch=100, hidden=400, latent=2):
    encoder = Encoder(hidden, latent)
    decoder = nn.Sequential(nn.Linear(latent, hidden), nn.BatchNorm1d(hidden), nn.ReLU(True), nn.Linear(hidden, 784))
    image = images(batch, 1, 28, 28).sigmoid()

    def loss():
        x = rows(draw.read("@batch/digits/image", image))
        mean, log_var = encoder(x)
        logits = decoder(mean + torch.exp(log_var / 2) * draw.normal(batch, latent))
        error = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (error + 0.5 * (mean ** 2 + log_var.exp() - 1 - log_var).sum()) / batch

    both = [encoder, decoder]
    return Model({"encoder": encoder, "decoder": decoder}, {"vae": Player(loss, both, adam(both, 1e-3))})


def mirrored(a, b, kernel=3):
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(a, b, kernel), nn.InstanceNorm2d(b)]


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(*mirrored(width, width), nn.ReLU(True), *mirrored(width, width))

    def forward(self, x):
        return x + self.layers(x)


def translator(width, blocks):
    layers = [*mirrored(1, width, 7), nn.ReLU(True)]
    for c in (width, 2 * width):
        layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), nn.InstanceNorm2d(2 * c), nn.ReLU(True)]
    layers += [Residual(4 * width) for _ in range(blocks)]
    for c in (4 * width, 2 * width):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(c, c // 2, 3, 1, 1), nn.InstanceNorm2d(c // 2), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 1, 7), nn.Tanh())


def patches(width):
    """A kernel of 4 with stride 1 has its odd pixel at the bottom and right. The last norm is over four pixels."""
    layers = [nn.Conv2d(1, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for c in (width, 2 * width, 4 * width):
        layers += [nn.Conv2d(c, 2 * c, 4, 2, 1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(8 * width, 1, 4))


class Replay:
    """A pool of earlier images. While it fills, x passes; then an old image takes the place of each with chance 1/2."""

    def __init__(self, size, *shape):
        self.size, self.seen, self.pool = size, 0, images(size, *shape)

    @torch.no_grad()
    def __call__(self, x):
        n = len(x)
        if self.seen < self.size:
            self.pool[(self.seen + torch.arange(n)) % self.size] = x
            self.seen += n
            return x
        slots, swap = torch.randperm(self.size)[:n], torch.rand(n, 1, 1, 1) < 0.5
        old = self.pool[slots]
        self.pool[slots] = torch.where(swap, x, old)
        return torch.where(swap, old, x)


def cyclegan(batch=8, width=64, blocks=3):
    a_to_b, b_to_a, judge_a, judge_b = translator(width, blocks), translator(width, blocks), patches(width), patches(width)
    images_a, images_b, fake = images(batch, 1, 32, 32), images(batch, 1, 32, 32), {}
    pools = {"a": Replay(50, 1, 32, 32), "b": Replay(50, 1, 32, 32)}

    def real(side):
        return draw.read(f"@batch/{side}/image", images_a if side == "a" else images_b)

    def wrong(score, truth):
        return ((score - truth) ** 2).mean()

    def translators():
        a, b = real("a"), real("b")
        fake_b, fake_a = a_to_b(a), b_to_a(b)
        fooled = wrong(judge_a(fake_a), 1) + wrong(judge_b(fake_b), 1)
        cycle = F.l1_loss(b_to_a(fake_b), a) + F.l1_loss(a_to_b(fake_a), b)
        identity = F.l1_loss(b_to_a(a), a) + F.l1_loss(a_to_b(b), b)
        fake.update(a=fake_a.detach(), b=fake_b.detach())
        return (fooled + 10 * cycle + 5 * identity) / 2

    def judging(judge, side):
        def loss():
            shown = pools[side](draw.read(f"@latest/translators/fake_{side}", fake[side]))
            return (wrong(judge(real(side)), 1) + wrong(judge(shown), 0)) / 2
        return Player(loss, [judge], adam([judge], 2e-4, 0.5))

    both = [a_to_b, b_to_a]
    return Model({"a_to_b": a_to_b, "b_to_a": b_to_a, "judge_a": judge_a, "judge_b": judge_b}, {
        "translators": Player(translators, both, adam(both, 2e-4, 0.5), held=[judge_a, judge_b]),
        "judge_a": judging(judge_a, "a"), "judge_b": judging(judge_b, "b")})


MODELS = {"acgan": acgan, "began": began, "vae": vae, "cyclegan": cyclegan}
