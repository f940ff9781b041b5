#!/bin/sh
# trouble.sh BINARY SPEC FOLDER: closed streams, readers that leave, files that cannot be written at each point of a run,
# a run folder that goes away, checkpoints that are none, signals at any moment.
binary=$1 spec=$2 dir=$3
rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" || exit 1
failed=0
# expect CODE TEXT COMMAND...: the command, run by sh, ends with CODE and says TEXT
expect() {
    code=$1 text=$2
    shift 2
    sh -c "$*" >out 2>err
    got=$?
    if [ $got != "$code" ] || { [ "$text" ] && ! cat out err | grep -qF -- "$text"; }; then
        echo "exit $got, not $code with '$text': $*"
        cat err
        failed=1
    fi
}
train="$binary train $spec --preset tiny --threads 1 -q"

# ---- streams: what was closed never becomes a file of the run ----
$train -o whole >/dev/null || exit 1
expect 0 whole-a "$train -o whole-a <&-"
expect 0 whole-b "$train -o whole-b 2>&-"
expect 6 'standard output' "$train -o whole-c >&-"
expect 6 '' "$train -o whole-d <&- >&- 2>&-"
for run in whole-a whole-b whole-c whole-d; do
    for file in log.jsonl spec.yaml resolved.yaml checkpoints/step-000004.safetensors; do
        cmp "whole/$file" "$run/$file" || failed=1
    done
done
expect 6 'No space left' "$binary show $spec >/dev/full"
expect 0 '' "$train -o gone 2>&1 | :"
expect 0 'code 0' "{ $binary help operators; echo code \$? >&2; } | head -1"
expect 0 'code 0' "{ sleep 0.2; $train -o gone-2; echo code \$? >&2; } | :"

# ---- files that cannot be written ----
for blocks in 1 4 16 80; do
    expect 6 'File too large' "ulimit -f $blocks; $train -o full-$blocks"
done
[ -z "$(find full-* -name '*.safetensors*')" ] || { echo "a torn checkpoint is left"; failed=1; }
cp -r whole small
expect 6 'File too large' "ulimit -f 16; $binary train --resume small --steps 8 -q"
cmp whole/checkpoints/step-000004.safetensors small/checkpoints/step-000004.safetensors || failed=1
expect 0 small "$binary train --resume small --steps 8 -q"
touch file
expect 6 'Not a directory' "$train -o file"
expect 6 'file/run' "$train -o file/run"

# ---- checkpoints that are none ----
cp -r whole odd
checkpoint=odd/checkpoints/step-000004.safetensors
rm $checkpoint && mkdir $checkpoint
expect 4 'is no file' "$binary train --resume odd -q"
rmdir $checkpoint && ln -s nowhere $checkpoint
expect 4 'No such file' "$binary train --resume odd -q"
rm $checkpoint && head -c 20000 whole/checkpoints/step-000004.safetensors >$checkpoint
expect 4 'it is torn' "$binary eval odd"
expect 4 'is no run folder' "$binary eval nowhere"

# ---- the environment ----
expect 2 "GRAPHRUN_ISA: 'sse' is not" "GRAPHRUN_ISA=sse $binary check $spec"
expect 2 "GRAPHRUN_CONV: 'fft' is no" "GRAPHRUN_CONV=fft $binary check $spec"
expect 0 ok "env -i $binary check $spec"
expect 0 bare "OMP_NUM_THREADS=many HOME=/nowhere TMPDIR=/nowhere LC_ALL=de_DE.UTF-8 $train -o bare"
cmp whole/checkpoints/step-000004.safetensors bare/checkpoints/step-000004.safetensors || failed=1

# ---- the run folder goes away ----
$binary train "$spec" --threads 1 -q -o away >/dev/null 2>err &
pid=$!
while [ ! -s away/log.jsonl ]; do sleep 0.05; done
rm -rf away
kill -TERM $pid
wait $pid
[ $? = 6 ] && grep -q 'No such file' err || { echo "a run without its folder does not say so"; cat err; failed=1; }

# ---- many signals in the middle of products: the libraries' kernels use their stack in ways of their own ----
busy="$binary train $spec --threads 1 -q --steps 60"
$busy -o calm >/dev/null || exit 1
$busy -o pestered >/dev/null 2>err &
pid=$!
while [ ! -s pestered/log.jsonl ]; do sleep 0.01; done
while kill -USR1 $pid 2>/dev/null; do sleep 0.01; done
wait $pid || { echo "a run that got many signals ended with $?"; cat err; failed=1; }
cmp calm/checkpoints/step-000060.safetensors pestered/checkpoints/step-000060.safetensors || failed=1

# ---- signals, earlier and later in a run; each goes on to the same end ----
long="$train --set schedule.steps=30 --set outputs.samples.every=7"
$long -o long >/dev/null || exit 1
for moment in 0.01 0.03 0.06 0.1 0.2 0.3 0.5; do
    for signal in INT TERM; do
        rm -rf cut
        ( exec $long -o cut ) >/dev/null 2>err &
        pid=$!
        sleep $moment
        kill -$signal $pid 2>/dev/null
        wait $pid
        code=$?
        case $code in 0 | 130 | 143) ;; *) echo "$signal after $moment s: exit $code"; cat err; failed=1 ;; esac
        expect 0 cut "$long -o cut --resume auto"
        cmp long/checkpoints/step-000030.safetensors cut/checkpoints/step-000030.safetensors || failed=1
        cmp long/log.jsonl cut/log.jsonl || failed=1
    done
done
exit $failed
