"""The dense turns of models/*.yaml and bench/*.yaml in JAX, and penalty28; the command line is peer.py's.

A turn is one jitted function: fresh noise, forward, gradients, the optimiser's step (optax). float32, two threads (the caller
sets them), activations channels last, which is graphrun's own layout: parameters and images are taken as they are.
"""
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, random

import peer

KEY = random.PRNGKey(0)


class Player:
    """A turn: loss(networks, data, draws) with draws = sample(key); `moves` names the networks it moves."""

    def __init__(self, loss, moves, sample, optimizer):
        self.loss, self.moves, self.sample, self.optimizer = loss, moves, sample, optimizer
        self.state, self.key = None, KEY
        self.gradients = jax.jit(self._gradients)
        self.step = jax.jit(self._step, donate_argnums=(0, 3))

    def _gradients(self, moved, held, data, draws):
        return jax.value_and_grad(lambda m: self.loss({**held, **m}, data, draws))(moved)

    def _step(self, moved, held, data, state, key):
        key, now = random.split(key)
        _, gradient = self._gradients(moved, held, data, self.sample(now))
        change, state = self.optimizer.update(gradient, state)
        return optax.apply_updates(moved, change), state, key

    def split(self, networks):
        moved = {name: networks[name] for name in self.moves}
        return moved, {name: networks[name] for name in networks if name not in moved}

    def turn(self, model):
        moved, held = self.split(model.networks)
        if self.state is None:
            self.state = self.optimizer.init(moved)
        moved, self.state, self.key = self.step(moved, held, model.data, self.state, self.key)
        model.networks.update(moved)
        jax.block_until_ready(moved)


class Model:
    """networks: by graphrun's names, each a list of tuples of parameters in graphrun's order; data by the names under which
    graphrun's turn reads them."""

    def __init__(self, networks, data, players):
        self.networks, self.data, self.players = networks, data, players


def same(model, player, numbers):
    networks, names = {}, {}
    for network, value in model.networks.items():
        mine = [name for name in numbers.parameter if name.startswith(network + "/")]
        leaves, form = jax.tree.flatten(value)
        assert [leaf.shape for leaf in leaves] == [numbers.parameter[name].shape for name in mine] or not mine, network
        networks[network] = jax.tree.unflatten(form, [jnp.array(numbers.parameter[name]) for name in mine] or leaves)
        names[network] = mine
    one = model.players[player]
    read = {name: numbers.read(name) for name in model.data}
    data = {name: value if read[name] is None else jnp.array(read[name]).reshape(value.shape) for name, value in model.data.items()}
    draws = [jnp.array(numbers.draw(draw.shape)) for draw in one.sample(KEY)]
    loss, gradient = one.gradients(*one.split(networks), data, draws)
    flat = {name: np.asarray(leaf) for network in gradient for name, leaf in zip(names[network], jax.tree.leaves(gradient[network]))}
    return peer.compared(numbers, loss, flat)


def dense(key, inputs, outputs):
    bound = inputs ** -0.5
    return random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), jnp.zeros(outputs)


def layers(*sizes):
    return [dense(key, a, b) for key, a, b in zip(random.split(KEY, len(sizes)), sizes, sizes[1:])]


def mlp(p, x):
    for w, b in p[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = p[-1]
    return x @ w + b


def penalty(f, d, real, fake, e):
    slope = jax.grad(lambda x: f(d, x).sum())(e * real + (1 - e) * fake)
    return jnp.mean((jnp.sqrt((slope.reshape(len(real), -1) ** 2).sum(1)) - 1) ** 2)


def points(width, data, rate, batch=256):
    def critic(n, data, draws):
        (real,), (z, e), d = data.values(), draws, n["critic"]
        fake = mlp(n["generator"], z)
        return mlp(d, fake).mean() - mlp(d, real).mean() + 0.1 * penalty(mlp, d, real, fake, e)

    def generator(n, data, draws):
        return -mlp(n["critic"], mlp(n["generator"], draws[0])).mean()

    def both(key):
        a, b = random.split(key)
        return random.normal(a, (batch, 2)), random.uniform(b, (batch, 1))

    networks = {"generator": layers(2, width, width, width, 2), "critic": layers(2, width, width, width, 1)}
    noise = lambda key: (random.normal(key, (batch, 2)),)
    return Model(networks, {data: random.normal(KEY, (batch, 2))}, {
        "critic": Player(critic, ["critic"], both, optax.adam(rate, 0.5, 0.9)),
        "generator": Player(generator, ["generator"], noise, optax.adam(rate, 0.5, 0.9))})


def autoencoder(batch=256):
    def loss(n, data, draws):
        x, = data.values()
        return jnp.mean((jax.nn.sigmoid(mlp(n["autoencoder"], x)) - x) ** 2)

    return Model({"autoencoder": layers(784, 128, 64, 2, 64, 128, 784)},
                 {"@fixed/iteration/x/1": random.uniform(KEY, (batch, 784))},
                 {"autoencoder": Player(loss, ["autoencoder"], lambda key: (), optax.adam(1e-3))})


def batch_norm(p, x):
    scale, shift = p
    mean, var = x.mean(0), x.var(0)
    return (x - mean) * lax.rsqrt(var + 1e-5) * scale + shift


def vae(batch=100, hidden=400, latent=2, pixels=784):
    """The running values of batch norm are not kept: this turn does a little less than the others'."""
    def settled(p, x):
        (w, b), norm = p
        return jax.nn.relu(batch_norm(norm, x @ w + b))

    def loss(n, data, draws):
        (x,), (noise,) = data.values(), draws
        trunk, (w, b), (v, c) = n["encoder"]
        h = settled(trunk, x)
        mean, log_var = h @ w + b, h @ v + c
        first, (w, b) = n["decoder"]
        y = settled(first, mean + jnp.exp(log_var / 2) * noise) @ w + b
        error = jnp.sum(jax.nn.softplus(y) - y * x)
        return (error + 0.5 * jnp.sum(mean ** 2 + jnp.exp(log_var) - 1 - log_var)) / batch

    one = lambda a, b: [*layers(a, b), (jnp.ones(b), jnp.zeros(b))]
    networks = {"encoder": [one(pixels, hidden), *layers(hidden, latent), *layers(hidden, latent)],
                "decoder": [one(latent, hidden), *layers(hidden, pixels)]}
    return Model(networks, {"@batch/digits/image": random.uniform(KEY, (batch, pixels))},
                 {"vae": Player(loss, ["encoder", "decoder"], lambda key: (random.normal(key, (batch, latent)),), optax.adam(1e-3))})


def penalty28(batch=64, width=64):
    sizes = [1, width, 2 * width, 4 * width]
    d = [(0.02 * random.normal(KEY, (5, 5, a, b)), jnp.zeros(b)) for a, b in zip(sizes, sizes[1:])]
    real, fake = (random.uniform(key, (batch, 28, 28, 1)) for key in random.split(KEY))

    def score(d, x):
        for w, b in d[:-1]:
            x = lax.conv_general_dilated(x, w, (2, 2), [(2, 2), (2, 2)], dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.leaky_relu(x + b, 0.2)
        w, b = d[-1]
        return x.reshape(len(x), -1) @ w + b

    def critic(n, data, draws):
        d, real, fake = n["critic"], data["@fixed/iteration/real/1"], data["@fixed/iteration/fake/1"]
        return score(d, fake).mean() - score(d, real).mean() + 10 * penalty(score, d, real, fake, draws[0])

    return Model({"critic": d + layers(16 * 4 * width, 1)}, {"@fixed/iteration/real/1": real, "@fixed/iteration/fake/1": fake},
                 {"critic": Player(critic, ["critic"], lambda key: (random.uniform(key, (batch, 1, 1, 1)),), optax.adam(1e-4, 0.5, 0.9))})


MODELS = {
    "ring8": lambda: points(128, "@batch/ring/point", 1e-3), "toy512": lambda: points(512, "@fixed/iteration/real/1", 1e-4),
    "autoencoder": autoencoder, "vae": vae, "penalty28": penalty28,
}


def main():
    options = peer.options_of(__doc__, MODELS)
    model = MODELS[options.model]()
    turns = {name: lambda one=player: one.turn(model) for name, player in model.players.items()}
    peer.report(options, turns, lambda player, numbers: same(model, player, numbers))


if __name__ == "__main__":
    main()
