#!/bin/bash
# Large specs on stdout, to see that compile time grows with their size: big_specs.sh KIND N
#   networks   N networks of three layers and N players        functions  N functions, each calling the one before
#   layers     a network of N layers                           locals     a body of N local names, each using two others
#   unrolled   a loss after N inner steps of gradient descent  outputs    N iteration values, outputs and logged names
#   includes   needs a folder: writes N files that include one another, and prints the first
kind=$1 n=$2 folder=$3

ends() {                                              # a player and a schedule, for specs that are about something else
    printf 'networks:\n  net(x): [{dense: 3}, relu, {dense: 1}]\n'
    printf 'players:\n  net: {minimize: "mean(net(%s))", optimizer: adam(1e-3)}\n' "$1"
    printf 'schedule: {steps: 1, each: [net]}\n'
}

case $kind in
networks)
    echo 'networks:'
    for ((i = 0; i < n; i++)); do printf '  net_%d(x):\n    - dense: 4\n    - batch_norm\n    - dense: 1\n' $i; done
    echo 'players:'
    for ((i = 0; i < n; i++)); do
        printf '  net_%d:\n    fake: net_%d(normal(8, 3))\n    minimize: mean(net_%d(ones(8, 3))) - mean(fake)\n' $i $(((i + 1) % n)) $i
        printf '    optimizer: adam(1e-3)\n'
    done
    echo 'schedule:'
    printf '  steps: 1\n  each:\n'
    for ((i = 0; i < n; i++)); do printf '    - net_%d\n' $i; done
    ;;
functions)
    printf 'functions:\n  f_0(x): x + 1\n'
    for ((i = 1; i < n; i++)); do printf '  f_%d(x):\n    y: f_%d(x)*2\n    return: y + x\n' $i $((i - 1)); done
    ends "f_$((n < 100 ? n - 1 : 99))(ones(2, 2))"
    ;;
layers)
    printf 'networks:\n  net(x):\n'
    for ((i = 0; i < n; i++)); do printf '    - dense: 4\n    - leaky_relu: 0.1\n'; done
    printf 'players:\n  net: {minimize: "mean(net(ones(2, 4)))", optimizer: adam(1e-3)}\n'
    printf 'schedule: {steps: 1, each: [net]}\n'
    ;;
locals)
    printf 'functions:\n  long(x):\n    y_0: x\n    y_1: x + 1\n'
    for ((i = 2; i < n; i++)); do printf '    y_%d: y_%d*0.5 + y_%d\n' $i $((i - 1)) $((i - 2)); done
    printf '    return: y_%d\n' $((n - 1))
    ends 'long(ones(2, 2))'
    ;;
unrolled)
    printf 'functions:\n  step(p, x):\n    y: mean(critic(x, parameters=p)^2)\n    return: "p - 0.1*grad(y, p)"\n'
    printf '  steps(p, x):\n    - repeat: %d\n      layers: [{step: x}]\n' "$n"
    printf 'networks:\n  generator(z): [{dense: 8}, relu, {dense: 2}]\n  critic(x): [{dense: 8}, tanh, {dense: 1}]\n'
    printf 'players:\n  generator:\n    fake: generator(normal(16, 2))\n'
    printf '    minimize: "-mean(critic(fake, parameters=steps(parameters(critic), fake)))"\n    optimizer: adam(1e-3)\n'
    printf '  critic: {minimize: "mean(critic(normal(16, 2)))", optimizer: adam(1e-3)}\n'
    printf 'schedule: {steps: 1, each: [critic, generator]}\n'
    ;;
outputs)
    echo 'iteration:'
    for ((i = 0; i < n; i++)); do printf '  z_%d: normal(4, 2)\n' $i; done
    printf 'networks:\n  net(x): [{dense: 3}, relu, {dense: 1}]\nplayers:\n  net:\n    minimize: mean(net(z_0))\n'
    printf '    optimizer: adam(1e-3)\n    log:\n'
    for ((i = 0; i < n; i++)); do printf '      v_%d: mean(net(z_%d))\n' $i $i; done
    printf 'schedule: {steps: 1, each: [net]}\noutputs:\n'
    for ((i = 0; i < n; i++)); do printf '  o_%d: {scatter: z_%d, every: 5}\n' $i $i; done
    ;;
includes)
    for ((i = 0; i < n; i++)); do
        next=$((i + 1 < n ? i + 1 : -1))
        { ((next >= 0)) && printf 'include: part_%d.yaml\n' $next
          printf 'functions:\n'
          for ((k = 0; k < 10; k++)); do printf '  f_%d_%d(x): x + %d\n  same_%d(x): x*%d\n' $i $k $k $k $i; done; } >"$folder/part_$i.yaml"
    done
    echo 'include: part_0.yaml'
    ends 'same_3(ones(2, 2))'
    ;;
*) echo "big_specs.sh: no such kind '$kind'" >&2; exit 2 ;;
esac
