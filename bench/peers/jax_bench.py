"""The dense turns of models/*.yaml and bench/*.yaml in JAX, and penalty28: python jax_bench.py [ROW...] [--seconds S]

Prints one JSON object a row, as torch_bench.py does. A turn is one jitted function: fresh noise, forward, gradients, the
optimiser's step (optax). float32, two threads (the caller sets them), activations channels last.
"""
import argparse
import json
import resource
import time

import jax
import jax.numpy as jnp
import optax
from jax import lax, random

KEY = random.PRNGKey(0)


def dense(key, inputs, outputs):
    bound = inputs ** -0.5
    return {"w": random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), "b": jnp.zeros(outputs)}


def layers(sizes):
    return [dense(key, a, b) for key, a, b in zip(random.split(KEY, len(sizes)), sizes, sizes[1:])]


def mlp(p, x):
    for layer in p[:-1]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ p[-1]["w"] + p[-1]["b"]


def turn_of(loss, p, optimizer):
    """A turn that moves p by the gradient of loss(p, key); the new values stay between calls."""
    held = [p, optimizer.init(p), KEY]

    @jax.jit
    def step(p, state, key):
        key, draw = random.split(key)
        change, state = optimizer.update(jax.grad(loss)(p, draw), state)
        return optax.apply_updates(p, change), state, key

    def turn():
        held[:] = step(*held)
        jax.block_until_ready(held)

    return turn


def penalty(f, d, real, fake, key):
    e = random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    slope = jax.grad(lambda x: f(d, x).sum())(e * real + (1 - e) * fake)
    return jnp.mean((jnp.sqrt((slope.reshape(len(real), -1) ** 2).sum(1)) - 1) ** 2)


def points(batch, width, rate):
    g, d = layers([2, width, width, width, 2]), layers([2, width, width, width, 1])
    real = random.normal(KEY, (batch, 2))
    optimizer = optax.adam(rate, 0.5, 0.9)

    def critic(d, key):
        a, b = random.split(key)
        fake = mlp(g, random.normal(a, (batch, 2)))
        return mlp(d, fake).mean() - mlp(d, real).mean() + 0.1 * penalty(mlp, d, real, fake, b)

    def generator(g, key):
        return -mlp(d, mlp(g, random.normal(key, (batch, 2)))).mean()

    return {"critic": turn_of(critic, d, optimizer), "generator": turn_of(generator, g, optimizer)}


def toy512():
    return {"critic": points(256, 512, 1e-4)["critic"]}


def autoencoder(batch=256):
    x = random.uniform(KEY, (batch, 784))
    loss = lambda p, key: jnp.mean((jax.nn.sigmoid(mlp(p, x)) - x) ** 2)
    return {"autoencoder": turn_of(loss, layers([784, 128, 64, 2, 64, 128, 784]), optax.adam(1e-3))}


def penalty28(batch=64, width=64):
    sizes = [1, width, 2 * width, 4 * width]
    d = [{"w": 0.02 * random.normal(KEY, (5, 5, a, b)), "b": jnp.zeros(b)} for a, b in zip(sizes, sizes[1:])]
    d.append(dense(KEY, 16 * 4 * width, 1))
    real, fake = (random.uniform(key, (batch, 28, 28, 1)) for key in random.split(KEY))

    def score(d, x):
        for layer in d[:-1]:
            x = lax.conv_general_dilated(x, layer["w"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.leaky_relu(x + layer["b"], 0.2)
        return x.reshape(len(x), -1) @ d[-1]["w"] + d[-1]["b"]

    def critic(d, key):
        return score(d, fake).mean() - score(d, real).mean() + 10 * penalty(score, d, real, fake, key)

    return {"critic": turn_of(critic, d, optax.adam(1e-4, 0.5, 0.9))}


MODELS = {"ring8": lambda: points(256, 128, 1e-3), "penalty28": penalty28, "toy512": toy512, "autoencoder": autoencoder}


def measure(turn, seconds):
    for _ in range(3):
        turn()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begun = time.perf_counter()
        turn()
        times.append(1e3 * (time.perf_counter() - begun))
    return sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("row", nargs="*", help="MODEL/PLAYER; default all")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    for model, make in MODELS.items():
        if options.row and not any(row.startswith(model + "/") for row in options.row):
            continue
        for player, turn in make().items():
            row = f"{model}/{player}"
            if options.row and row not in options.row:
                continue
            times = measure(turn, options.seconds)
            print(json.dumps({"row": row, "median_ms": times[len(times) // 2], "best_ms": times[0], "turns": len(times),
                              "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}), flush=True)


if __name__ == "__main__":
    main()
