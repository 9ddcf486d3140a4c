#!/bin/bash
# The shape of a transfer at 8Mbit through windows that close and open on the minute: bytes a second
# over time at the receiver. Outside a window, after its first second, no image byte and only the
# words that the rules allow; inside, every 10 s mean within 3 %, no second above 1.08 times; the
# first and last second of a window excepted. The file complete, one summary, at most a frame twice.
. "$(dirname "$0")/lib.bash"
bench_world

RATE=1000000 # 8Mbit
MIB=${MIB:-130}
now=$(date +%s)
m0=$(((now + 20) / 60 + 1)) # the first window opens on this minute
hm() { date -u -d "@$(($1 * 60))" +%H:%M; }
POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
windows=()
for k in 0 2 4; do # open 1 min, closed 1 min, open 1 min, closed 1 min, open 1 min
	POLICY+=$'\n'"window = mon-sun $(hm $((m0 + k)))-$(hm $((m0 + k + 1))) 8Mbit"
	windows+=("$(((m0 + k) * 60))")
done
spoke berlin
hub
random "$T/src/one.img" "$MIB"
start berlin hub
echo "the first window opens at $(hm "$m0")"

# Samples of the receiver: time, TCP stream bytes in. Ended by its id.
ip netns exec "${NET}s" bash -c '
	while :; do
		t=$EPOCHREALTIME
		while read -r dev bytes packets _; do
			[ "$dev" = "$0:" ] && echo "$t $((bytes - 66 * packets))"
		done </proc/net/dev
		sleep 0.05
	done' "${NET}s" >"$T/samples" &
sampler=$!
hubctl wait --timeout 8m
sleep 2
kill "$sampler"
wait "$sampler" 2>/dev/null || true
same berlin one.img

awk -v rate="$RATE" -v "starts=${windows[*]}" '
	# bytes at time t, between the samples
	function at(t) {
		while (i < n && T[i + 1] <= t) i++
		while (i > 1 && T[i] > t) i--
		if (i >= n || T[i + 1] == T[i]) return B[i]
		return B[i] + (B[i + 1] - B[i]) * (t - T[i]) / (T[i + 1] - T[i])
	}
	{ T[++n] = $1; B[n] = $2 }
	END {
		i = 1
		k = split(starts, S, " ")
		for (w = 1; w <= k; w++) {
			from = S[w]; to = S[w] + 60
			if (to > T[n]) { to = int(T[n]) - 3; last = 1 }
			for (s = from; s < to; s++) {
				got = at(s + 1) - at(s)
				printf "%d %.0f in\n", s - S[1], got >"/dev/stderr"
				if (s == from || s == to - 1) continue
				if (got > most) most = got
			}
			for (s = from + 1; s + 10 < to; s += 10) {
				d = (at(s + 10) - at(s)) / 10 / rate - 1
				if (d < 0) d = -d
				if (d > worst) worst = d
			}
			if (last) break
			shut = at((w < k ? S[w + 1] : T[n])) - at(to + 1)
			if (to + 1 < T[n] && shut > out) out = shut
		}
		printf "%.4f %.4f %.0f\n", worst, most / rate, out
	}' "$T/samples" 2>"$T/shape" >"$T/figures"
read -r worst most out <"$T/figures"
[ -z "${VERBOSE-}" ] || cat "$T/shape"
size=$((MIB << 20))
judge "10 s mean, off the rate by" "$worst" 0.03
judge "busiest second, of the rate" "$most" 1.08
judge "bytes outside a window, after its first second" "$out" 65536
judge "summaries" "$(grep -c '"event":"summary"' "$T/hub.jsonl")" 1
judge "wire bytes beyond the file, in MiB" \
	"$(awk "BEGIN { printf \"%.2f\", ($(summary one.img berlin wire) - $size) / 1048576 }")" 18
exit $FAILED
