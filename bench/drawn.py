#!/usr/bin/env python3
"""bench/drawn.py SEED [--json]: a WGAN-GP drawn from a seed, as a spec on stdout, or as the description both twins are made of.

For bench/compare: networks that nobody tuned anything for. Convolutional and dense layers, odd sizes, kernels of 3 to 5,
upsampling by 2 and 3, normalisation, a gradient penalty. bench/peers/torch_drawn.py builds the same from the description.
"""
import json
import random
import sys


def activation(draw):
    return draw.choice([["relu"], ["leaky_relu", draw.choice([0.1, 0.2, 0.3])], ["elu"]])


def description(seed):
    """{'batch', 'latent', 'side', 'channels', 'penalty', 'generator', 'critic'}; a network is a list of [layer, arguments...]:
    dense units | pixels side channels | conv filters kernel stride padding | upsample factor | batch_norm | instance_norm |
    flatten | an activation."""
    draw = random.Random(seed)
    first, factors = draw.choice([(5, [3]), (7, [3]), (9, [3]), (11, [2]), (13, [2]), (5, [2, 3])])
    width = draw.randint(33, 75)
    channels = draw.choice([1, 3])
    generator = [["dense", draw.randint(100, 300)], activation(draw)] if draw.random() < 0.5 else []
    generator += [["dense", first * first * width], ["pixels", first, width], ["batch_norm"], activation(draw)]
    side = first
    for factor in factors:
        side *= factor
        width = draw.randint(width // 2, width)
        kernel = draw.choice([3, 5])
        generator += [["upsample", factor], ["conv", width, kernel, 1, kernel // 2], ["batch_norm"], activation(draw)]
    generator += [["conv", channels, 3, 1, 1], ["tanh"]]
    critic, now, filters = [], side, draw.randint(17, 45)
    while now > 4:
        kernel = draw.choice([3, 4, 5])
        stride, padding = draw.choice([1, 2, 2]) if len(critic) < 4 else 2, draw.choice([1, kernel // 2])
        now = (now + 2 * padding - kernel) // stride + 1
        critic += [["conv", filters, kernel, stride, padding]]
        critic += [["instance_norm"]] if len(critic) > 1 and draw.random() < 0.4 and now > 3 else []
        critic += [activation(draw)]
        filters = min(filters + draw.randint(15, 60), 190)
    critic += [["flatten"]] + ([["dense", draw.randint(60, 200)], activation(draw)] if draw.random() < 0.6 else []) + [["dense", 1]]
    return {"batch": draw.randint(40, 90), "latent": draw.randint(10, 70), "side": side, "channels": channels,
            "penalty": draw.choice([1, 10]), "generator": generator, "critic": critic}


def item(layer):
    """One layer as an item of a layer list."""
    name, *args = layer
    keys = {"conv": ["filters", "kernel", "stride", "padding"]}.get(name)
    if keys:
        return f"{name}: {{{', '.join(f'{k}: {v}' for k, v in zip(keys, args))}}}"
    if name == "pixels":
        return f"reshape: [{args[0]}, {args[0]}, {args[1]}]"
    return f"{name}: {args[0]}" if args else name


def spec(seed):
    d = description(seed)
    network = lambda name, x: f"  {name}({x}):\n" + "".join(f"    - {item(layer)}\n" for layer in d[name])
    return f"""# Drawn by bench/drawn.py from seed {seed}.
vars: {{batch: {d["batch"]}}}

networks:
{network("generator", "z")}
{network("critic", "image")}
players:
  critic:
    fake: generator(normal(batch, {d["latent"]}))
    minimize: mean(critic(fake)) - mean(critic(real)) + {d["penalty"]}*gradient_penalty(critic, real, fake)
    optimizer: adam(1e-4, b1=0.5, b2=0.9)

  generator:
    minimize: -mean(critic(generator(normal(batch, {d["latent"]}))))
    optimizer: adam(1e-4, b1=0.5, b2=0.9)

iteration:
  real: "fixed(uniform(batch, {d["side"]}, {d["side"]}, {d["channels"]}, low=-1))"

schedule:
  steps: 10
  each: [critic, generator]
"""


if __name__ == "__main__":
    seed = int(sys.argv[1])
    print(json.dumps(description(seed)) if "--json" in sys.argv else spec(seed), end="")
