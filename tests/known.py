#!/usr/bin/env python3
"""Makes the values of tests/known.yaml anew: each row's line of Python, run by PyTorch in double.

    python3 tests/known.py            compares; exit 1 where a value differs
    python3 tests/known.py --write    writes them into the file

`wave` here and in the spec of the test are the same numbers. Images are NHWC and kernels HWIO, as in the language.
"""
import math
import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
PATH = Path(__file__).parent / "known.yaml"


def wave(*shape):
    n = math.prod(shape)
    return torch.sin(0.7 * torch.arange(n, dtype=torch.float64) + 0.3 * n).reshape(shape)


def images(f, x, *more, **named):  # f of PyTorch's layout, on ours
    return f(x.permute(0, 3, 1, 2), *more, **named).permute(0, 2, 3, 1)


def kernel(w):  # HWIO to OIHW
    return w.permute(3, 2, 0, 1)


def kernel_t(w):  # HWIO, in being the input's channels, to IOHW
    return w.permute(2, 3, 0, 1)


def leaf(x):
    return x.clone().requires_grad_()


def slope(f, x):  # the gradient of sum(f(x))
    x = leaf(x)
    return torch.autograd.grad(f(x).sum(), x)[0]


def descend(make, steps=5):  # where a rule leads from (1, -2, 0.5) on sum(p^4)/4
    p = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    rule = make([p])
    for _ in range(steps):
        rule.zero_grad()
        (p**4).sum().div(4).backward()
        rule.step()
    return p


def lion(lr, b1, b2, decay, steps=5):  # Chen et al. 2023, algorithm 2
    p, m = torch.tensor([1.0, -2.0, 0.5]), torch.zeros(3)
    for _ in range(steps):
        g = p**3
        p = p - lr * (torch.sign(b1 * m + (1 - b1) * g) + decay * p)
        m = b2 * m + (1 - b2) * g
    return p


def adabelief(lr, b1, b2, eps, steps=5):  # Zhuang et al. 2020, algorithm 2
    p, m, v = torch.tensor([1.0, -2.0, 0.5]), torch.zeros(3), torch.zeros(3)
    for t in range(1, steps + 1):
        g = p**3
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g - m) ** 2 + eps
        p = p - lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps)
    return p


def frechet(a, b):  # Heusel et al. 2017, eq. 6
    root = torch.linalg.eigvals(a.T.cov() @ b.T.cov()).sqrt().real.sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + a.T.cov().trace() + b.T.cov().trace() - 2 * root


def kid(a, b):  # Binkowski et al. 2018: the unbiased estimate
    k = lambda x, y: (x @ y.T / a.shape[1] + 1) ** 3
    off = lambda m: (m.sum() - m.trace()) / (len(m) * (len(m) - 1))
    return off(k(a, a)) + off(k(b, b)) - 2 * k(a, b).mean()


def manifold(a, b, near):  # Kynkaanniemi et al. 2019: the share of b inside the balls of a
    reach = torch.cdist(a, a).sort(dim=1).values[:, near]
    return (torch.cdist(b, a) <= reach).any(dim=1).double().mean()


def cosines(x):  # the mean squared cosine of different rows, pair by pair
    pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    return sum(F.cosine_similarity(x[i], x[j], dim=0) ** 2 for i, j in pairs) / len(pairs)


def shown(value):
    value = torch.as_tensor(value).detach().double().reshape(-1)
    return "[" + ", ".join(f"{v:.9g}" for v in value.tolist()) + "]"


def main():
    write = "--write" in sys.argv[1:]
    lines, out, wrong, python = PATH.read_text().split("\n"), [], 0, None
    for line in lines:
        if line.startswith("  python: "):
            python = line.split(": ", 1)[1]
            python = python[1:-1].replace("''", "'") if python.startswith("'") else python
        if line.startswith("  value: ") and python:
            new = f"  value: {shown(eval(python))}"
            if not write:
                a = [float(v) for v in re.findall(r"[-+.e\d]+|nan|inf", line.split(":", 1)[1])]
                b = [float(v) for v in re.findall(r"[-+.e\d]+|nan|inf", new.split(":", 1)[1])]
                if len(a) != len(b) or any(abs(x - y) > 1e-8 * (1 + abs(y)) for x, y in zip(a, b)):
                    print(f"{python}\n  is {new}\n  written {line}")
                    wrong += 1
            line, python = new, None
        out.append(line)
    if write:
        PATH.write_text("\n".join(out))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
