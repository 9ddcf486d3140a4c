#!/bin/bash
# What `spokesync plan` foretells against what then happens: four files at 4 Mbit through two windows
# of a minute each, with a minute between them. The plan is asked for while it is closed; each
# file's end, counted from the first window's beginning, is to be off by 5 % at most.
. "$(dirname "$0")/lib.bash"
bench_world

now=$(date +%s)
m0=$(((now + 25) / 60 + 1)) # the first window opens on this minute
hm() { date -u -d "@$(($1 * 60))" +%H:%M; }
POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
for k in 0 2; do
	POLICY+=$'\n'"window = mon-sun $(hm $((m0 + k)))-$(hm $((m0 + k + 1))) 4Mbit"
done
spoke berlin
hub
random "$T/src/1.img" 20
random "$T/src/2.img" 5
random "$T/src/3.img" 8
random "$T/src/4.img" 18
start berlin hub
planned() { [ "$(hubctl plan --json | jq '[.jobs[] | select(.eta)] | length')" -eq 4 ]; }
eventually 30 planned
hubctl plan --json >"$T/plan"
hubctl plan
echo "the first window opens at $(hm "$m0")"
hubctl wait --timeout 6m
for f in 1 2 3 4; do
	eta=$(jq -r --arg p "$f.img" '.jobs[] | select(.path == $p) | .eta | fromdate' "$T/plan")
	real=$(jq -r --arg p "$f.img" 'select(.event == "published" and .path == $p) | .time' "$T/hub.jsonl" |
		tail -n 1)
	off=$(awk -v e="$eta" -v r="$(date -d "$real" +%s.%N)" -v o=$((m0 * 60)) \
		'BEGIN { d = (r - e) / (e - o); print 100 * (d < 0 ? -d : d) }')
	judge "$f.img: planned for $(date -u -d "@$eta" +%T), was there ${real#*T}" "$off" 5 %
done
exit $FAILED
