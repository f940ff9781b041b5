"""The turns of models/*.yaml and bench/*.yaml in PyTorch; the command line is peer.py's.

A turn is what graphrun's turn is: fresh noise, forward, gradients, the optimiser's step, clipping. Channels last, float32,
two threads; eager, or with --compile every network, and every slope of one, through torch.compile. The models stand in
torch_*.py, in terms of what is here: `draw` gives noise, or graphrun's draws while numbers are compared; `Player` is a loss,
who moves, and how.
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

import peer

LAST = torch.channels_last
COMPILE = "--compile" in sys.argv


class Draw:
    """Noise and data of a turn. While `numbers` is set they are graphrun's; images come as NCHW, channels last."""
    numbers = None

    @staticmethod
    def tensor(array):
        value = torch.from_numpy(array)
        return value.permute(0, 3, 1, 2) if value.dim() == 4 else value

    def given(self, shape):
        n, c, *rest = shape
        return self.tensor(self.numbers.draw([n, *rest, c] if len(shape) == 4 else shape))

    def normal(self, *shape):
        return torch.randn(shape) if self.numbers is None else self.given(shape)

    def uniform(self, *shape):
        return torch.rand(shape) if self.numbers is None else self.given(shape)

    def dropout(self, x, rate):
        return F.dropout(x, rate) if self.numbers is None else x * self.given(x.shape) / (1 - rate)

    def read(self, name, value):
        """A value that graphrun's turn reads under this name."""
        return value if self.numbers is None else self.tensor(self.numbers.read(name))


draw = Draw()


class Player:
    """A turn: `loss` is a function, `moves` the networks it moves; `held` are others that it uses, whose parameters need no
    gradient meanwhile; `after` is called at the end."""

    def __init__(self, loss, moves, optimizer, held=(), after=None):
        self.loss, self.moves, self.optimizer, self.after = loss, moves, optimizer, after
        self.held = [p for network in held for p in network.parameters()]

    def gradients(self):
        for p in self.held:
            p.requires_grad_(False)
        loss = self.loss()
        for p in self.held:
            p.requires_grad_(True)
        self.optimizer.zero_grad()
        loss.backward()
        return loss

    def turn(self):
        self.gradients()
        self.optimizer.step()
        if self.after:
            self.after()


def slope_of(network):
    """The gradient of a network's score by its input, to be differentiated again. torch.compile can do that to a torch.func.grad
    inside what is compiled, not to torch.autograd.grad."""
    if COMPILE:
        return torch.compile(lambda x: torch.func.grad(lambda y: network(y).sum())(x))
    return lambda x: torch.autograd.grad(network(x.requires_grad_()).sum(), x, create_graph=True)[0]


class Model:
    """networks: by graphrun's names, each with its layers in graphrun's order."""

    def __init__(self, networks, players):
        self.networks, self.players = networks, players


def adam(networks, rate, b1=0.9, b2=0.999):
    return torch.optim.Adam([p for network in networks for p in network.parameters()], rate, (b1, b2), foreach=True)


def layouts(module):
    """The parameters of one module in graphrun's order, and how the axes of graphrun's array are put for it."""
    axes = {nn.Linear: (1, 0), nn.Conv2d: (3, 2, 0, 1), nn.ConvTranspose2d: (2, 3, 0, 1)}.get(type(module))
    for p in module.parameters(recurse=False):
        yield p, axes if axes and p.dim() == len(axes) else tuple(range(p.dim()))


def places(networks, names):
    """From graphrun's names to (parameter, axes), network by network in order."""
    found = {}
    for network, module in networks.items():
        mine = [name for name in names if name.startswith(network + "/")]
        here = [place for part in module.modules() for place in layouts(part)]
        assert not mine or len(mine) == len(here), f"{network}: {len(mine)} parameters in graphrun, {len(here)} here"
        found.update(zip(mine, here))
    return found


def same(model, player, numbers):
    where = places(model.networks, numbers.parameter)
    with torch.no_grad():
        for name, (p, axes) in where.items():
            value = torch.from_numpy(numbers.parameter[name]).permute(axes)
            assert value.shape == p.shape, f"{name}: {tuple(value.shape)} in graphrun, {tuple(p.shape)} here"
            p.copy_(value)
    draw.numbers = numbers
    loss = model.players[player].gradients().item()
    draw.numbers = None
    moved = {id(p) for group in model.players[player].optimizer.param_groups for p in group["params"]}
    back = lambda p, axes: p.grad.permute([axes.index(i) for i in range(p.dim())]).numpy()
    gradient = {name: back(p, axes) for name, (p, axes) in where.items() if id(p) in moved and p.grad is not None}
    return peer.compared(numbers, loss, gradient)


def main():
    import torch_digits, torch_drawn, torch_models    # they use what is above
    models = torch_models.MODELS | torch_digits.MODELS | {"drawn": lambda: torch_drawn.model(options.drawn)}
    options = peer.options_of(__doc__, models)
    torch.set_num_threads(2)
    model = models[options.model]()
    for name, network in model.networks.items():
        network.to(memory_format=LAST)
        if COMPILE:
            network.compile()
    peer.report(options, {name: player.turn for name, player in model.players.items()},
                lambda player, numbers: same(model, player, numbers))


if __name__ == "__main__":
    import torch_bench                                # so that the models see this very module
    torch_bench.main()
