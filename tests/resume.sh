#!/bin/sh
# resume.sh BINARY MODEL FOLDER [PRESET]: the preset, `tiny` where left out, for 20 steps in one run, and in two: the checkpoint, the log and
# all samples and plots of both are the same bytes. A model whose tiny schedule is shorter than 20 steps fails.
binary=$1 model=$2 dir=$3 preset=${4:-tiny}
rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" || exit 1
run() { "$binary" train "$@" -q --threads 1 >>said 2>&1 || { cat said; exit 1; }; }
run "$model" --preset "$preset" --steps 20 --out whole
run "$model" --preset "$preset" --steps 7 --out parted
run --resume parted --steps 20
[ -f whole/checkpoints/step-000020.safetensors ] || { ls whole/checkpoints; echo "no checkpoint at step 20"; exit 1; }
for part in checkpoints/step-000020.safetensors log.jsonl samples plots; do
    [ -e "whole/$part" ] || continue
    diff -r "whole/$part" "parted/$part" || { echo "$part differs"; exit 1; }
done
