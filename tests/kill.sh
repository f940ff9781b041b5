#!/bin/sh
# kill.sh BINARY SPEC FOLDER THREADS OPTION...: see kill.cmake. The spec makes a checkpoint every step, 300 in all. Each kill comes a little later than a checkpoint was seen to grow, so
# that progress is counted; a temporary file left in checkpoints/ shows that a kill fell inside a checkpoint's writing.
# Where none of them did, one more waits for it: the program is stopped at random moments until such a file is there.
binary=$1 spec=$2 dir=$3 threads=$4
shift 4
rm -rf "$dir" && mkdir -p "$dir" || exit 1
start() { # FOLDER OPTION...: replaces the subshell it runs in, so that kill meets the program itself
    out=$1
    shift
    exec "$binary" train "$spec" --threads "$threads" -q --out "$out" "$@"
}
writing() { ls -A "$dir/killed/checkpoints" | grep -q '\.tmp$'; }
newest() { ls "$dir/killed/checkpoints" 2>/dev/null | sed -n 's/^step-0*\([0-9][0-9]*\)\.safetensors$/\1/p' | sort -n | tail -1; }

( start "$dir/whole" "$@" ) >"$dir/whole.out" 2>&1 || { cat "$dir/whole.out"; exit 1; }
kills=0 inside=0 tries=0
start "$dir/killed" "$@" >"$dir/killed.out" 2>&1 &
pid=$!
while [ $kills -lt 20 ]; do
    tries=$((tries + 1))
    [ $tries -gt 4000 ] && { echo "only $kills kills in 4000 looks"; exit 1; }
    at=$(newest)
    if ! kill -0 $pid 2>/dev/null; then
        echo "the run ended after $kills kills, at step ${at:-0}"
        exit 1
    fi
    if [ "${at:-0}" -lt $((3 + kills * 4)) ]; then      # three checkpoints first, four more steps before each kill
        sleep 0.01
        continue
    fi
    sleep "0.0$(( (kills * 37 + 11) % 10 ))$(( (kills * 53) % 10 ))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    kills=$((kills + 1))
    writing && inside=$((inside + 1))
    start "$dir/killed" "$@" --resume auto >>"$dir/killed.out" 2>&1 &
    pid=$!
done
at=$(newest)
while [ $inside -lt 1 ] && kill -STOP $pid 2>/dev/null; do
    if writing && [ "$(newest)" -gt "$at" ]; then       # not the file that an earlier kill left
        kill -9 $pid
        wait $pid 2>/dev/null
        kills=$((kills + 1)) inside=1
        start "$dir/killed" "$@" --resume auto >>"$dir/killed.out" 2>&1 &
        pid=$!
    else
        kill -CONT $pid
        sleep 0.003
    fi
done
wait $pid || { tail -5 "$dir/killed.out"; exit 1; }
last=checkpoints/step-000300.safetensors
[ $inside -ge 1 ] || { echo "no kill fell inside a checkpoint's writing"; exit 1; }
cmp "$dir/whole/$last" "$dir/killed/$last" || exit 1
cmp "$dir/whole/log.jsonl" "$dir/killed/log.jsonl" || exit 1
for f in samples plots; do diff -r "$dir/whole/$f" "$dir/killed/$f" || exit 1; done
echo "$threads thread(s): $kills kills, $inside inside a checkpoint's writing, byte for byte equal"
