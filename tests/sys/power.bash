# power.bash: cuts of the power. The directory of a daemon lies on a disk that is a file; a clone of
# that file, taken while all runs, is what a disk has at that instant: what the kernel had not written
# yet is not in it. The daemon is killed, its disk replaced by the clone, mounted (which is all that a
# machine would do), and the daemon started. Needs root: an XFS on a loop device holds the disks.
# For 86-power.bats and tests/bench/crash.sh.
#
#   power_world TYPE WHO   WHO's disk (berlin, hub) with a filesystem of that type
#   power_round N CUTS     image N and small files beside it come, while the power goes CUTS times, and at
#                          each publication ($PUBLISHES: so many of the small ones)

power_world() { # TYPE WHO
	CUTS=0 ACKED=0 DISK=$2 UUID=
	# Another mount namespace may hold the disk of before for a while.
	[ "$1" != xfs ] || UUID=,nouuid
	spoke berlin "group:preserve_quota = 100MiB"
	SPOKE[berlin]="rate = 24Mbit" # slow enough to be met under way on a busy machine
	SETTLE=0s RETRY=100ms
	hub
	AT=$T/berlin
	[ "$2" = berlin ] || AT=$T/hub.state
	mkdir "$T/disks"
	FS_SIZE=4G on xfs "$T/disks"
	truncate -s 600M "$T/disks/disk"
	"mkfs.$1" -q "$T/disks/disk" >/dev/null 2>&1
	mount -o loop "$T/disks/disk" "$AT" || skip "no $1"
	MOUNTED=("$AT" "${MOUNTED[@]}")
	mkdir "$T/src/small" "$T/old" "$T/now"
	start berlin hub
}

# What the hub was told, and so holds for done: "PROVEN OFFSET" of the image under way, which is of three
# frames: the part of one is not durable before its end.
power_acked() {
	hubctl jobs --json | jq -r '[.jobs[] | select(.path == "one.img")] | last |
		if . == null then "" else "\(.proven) \(.durable) \(.root)" end'
}
power_done() { # PATH: is its newest version published, as far as the hub was told
	jq -es --arg p "$1" --argjson n "$ROUND" \
		'[.[] | select(.event == "summary" and .path == $p and .result == "published") | .root] |
		unique | length >= $n' "$T/hub.jsonl" >"$T/null"
}

# After the power came back: nothing but whole files, of this round or the last one; of this one where
# the hub was told so before.
power_whole() { # FILE WITH PATHS TOLD
	local f
	for f in $(published berlin); do
		cmp -s "$T/berlin/$f" "$T/now/$f" || { cmp -s "$T/berlin/$f" "$T/old/$f" &&
			! grep -qx "$f" "$1"; } || { echo "after cut $CUTS: $f is not what it must be"; return 1; }
	done
	for f in $(cat "$1"); do [ -f "$T/berlin/$f" ] || { echo "after cut $CUTS: $f is gone"; return 1; }; done
}

power_cut() {
	local proven='' offset root f position
	for f in $(cd "$T/now" && find . -type f -printf '%P\n'); do
		! power_done "$f" || echo "$f"
	done >"$T/told"
	read -r proven offset root <<<"$(power_acked)" || true
	cp --reflink=always "$T/disks/disk" "$T/disks/cut"
	stop "$DISK" KILL
	eventually 10 umount "$AT"
	mv "$T/disks/cut" "$T/disks/disk"
	mount -o "loop$UUID" "$T/disks/disk" "$AT"
	CUTS=$((CUTS + 1))
	power_whole "$T/told"
	if [ "$DISK" = berlin ] && [ -n "$proven" ]; then
		position=$("$BUILD/tests/sys/position" "$T/berlin" "$root") || { echo "$position"; return 1; }
		# no transfer of it any more: then it is published
		[ "$position" != none ] || [ "$offset" -eq 0 ] || position="$offset $(power_there && echo "$proven" || echo -1)"
		[ "$offset" -eq 0 ] || { [ "${position%% *}" -ge "$offset" ] && [ "${position##* }" -ge "$proven" ]; } ||
			{ echo "after cut $CUTS: $position, told were $offset $proven"; return 1; }
		ACKED=$((ACKED + (offset > 0)))
	fi
	start "$DISK"
	for f in "$T"/berlin/.spokesync/spoke.db "$T/hub.state/hub.db"; do
		is ok sqlite3 "file:$f?mode=ro" 'PRAGMA quick_check'
		# Whole because it is a new one? The daemon puts a damaged one aside.
		[ ! -e "$f.broken" ] || { echo "after cut $CUTS $f was damaged"; return 1; }
	done
}
power_there() { cmp -s "$T/berlin/one.img" "$T/now/one.img"; }

power_further() { # BYTES
	power_done one.img || [ "$(power_acked | cut -d' ' -f2)" -gt "$1" ]
}

power_round() { # NUMBER CUTS
	local i
	ROUND=$1
	rm -rf "$T/old"
	cp -r "$T/now" "$T/old"
	head -c 40M /dev/urandom >"$T/now/one.img"
	mkdir -p "$T/now/small"
	for i in 1 2 3 4 5; do head -c $((i * 7000)) /dev/urandom >"$T/now/small/$i"; done
	for i in small/1 small/2 one.img small/3 small/4 small/5; do
		cp "$T/now/$i" "$T/new"
		mv "$T/new" "$T/src/$i"
	done
	for i in small/{1..5}; do # as soon as the hub was told of each
		[ "${i#*/}" -le "${PUBLISHES:-5}" ] || break
		eventually 60 power_done "$i"
		power_cut
	done
	for ((i = 1; i <= $2; i++)); do
		# at any moment, and the last time as soon as the hub was told that it is published
		if [ "$i" -lt "$2" ]; then
			eventually 30 power_further $(((i - 1) * (40 << 20) / $2 + RANDOM * 60))
		else
			eventually 60 power_done one.img
		fi
		power_cut
	done
	hubctl wait --timeout 90s
	diff -r "$T/now" "$T/src" -x .spokesync
	diff -r "$T/now" "$T/berlin" -x .spokesync -x lost+found
}
