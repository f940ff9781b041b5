#!/usr/bin/env python3
"""agree.py [--full] GRAPHRUN [MODEL...]: graphrun and PyTorch train the same 20 steps and must come to the same numbers.

Each tests/torch/MODEL.yaml is a model of models/ or a spec of tests/specs/ whose batches and draws are values of the
iteration, written to a file each step. graphrun writes its initial values (a run of 0 steps) and then trains; here the same
model, in a few lines of PyTorch, starts from that checkpoint, is fed those files, and is compared: each logged loss within
1e-4 relative, each parameter and `u` within 1e-4 absolute. PyTorch computes in double precision, so that what is seen is
graphrun's rounding alone.

A quick run, the default, makes the image networks narrower and gives them an eps of 1e-3 in Adam. --full takes the models'
own widths, which takes minutes, with that eps and with the models' own, 1e-8.

Rounding is amplified in two ways, in every program. Adam divides by the gradient's size: where that is 0 but for rounding
(a bias before batch norm, a unit that no sample reaches), whole steps are made of noise. And at a kink of (leaky) relu a
value that is 0 but for rounding has one slope or the other: a gradient penalty, which is made of slopes, leaps. So PyTorch
trains again: in single precision, and twice in double from initial values one rounding away; the furthest of these from the
first is the yardstick beside graphrun's own distance, and for both it is said how many losses agree to 1e-5 before the
first that does not. A run passes within the bounds; or where it leaps no sooner than the yardstick, or than after a quarter of
its losses, and is no further off than ten times the yardstick, since what a leap comes to is chance.

graphrun runs with GRAPHRUN_CONV=direct. Left to itself it convolves wide layers by Winograd's method, whose rounding is
larger: leaps come sooner. That run is shown too, and held to a hundred times the bounds alone. Needs torch (CPU), numpy and safetensors, all on PyPI:

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python tests/torch/agree.py build/graphrun

CTest runs it as `torch` (ctest -L torch) with the Python that CMake is told by -DTORCH_PYTHON=venv/bin/python, else with
python3; where that has no torch it says so and is skipped (exit 77).
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from safetensors.numpy import load_file
except ImportError as missing:
    print(f"skipped: {missing}; see the head of {__file__}")
    sys.exit(77)

HERE = Path(__file__).resolve().parent
STEPS, LOSS, PARAMETER, LEAP, TIMES, LOOSE = 20, 1e-4, 1e-4, 1e-5, 10, 100
QUICK = {"wgan_gp_mnist": {"base": 16}, "began": {"base": 16}}          # what is less than the model's own


# Layouts: graphrun's images are NHWC and its kernels HWIO; here images are NCHW, and P holds graphrun's own arrays.
def conv(p, name, x, stride, padding):
    return F.conv2d(x, p[name + "/weight"].permute(3, 2, 0, 1).contiguous(), p.get(name + "/bias"), stride, padding)


def conv_transpose(p, name, x):
    return F.conv_transpose2d(x, p[name + "/weight"].permute(2, 3, 0, 1).contiguous(), None, 2, 1)


def dense(p, name, x):
    return x @ p[name + "/weight"] + p[name + "/bias"]


def batch_norm(p, name, x):
    return F.batch_norm(x, None, None, p[name + "/scale"], p[name + "/shift"], True)


def rows(x):                                          # NCHW to rows in the order of NHWC
    return x.permute(0, 2, 3, 1).flatten(1)


def images(x, size):                                  # and back
    return x.view(len(x), size, size, -1).permute(0, 3, 1, 2)


def adam(lr, b1=0.9, b2=0.999):
    return lambda parameters, eps: torch.optim.Adam(parameters, lr, (b1, b2), eps)


class wgan_gp_mnist:
    players = {"critic": (["critic"], adam(1e-4, 0.0, 0.9)), "generator": (["generator"], adam(1e-4, 0.0, 0.9))}

    def make(self, p, z):
        x = z.view(len(z), -1, 1, 1)
        for i in range(1, 5):
            x = F.relu(batch_norm(p, f"generator/{i}/batch_norm_1", conv_transpose(p, f"generator/{i}/conv_transpose_1", x)))
        return torch.sigmoid(conv_transpose(p, "generator/conv_transpose_2", x))

    def score(self, p, x):
        for i in range(1, 5):
            x = F.leaky_relu(conv(p, f"critic/{i}/conv_1", x, 2, 1), 0.2)
        return dense(p, "critic/dense_1", rows(x))

    def critic(self, p, d):
        fake = self.make(p, d["z"])
        mix = (d["e"] * d["real"] + (1 - d["e"]) * fake).detach().requires_grad_()
        slope, = torch.autograd.grad(self.score(p, mix).sum(), mix, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return 10 * penalty - self.score(p, d["real"]).mean() + self.score(p, fake).mean()

    def generator(self, p, d):
        return -self.score(p, self.make(p, d["y"])).mean()


class vae:
    players = {"vae": (["encoder", "decoder"], adam(1e-3))}

    def vae(self, p, d):
        x = d["real"].flatten(1)
        h = F.relu(batch_norm(p, "encoder/batch_norm_1", dense(p, "encoder/dense_1", x)))
        mean, log_var = dense(p, "encoder/mean", h), dense(p, "encoder/log_var", h)
        h = mean + torch.exp(log_var / 2) * d["noise"]
        h = F.relu(batch_norm(p, "decoder/batch_norm_1", dense(p, "decoder/dense_1", h)))
        error = F.binary_cross_entropy_with_logits(dense(p, "decoder/dense_2", h), x, reduction="sum")
        return (error - 0.5 * (1 + log_var - mean ** 2 - log_var.exp()).sum()) / len(x)


class began:
    players = {"generator": (["generator"], adam(2e-4, 0.5)), "discriminator": (["discriminator"], adam(2e-4, 0.5))}
    k = 0.0

    def make(self, p, z):
        x = batch_norm(p, "generator/batch_norm_1", images(dense(p, "generator/dense_1", z), 8))
        for i in (1, 2):
            x = conv(p, f"generator/{i}/conv_1", F.interpolate(x, scale_factor=2), 1, 1)
            x = F.leaky_relu(batch_norm(p, f"generator/{i}/batch_norm_2", x), 0.2)
        return torch.tanh(conv(p, "generator/conv_2", x, 1, 1))

    def energy(self, p, x):
        h = F.relu(dense(p, "discriminator/dense_1", rows(F.relu(conv(p, "discriminator/conv_1", x, 2, 1)))))
        h = images(F.relu(dense(p, "discriminator/dense_2", h)), 16)
        return (x - conv(p, "discriminator/conv_2", F.interpolate(h, scale_factor=2), 1, 1)).abs().mean()

    def generator(self, p, d):
        loss = self.energy(p, self.make(p, d["z"]))
        self.other = loss.item()
        return loss

    def discriminator(self, p, d):
        error = self.energy(p, d["real"])
        loss = error - self.k * self.energy(p, self.make(p, d["y"]).detach())
        self.k = min(max(self.k + 0.001 * (0.75 * error.item() - self.other), 0), 1)
        self.moved["discriminator/k"] = torch.tensor(self.k)
        return loss


class spectral:
    players = {"discriminator": (["discriminator"], adam(1e-3, 0.5)), "generator": (["generator"], adam(1e-3, 0.5))}

    def even_dense(self, p, name, x):
        w, u = p[name + "/parameter_1"], p[name + "/spectral_1/u"]
        left = F.normalize(w.detach() @ u, dim=0)
        right = F.normalize(w.detach().T @ left, dim=0)
        self.moved[name + "/spectral_1/u"] = right
        return x @ (w / (left @ (w @ right))) + p[name + "/parameter_2"]

    def score(self, p, x):
        for i in (1, 2):
            x = F.leaky_relu(self.even_dense(p, f"discriminator/even_dense_{i}", x), 0.2)
        return self.even_dense(p, "discriminator/even_dense_3", x)

    def make(self, p, z):
        return dense(p, "generator/dense_3", F.relu(dense(p, "generator/dense_2", F.relu(dense(p, "generator/dense_1", z)))))

    def discriminator(self, p, d):
        real, fake = self.score(p, d["real"]), self.score(p, self.make(p, d["z"]).detach())
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, p, d):
        loss = F.softplus(-self.score(p, self.make(p, d["y"]))).mean()
        self.moved.clear()                            # u moves in the discriminator's turn only
        return loss


def tensors(arrays, dtype):
    """Images to NCHW."""
    return {k: torch.tensor(v.transpose(0, 3, 1, 2) if v.ndim == 4 else v, dtype=dtype) for k, v in arrays.items()}


def running(key):                                     # a running value: no gradient moves it
    return key.split("/")[-1] in ("running_mean", "running_var", "u", "k")


def checkpoint(run, step):
    values = load_file(run / "checkpoints" / f"step-{step:06d}.safetensors")
    return {k: v for k, v in values.items() if not k.startswith("@")}


def run_graphrun(program, name, settings, run, steps=None):
    """Its losses in order and its values at the end."""
    command = [program, "train", HERE / f"{name}.yaml", "--threads", "1", "--seed", "1", "-q", "--out", run]
    command += [word for key, value in settings.items() for word in ("--set", f"vars.{key}={value}")]
    command += ["--steps", str(steps)] if steps is not None else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    log = [one for one in map(json.loads, open(run / "log.jsonl")) if "end" not in one]
    assert len(log) == (STEPS if steps is None else steps)
    return [line[f"{player}.minimize"] for line in log for player in globals()[name].players], \
        checkpoint(run, STEPS if steps is None else steps)


def run_torch(name, eps, start, run, dtype):
    """The same, fed what `run` wrote down."""
    model = globals()[name]()
    model.moved = {}
    p = {k: torch.tensor(v, dtype=dtype) for k, v in start.items()}
    owned = {player: [v.requires_grad_() for k, v in p.items() if k.split("/")[0] in nets and not running(k)]
             for player, (nets, _) in model.players.items()}
    optimiser = {player: make(owned[player], eps) for player, (_, make) in model.players.items()}
    losses = []
    for step in range(1, STEPS + 1):
        draws = tensors(np.load(run / "samples" / f"draws-{step:06d}.npz"), dtype)
        for player in model.players:
            loss = getattr(model, player)(p, draws)
            optimiser[player].zero_grad()
            loss.backward(inputs=owned[player])
            optimiser[player].step()
            p.update(model.moved)
            losses.append(loss.item())
    return losses, {k: v.detach().numpy() for k, v in p.items()}


def distance(run, true):
    """The worst relative difference of a loss, the worst absolute one of a value, how many losses come before the first
    that is further off than LEAP, and the name of the worst value."""
    far = {k: np.abs(run[1][k] - true[1][k]).max() for k in run[1] if not k.split("/")[-1].startswith("running_")}
    off = [abs(a - b) / abs(b) for a, b in zip(run[0], true[0])]
    leap = next((i for i, x in enumerate(off) if x > LEAP), len(off))
    return max(off), max(far.values()), leap, max(far, key=far.get)


def nearby(start, seed):
    """Initial values one rounding away."""
    random = np.random.default_rng(seed)
    return {k: v * (1 + 6e-8 * random.standard_normal(v.shape)) for k, v in start.items()}


def agree(program, name, settings):
    """Distances to PyTorch in double precision: of graphrun with plain convolutions, as it is, and of the yardstick."""
    with tempfile.TemporaryDirectory() as folder:
        folder, eps = Path(folder), settings["eps"]
        _, start = run_graphrun(program, name, settings, folder / "start", 0)
        fast = run_graphrun(program, name, settings, folder / "fast")
        os.environ["GRAPHRUN_CONV"] = "direct"
        plain = run_graphrun(program, name, settings, folder / "plain")
        del os.environ["GRAPHRUN_CONV"]
        moved = max(np.abs(plain[1][k] - start[k]).max() for k in start)
        assert moved > 10 * PARAMETER, f"{name}: nothing moved by more than {moved}"
        torches = [(start, torch.float64), (start, torch.float32), *((nearby(start, seed), torch.float64) for seed in (1, 2))]
        true, *others = [run_torch(name, eps, values, folder / "plain", dtype) for values, dtype in torches]
        apart = [distance(one, true) for one in others]
        yard = (*(max(one[i] for one in apart) for i in (0, 1)), min(one[2] for one in apart))
        return distance(plain, true), distance(fast, true), yard


def settings_of(name, full):
    small = {} if full else QUICK.get(name, {})
    if name == "spectral": return [{"eps": 1e-8}]     # no gradient of it is nothing but rounding
    return [{**small, "eps": eps} for eps in ((1e-3, 1e-8) if full else (1e-3,))]


def show(apart):
    return f"{apart[0]:8.1e} {apart[1]:8.1e} {apart[2]:3}"


def main():
    words = [word for word in sys.argv[1:] if word != "--full"]
    full = "--full" in sys.argv
    program, names = Path(words[0]).resolve(), words[1:] or [f.stem for f in sorted(HERE.glob("*.yaml"))]
    torch.set_num_threads(1)
    wrong = 0
    print(f"{STEPS} steps from the same values and batches. Distances to PyTorch in double precision: of losses, relative, and of\n"
          f"parameters, absolute (allowed {LOSS:.0e} and {PARAMETER:.0e}); losses before the first leap. Widths are the models' own\n"
          f"where none is given.\n{'model':14} {'settings':18} {'graphrun':>21}   {'with its own kernels':>21}   {'yardstick':>21}")
    for name in names:
        for settings in settings_of(name, full):
            plain, fast, yard = agree(program, name, settings)
            good = plain[0] <= LOSS and plain[1] <= PARAMETER
            far = plain[0] > max(LOSS, TIMES * yard[0]) or plain[1] > max(PARAMETER, TIMES * yard[1])
            late = plain[2] >= min(yard[2], STEPS * len(globals()[name].players) // 4)
            rounding = late and not far
            wide = fast[0] > LOOSE * LOSS or fast[1] > LOOSE * max(PARAMETER, yard[1])
            wrong += wide or not (good or rounding)
            text = " ".join(f"{key}={value:g}" for key, value in settings.items())
            print(f"{name:14} {text:18} {show(plain)}   {show(fast)}   {show(yard)}"
                  f"{'' if good else ': rounding' if rounding else ': TOO FAR, ' + plain[3]}{': OWN KERNELS TOO FAR' if wide else ''}", flush=True)
    sys.exit(wrong > 0)


main()
