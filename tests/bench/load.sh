#!/bin/bash
# One hub and SPOKES (200) real spokes on the loopback of a network namespace, each under a rate of its
# own, whose windows open in the same second. A few large images and many small files go to all of them;
# while they do, small files change, and a changed copy of an image comes. For as long as LOAD_SECONDS
# (600; make soak-load: an hour) the rates are full.
#
# Sampled every second: memory, descriptors and processor time of the hub, those of all spokes, and what
# went to each spoke's port (nftables counts it). Shown as plots; judged at the end: nothing grows, a byte
# costs what it did, every rate is held, every file is right, nothing went before the window.
#
# Two hundred machines have as many disks; on one, their syncs are all that is measured. Here
# BENCH_DIR is a tmpfs, if nothing else is said; it takes half a gigabyte for each minute at RATE 256.
#
# RATE: of each spoke (256, kbit). LOAD_KEEP=FILE: the samples.
# shellcheck disable=SC2034 # of what lib.bash reads
BENCH_DIR=${BENCH_DIR:-/dev/shm}
. "$(dirname "$0")/lib.bash"
SPOKES=${SPOKES:-200}
LOAD_SECONDS=${LOAD_SECONDS:-600}
RATE=${RATE:-256}
watch=$(cd "$(dirname "$0")" && pwd)/load_watch.py
WATCHER=
ulimit -n "$(ulimit -Hn)"
# Each daemon watches its directories; where a machine lets a user have fewer, the hub finds changes by
# its scans only, and this is no load. Given back at the end.
instances=/proc/sys/fs/inotify/max_user_instances
had=$(cat "$instances")
bench_also() {
	[ -z "$WATCHER" ] || kill "$WATCHER" 2>/dev/null || true
	echo "$had" >"$instances"
}
bench_world
[ "$had" -ge $((2 * SPOKES + 100)) ] || echo $((2 * SPOKES + 100)) >"$instances"
within="ip netns exec ${NET}h"

# The window is in the middle of a day, whenever this runs.
offset=$((12 - 10#$(date -u +%H)))
zone=Etc/GMT$([ "$offset" -gt 0 ] && echo "-$offset" || echo "+$((-offset))")
port=21000
names=()
for ((i = 1; i <= SPOKES; i++)); do
	name=s$i
	names+=("$name")
	PORT[$name]=$((port + i))
	PREFIX[$name]=$within
	SPOKE[$name]="rate = ${RATE}kbit"
	spoke "$name"
done
started=$SECONDS
start "${names[@]}"
echo "$SPOKES spokes started in $((SECONDS - started)) s"

# What fills nine tenths of the time: a quarter and a half and small files.
bytes=$((RATE * 1000 / 8 * LOAD_SECONDS * 9 / 10))
mkdir "$T/src/small"
for ((i = 0; i < 20; i++)); do head -c $((1000 + i * bytes / 20000)) /dev/urandom >"$T/src/small/$i"; done
for ((i = 1; i <= 3; i++)); do head -c $((bytes * i / 7)) /dev/urandom >"$T/src/image$i.img"; done

edge=$((($(date +%s) + 40) / 60 * 60 + 60))
POLICY="timezone = $zone"$'\n'"window = mon-sun $(TZ=$zone date -d "@$edge" +%H:%M)-24:00 unlimited"
HUB="transfers = $((2 * SPOKES))"
SETTLE=1s
hub
sed -i 's/^spokes = .*/spokes = s[0-9]+/' "$T/hub.ini" # so many names are no line
$within nft -f - <<-NFT
	table inet load {
		set to { type inet_service; size 65535; flags dynamic; counter; }
		chain out {
			type filter hook output priority 0;
			tcp dport $port-$((port + SPOKES)) update @to { tcp dport counter }
		}
	}
NFT
start hub
up() { is "$SPOKES" jq '[.spokes[] | select(.up)] | length' <(hubctl spokes --json); }
eventually 120 up
for name in "${names[@]}"; do echo "${PID[$name]}"; done >"$T/pids"
$within python3 "$watch" record "${PID[hub]}" "$T/pids" "$T/samples" &
WATCHER=$!
echo "all are up $((edge - $(date +%s))) s before their windows open; load $(cut -d' ' -f1 /proc/loadavg)"
[ "$(date +%s)" -lt "$edge" ]
while [ "$(date +%s)" -lt $((edge + LOAD_SECONDS * 3 / 4)) ]; do
	sleep 10
	[ "$(date +%s)" -gt "$edge" ] || continue
	head -c 5000 /dev/urandom >"$T/new"
	mv "$T/new" "$T/src/small/$((RANDOM % 20))"
	[ -e "$T/src/copy.img" ] || [ "$(date +%s)" -lt $((edge + LOAD_SECONDS / 2)) ] || {
		cp "$T/src/image1.img" "$T/new"
		edit "$T/new" $((bytes / 100 / 4096 + 1))
		mv "$T/new" "$T/src/copy.img"
	}
done
hubctl wait --timeout "$((LOAD_SECONDS + 120))s"
done=$(date +%s)
sleep 10 # so long is looked at what is left when nothing is to do
kill "$WATCHER"
wait "$WATCHER" 2>/dev/null || true
WATCHER=

[ -z "${LOAD_KEEP-}" ] || cp "$T/samples" "$LOAD_KEEP"
python3 "$watch" judge "$T/samples" $((RATE * 125)) "$edge" "$done" || FAILED=1
(cd "$T/src" && find . -name .spokesync -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) >"$T/sums"
wrong=0
for name in "${names[@]}"; do
	(cd "$T/$name" && sha256sum --quiet -c "$T/sums") &&
		[ "$(published "$name" | wc -l)" -eq "$(wc -l <"$T/sums")" ] || wrong=$((wrong + 1))
done
judge "spokes with a file that is wrong, missing or too many" "$wrong" 0
judge "runs that did not end published" \
	"$(jq -s '[.[] | select(.event == "summary" and (.result | IN("published", "superseded") | not))] | length' \
		"$T/hub.jsonl")" 0
echo "$(wc -l <"$T/sums") files on each of $SPOKES spokes," \
	"$(jq -s '[.[] | select(.event == "summary")] | length' "$T/hub.jsonl") runs," \
	"$(mb "$(jq -s '[.[] | select(.event == "summary") | .wire] | add' "$T/hub.jsonl")") on the wire in" \
	"$((done - edge)) s"
BATS_TEST_COMPLETED=1 # what all of them said is no help
exit $FAILED
