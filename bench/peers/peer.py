"""What the peers' scripts share: the command line, the clock, and the numbers that graphrun left to be compared with.

    python torch_bench.py MODEL [PLAYER...] [--seconds S] [--numbers DIR]

prints one JSON object: {"first_step_unix_ms", "same": {PLAYER: {"loss": [theirs, graphrun's], "gradient": [norm, norm],
"apart"}}, "players": {PLAYER: {"median_ms", "best_ms", "turns"}}}. DIR is what `graphrun bench MODEL --dump DIR` wrote; each
player's turn is then made once from graphrun's parameters, data and draws before any clock starts.
"""
import argparse
import json
import time
from pathlib import Path

import numpy as np

WARM, LEAST = 2, 3                                    # turns before the clock starts, and the fewest that are timed


class Numbers:
    """One DIR/PLAYER.npz. Draws are taken in the order in which the turn makes them."""

    def __init__(self, folder, player):
        self.all = np.load(Path(folder) / f"{player}.npz")
        self.loss = float(self.all[f"loss/{player}"])
        self.gradient = self.named("gradient")
        self.parameter = self.named("parameter")
        self.draws = iter(self.named("draw").items())

    def named(self, kind):
        return {name.split("/", 1)[1]: self.all[name] for name in self.all.files if name.startswith(kind + "/")}

    def read(self, name):
        """None where this turn does not read it."""
        return self.all.get(f"read/{name}")

    def draw(self, shape):
        name, value = next(self.draws)
        assert value.shape == tuple(shape), f"{name} is {value.shape} in graphrun, {tuple(shape)} here"
        return value


def compared(numbers, loss, gradient):
    """gradient: by graphrun's names, in graphrun's layout. `apart`: the distance of the gradients over their norm."""
    assert set(gradient) == set(numbers.gradient), f"moved here or there alone: {set(gradient) ^ set(numbers.gradient)}"
    ours = {name: value.astype(np.float64) for name, value in numbers.gradient.items()}
    norm = lambda of: float(sum((value.astype(np.float64) ** 2).sum() for value in of.values()) ** 0.5)
    apart = norm({name: gradient[name] - ours[name] for name in ours}) / norm(ours)
    return {"loss": [float(loss), numbers.loss], "gradient": [norm(gradient), norm(ours)], "apart": apart}


def timed(turn, seconds):
    for _ in range(WARM):
        turn()
    times, end = [], time.perf_counter() + seconds
    while len(times) < LEAST or time.perf_counter() < end:
        begun = time.perf_counter()
        turn()
        times.append(1e3 * (time.perf_counter() - begun))
    times.sort()
    return {"median_ms": times[len(times) // 2], "best_ms": times[0], "turns": len(times)}


def options_of(doc, models):
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("model", help=", ".join(models))
    parser.add_argument("player", nargs="*", help="whose turns; all where left out")
    parser.add_argument("--seconds", type=float, default=2, help="a player")
    parser.add_argument("--numbers", help="what graphrun bench --dump wrote")
    parser.add_argument("--drawn", help="a description by drawn.py, for the model `drawn`")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    return parser.parse_args()


def report(options, turns, same):
    """turns: by player; same(player, numbers) makes that player's turn from graphrun's numbers."""
    turns = {player: turns[player] for player in options.player or turns}
    for turn in turns.values():
        turn()
    result = {"first_step_unix_ms": time.time() * 1e3, "same": {}, "players": {}}
    if options.numbers:
        result["same"] = {player: same(player, Numbers(options.numbers, player)) for player in turns}
    for player, turn in turns.items():
        result["players"][player] = timed(turn, options.seconds)
    print(json.dumps(result), flush=True)
