#!/bin/bash
# kill -9 of hub or spoke at twenty random moments of a transfer: the file ends identical, the spoke's
# directory never shows a partial file, and what is sent twice stays within promise 4: at most a frame
# or a second's group of it per kill. SEED repeats a run.
. "$(dirname "$0")/lib.bash"
bench_world

KILLS=${KILLS:-20}
MIB=${MIB:-400}
RANDOM=${SEED:=$((RANDOM))}
echo "seed $SEED"
spoke berlin
# shellcheck disable=SC2034,SC2154 # an array of the library
SPOKE[berlin]="rate = 80Mbit"
hub
random "$T/src/one.img" "$MIB"

# Looks all the time; whatever is visible must be whole.
(
	while :; do
		f=$T/berlin/one.img
		if [ -e "$f" ] && ! cmp -s "$T/src/one.img" "$f"; then echo partial >>"$T/partial"; fi
		n=$(published berlin | grep -cvx one.img) || true
		[ "$n" = 0 ] || published berlin >>"$T/partial"
		sleep 0.1
	done
) &
looker=$!
start berlin hub
before=$(wire)
for ((i = 0; i < KILLS; i++)); do
	sleep "1.$((RANDOM % 1000))"
	victim=$([ $((RANDOM % 2)) = 0 ] && echo hub || echo berlin)
	state=$(job one.img berlin state)
	[ "$state" != published ] || break
	stop "$victim" KILL
	start "$victim"
done
echo "killed $i times; the last state was $state"
hubctl wait --timeout 5m
sent=$(($(wire) - before))
kill "$looker"
wait "$looker" 2>/dev/null || true
same berlin one.img
judge "kills that fell into the transfer, missing" $((KILLS - i)) 0
judge "partial files seen" "$(wc -l <"$T/partial" 2>/dev/null || echo 0)" 0
# a frame (16 MiB), or one second at 10 MB/s and what was on its way
judge "sent twice, MiB a kill" \
	"$(awk "BEGIN { printf \"%.1f\", ($sent / 1048576 - $MIB) / ($i ? $i : 1) }")" 16
exit $FAILED
