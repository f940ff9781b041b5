#!/usr/bin/env python3
"""agree.py [--full] GRAPHRUN [MODEL...]: graphrun and PyTorch train the same 20 steps and must come to the same numbers.

Each tests/torch/MODEL.yaml is a model of models/ or a spec of tests/specs/ whose batches and draws are values of the
iteration, written to a file each step. graphrun writes its initial values (a run of 0 steps) and then trains, both in
fp64; here the same model, in a few lines of PyTorch, starts from that checkpoint in double precision, is fed those files,
and is compared: each logged loss within 1e-4 relative, each parameter and running value within 1e-4 absolute. That is no
matter of rounding, and whoever fails computes something else.

Then graphrun trains in fp32, with the kernels and rewrites that it always has, and is compared with its own run in fp64;
PyTorch in single precision with its own in double is the yardstick. From the same meaning, what is seen here is rounding.
It is amplified in two ways, in every program. Adam divides by the gradient's size: where that is 0 but for rounding (a bias
before batch norm, a unit that no sample reaches), whole steps are made of noise. And at a kink of (leaky) relu a value that
is 0 but for rounding has one slope or the other: a gradient penalty, which is made of slopes, leaps. So only the first
step's losses are held to 1e-4; those after it, and parameters, to 1e-2 or ten times the yardstick.

A quick run, the default, makes the image networks narrower. --full takes the models' own widths, which takes minutes.
Needs torch (CPU), numpy and safetensors, all on PyPI:

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python tests/torch/agree.py build/graphrun

CTest runs it as `torch` (ctest -L torch) with the Python that CMake is told by -DTORCH_PYTHON=venv/bin/python, else with
python3; where that has no torch it says so and is skipped (exit 77).
"""
import json
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
STEPS, LOSS, VALUE, LOOSE, TIMES = 20, 1e-4, 1e-4, 1e-2, 10
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
    return lambda parameters: torch.optim.Adam(parameters, lr, (b1, b2), 1e-8)


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


def run_graphrun(program, name, settings, precision, run, steps=STEPS):
    """Its losses in order, and its values at the end less the statistics that nothing here computes."""
    command = [program, "train", HERE / f"{name}.yaml", "--precision", precision, "--threads", "1", "--seed", "1", "-q",
               "--out", run, "--steps", str(steps)]
    command += [word for key, value in settings.items() for word in ("--set", f"vars.{key}={value}")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    log = [one for one in map(json.loads, open(run / "log.jsonl")) if "end" not in one]
    assert len(log) == steps
    values = load_file(run / "checkpoints" / f"step-{steps:06d}.safetensors")
    return [line[f"{player}.minimize"] for line in log for player in globals()[name].players], \
        {k: v for k, v in values.items() if k[0] != "@" and not k.split("/")[-1].startswith("running_")}


def run_torch(name, start, run, dtype):
    """The same, fed what `run` wrote down."""
    model = globals()[name]()
    model.moved = {}
    p = {k: torch.tensor(v, dtype=dtype) for k, v in start.items()}
    owned = {player: [v.requires_grad_() for k, v in p.items() if k.split("/")[0] in nets and not running(k)]
             for player, (nets, _) in model.players.items()}
    optimiser = {player: make(owned[player]) for player, (_, make) in model.players.items()}
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
    """The worst relative difference of a loss, the worst absolute one of a value, and its name."""
    far = {k: np.abs(run[1][k] - true[1][k]).max() for k in true[1]}
    return relative(run[0], true[0]), max(far.values()), max(far, key=far.get)


def relative(losses, true):
    return max(abs(a - b) / abs(b) for a, b in zip(losses, true))


def agree(program, name, settings):
    """What is wrong, and the three distances: of fp64 to PyTorch, of fp32 to fp64, of PyTorch's single to its double."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        start = run_graphrun(program, name, settings, "fp64", folder / "start", 0)[1]
        double = run_graphrun(program, name, settings, "fp64", folder / "double")
        single = run_graphrun(program, name, settings, "fp32", folder / "single")
        true, rough = (run_torch(name, start, folder / "double", dtype) for dtype in (torch.float64, torch.float32))
    meaning, rounding, yard = distance(double, true), distance(single, double), distance(rough, true)
    wrong = []
    if max(np.abs(double[1][k] - start[k]).max() for k in start) < 10 * VALUE: wrong += ["NOTHING MOVED"]
    if not (meaning[0] <= LOSS and meaning[1] <= VALUE): wrong += [f"ANOTHER MODEL, {meaning[2]}"]
    first = relative(single[0][:len(globals()[name].players)], double[0])
    if not (first <= LOSS and all(rounding[i] <= max(LOOSE, TIMES * yard[i]) for i in (0, 1))): wrong += [f"MORE THAN ROUNDING, {rounding[2]}, {first:.1e} in the first step"]
    return wrong, (meaning, rounding, yard)


def main():
    words = [word for word in sys.argv[1:] if word != "--full"]
    program, names = Path(words[0]).resolve(), words[1:] or [f.stem for f in sorted(HERE.glob("*.yaml"))]
    torch.set_num_threads(1)
    failed = False
    print(f"{STEPS} steps from the same values and batches. Distances of losses, relative, and of parameters and running values,\n"
          f"absolute; in fp64 {LOSS:.0e} and {VALUE:.0e} are allowed. Widths are the models' own where none is given.\n"
          f"{'':25} {'fp64 - PyTorch':>17}   {'fp32 - fp64':>17}   {'PyTorch, the same':>17}")
    for name in names:
        settings = {} if "--full" in sys.argv else QUICK.get(name, {})
        wrong, apart = agree(program, name, settings)
        failed |= bool(wrong)
        text = " ".join(f"{key}={value:g}" for key, value in settings.items())
        print(f"{name:14} {text:10} " + "   ".join(f"{loss:8.1e} {value:8.1e}" for loss, value, _ in apart), *wrong, flush=True)
    sys.exit(failed)


main()
