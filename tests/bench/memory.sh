#!/bin/bash
# Peak of anonymous memory (RssAnon, sampled) while an image of 20 GB logical size with 4 GB of
# incompressible data goes over: first copy, then a changed copy under a new name.
. "$(dirname "$0")/lib.bash"
bench_world

GB=${GB:-20}
DATA_GB=${DATA_GB:-4}
spoke berlin
hub
start berlin hub

sample() { # NAME: the peak so far, in kB, into $T/NAME.peak
	local peak=0 kb
	while :; do
		kb=$(awk '/^RssAnon/ { print $2 }' "/proc/${PID[$1]}/status") || break
		[ "${kb:-0}" -le "$peak" ] || {
			peak=$kb
			echo "$peak" >"$T/$1.peak"
		}
		sleep 0.1
	done
}
sample hub 2>/dev/null &
s1=$!
sample berlin 2>/dev/null &
s2=$!

truncate -s "$((GB * 1000000000 / 4096 * 4096))" "$T/new"
step=$((GB * 1000 / (DATA_GB * 10)))
for ((i = 0; i < DATA_GB * 10; i++)); do # pieces of 100 MB over the whole
	head -c 100000000 /dev/urandom |
		dd of="$T/new" bs=1M seek=$((i * step * 1000000 / 1048576)) conv=notrunc status=none iflag=fullblock
done
mv "$T/new" "$T/src/one.img"
t=$SECONDS
hubctl wait --timeout 60m
echo "first copy: $((SECONDS - t)) s, $(mb "$(summary one.img berlin wire)") on the wire"
judge "hub, first copy, MB" $(($(cat "$T/hub.peak") * 1024 / 1000000)) 200
judge "spoke, first copy, MB" $(($(cat "$T/berlin.peak") * 1024 / 1000000)) 100

cp --sparse=always "$T/src/one.img" "$T/new"
edit "$T/new" 20000
mv "$T/new" "$T/src/two.img"
t=$SECONDS
hubctl wait --timeout 60m
echo "changed copy: $((SECONDS - t)) s, $(mb "$(summary two.img berlin wire)") on the wire"
judge "hub, both, MB" $(($(cat "$T/hub.peak") * 1024 / 1000000)) 200
judge "spoke, both, MB" $(($(cat "$T/berlin.peak") * 1024 / 1000000)) 100
kill "$s1" "$s2"
wait "$s1" "$s2" 2>/dev/null || true
same berlin two.img
exit $FAILED
