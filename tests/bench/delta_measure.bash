# delta_measure.bash: for delta.sh: a filesystem of our own for both ends, a hub and a spoke on it, what a
# replication cost them, and the table that the limits are judged in.
#
# Wall: from settled (ctime and the settle time of 1 s) to published, by the job log. CPU and I/O:
# /proc/PID/stat and /proc/PID/io before and after; reads that the page cache served do not count
# there, so files are taken out of it before. Anonymous memory: the peak, looked at every 20 ms.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.bash

declare -A R=() # of the last run: see run_ours
LOOP=
METER=
NOW=  # the filesystem's name: xfs or ext4
TABLE=() # "ok|FAIL fs row value limit"
PEAK_HUB=0
PEAK_SPOKE=0

# ---- a filesystem and daemons on it ---------------------------------------------------------------

fs_up() { # xfs | ext4
	NOW=$1
	truncate -s $((SIZE * 8 + (8 << 30))) "$WORK/$1.loop"
	LOOP=$(losetup --find --show --direct-io=on "$WORK/$1.loop")
	case $1 in
	xfs) mkfs.xfs -q "$LOOP" ;;
	ext4) mkfs.ext4 -q "$LOOP" ;;
	esac
	mkdir -p "$WORK/$1"
	mount -o discard "$LOOP" "$WORK/$1"
}

fs_down() {
	[ -n "$NOW" ] || return 0
	! mountpoint -q "$WORK/$NOW" || eventually 20 umount "$WORK/$NOW" || umount -l "$WORK/$NOW"
	[ -z "$LOOP" ] || losetup -d "$LOOP"
	LOOP=
	rm -rf "${WORK:?}/$NOW" "$WORK/$NOW.loop"
	NOW=
}

# fresh [LINE...]: a new hub and a new spoke (its lines: see spoke), at any speed.
fresh() {
	TMPDIR=$WORK/$NOW
	world_anew
	HUB="bundle_cache = 0"$'\n'"${HUB_MORE-}" # no frame is to be had from an earlier run
	spoke berlin 'group:preserve_quota = 0' "$@"
	hub
	start berlin hub
}

# speed RATE: of the window; unlimited is the LAN.
speed() {
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 '$1
	hub
	hubctl reload >/dev/null
}

# The hub starts with nothing but its key: no index or generation is left of an earlier run.
forget() {
	stop hub
	rm -rf "$T/hub.state"
	mkdir "$T/hub.state"
	start hub
	in_sync
}

in_sync() { hubctl wait --timeout 60m >/dev/null; }

# Out of the page cache, so that everybody begins cold.
uncache() {
	local f
	for f; do
		[ ! -f "$f" ] || dd if="$f" iflag=nocache count=0 status=none
	done
}

# place IMAGE FILE: FILE overwritten in place or made, past the page cache.
place() {
	dd if="$1" of="$2" bs=1M oflag=direct conv=sparse,fsync status=none
}

# have IMAGE PATH: on both ends.
have() {
	place "$1" "$T/new"
	mv "$T/new" "$T/src/$2"
	in_sync
	same berlin "$2"
}

take_away() { # PATH...: from both ends
	(cd "$T/src" && rm "$@")
	in_sync
}

# ---- what it cost ---------------------------------------------------------------------------------

cpu_of() { # PID: seconds, its ended children included
	awk '{ sub(/.*\) /, ""); print ($12 + $13 + $14 + $15) / 100 }' "/proc/$1/stat"
}
io_of() { # PID FIELD
	awk -v f="$2:" '$1 == f { n = $2 } $1 == "cancelled_write_bytes:" && f == "write_bytes:" { n -= $2 }
		END { printf "%.0f", n }' "/proc/$1/io"
}
# Seconds on a processor of the threads that index, plan and encode: all but the loop's.
threads_of() { # PID
	local t
	for t in /proc/"$1"/task/*; do
		[ "${t##*/}" = "$1" ] || cat "$t/schedstat"
	done | awk '{ n += $1 } END { printf "%.3f", n / 1e9 }'
}
carried() { # rx | tx of the spoke's interface, TCP stream bytes
	ip netns exec "${NET}s" awk -v "dev=${NET}s:" -v w="$1" \
		'$1 == dev { printf "%.0f", (w == "rx" ? $2 - 66 * $3 : $10 - 66 * $11) }' /proc/net/dev
}
less() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }
over() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", (b > 0 ? a / b : 0) }'; }

counters() { # PREFIX
	local h=${PID[hub]} s=${PID[berlin]}
	C[$1.out]=$(carried rx) C[$1.in]=$(carried tx)
	C[$1.hub_cpu]=$(cpu_of "$h") C[$1.spoke_cpu]=$(cpu_of "$s") C[$1.threads]=$(threads_of "$h")
	C[$1.hub_read]=$(io_of "$h" read_bytes) C[$1.spoke_read]=$(io_of "$s" read_bytes)
	C[$1.hub_rchar]=$(io_of "$h" rchar) C[$1.spoke_rchar]=$(io_of "$s" rchar)
	C[$1.spoke_wrote]=$(io_of "$s" write_bytes)
}
declare -A C=()

meter_on() {
	counters a
	LINES_BEFORE=$(wc -l <"$T/hub.jsonl")
	meter_start "${PID[hub]}" "${PID[berlin]}"
}
meter_start() { # PID PID
	"$here/delta_meter.py" "${NET}s" "$1" "$2" >"$WORK/meter" &
	METER=$!
}
meter_end() {
	[ -n "$METER" ] || return 0
	kill "$METER" 2>/dev/null || true
	wait "$METER" 2>/dev/null || true
	METER=
}

# peak COLUMN: of the meter, kB, in MB.
peak() { awk -v c="$1" '$c > n { n = $c } END { printf "%.1f", n * 1024 / 1e6 }' "$WORK/meter"; }

# event PATH EVENT FIELD: of the newest such line since meter_on.
event() {
	tail -n "+$((LINES_BEFORE + 1))" "$T/hub.jsonl" | jq -rs --arg p "$1" --arg e "$2" --arg f "$3" \
		'[.[] | select(.event == $e and .path == $p)] | last | .[$f] // empty'
}
ended() { [ -n "$(event "$1" summary result)" ]; }

# until_published PATH: waits and puts what it cost into R.
until_published() {
	local k settled ended_at
	in_sync
	eventually 600 ended "$1"
	counters b
	meter_end
	R=()
	for k in out in hub_cpu spoke_cpu threads hub_read spoke_read hub_rchar spoke_rchar spoke_wrote; do
		R[$k]=$(less "${C[b.$k]}" "${C[a.$k]}")
	done
	[ "$(event "$1" summary result)" = published ]
	R[bytes]=$(awk -v a="${R[out]}" -v b="${R[in]}" 'BEGIN { printf "%.0f", a + b }')
	R[literal]=$(event "$1" summary literal)
	R[bases]=$(event "$1" summary bases)
	settled=$(stat -c %.3Z "$T/src/$1")
	ended_at=$(date -d "$(event "$1" published time)" +%s.%3N)
	R[wall]=$(awk -v a="$settled" -v b="$ended_at" 'BEGIN { printf "%.2f", b - a - 1 }')
	R[phases]=$(phases "$1" "$settled")
	R[hub_anon]=$(peak 3) R[spoke_anon]=$(peak 4)
	# What it writes after publication (the index is merged) is not the transfer's.
	R[spoke_wrote]=$(awk -v e="$ended_at" 'NR == 1 { first = $5 } $1 <= e { n = $5 }
		END { printf "%.0f", n - first }' "$WORK/meter")
	# The last byte: when all but 16 KiB (words) of what came by then had come.
	R[tail]=$(awk -v e="$ended_at" '$1 <= e { at[++n] = $1; bytes[n] = $2 }
		END { for (i = n; i > 1 && bytes[i - 1] > bytes[n] - 16384; i--); printf "%.2f", e - at[i] }' "$WORK/meter")
	PEAK_HUB=$(awk -v a="$PEAK_HUB" -v b="${R[hub_anon]}" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
	PEAK_SPOKE=$(awk -v a="$PEAK_SPOKE" -v b="${R[spoke_anon]}" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
}

# phases PATH SETTLED: seconds from settled to indexed and to staged.
phases() {
	local e at=''
	for e in indexed staged; do
		at+=" $(date -d "$(event "$1" $e time)" +%s.%3N)"
	done
	awk -v s="$2" -v at="$at" 'BEGIN { split(at, t, " ")
		printf "indexed %.2f, staged %.2f", t[1] - s - 1, t[2] - s - 1 }'
}

# run_ours IMAGE PATH new|over: the image arrives under PATH, moved there whole or overwriting what is there.
run_ours() {
	if [ "$3" = new ]; then place "$1" "$T/new"; fi
	uncache "$T"/src/* "$T"/berlin/*
	meter_on
	if [ "$3" = new ]; then mv "$T/new" "$T/src/$2"; else place "$1" "$T/src/$2"; fi
	until_published "$2"
	same berlin "$2"
}

# ---- the table ------------------------------------------------------------------------------------

# shown WHAT: a line with what R holds.
shown() {
	printf '      %-44s %10s out %8s in  %6s s  cpu %5s + %5s s  anon %5s, %5s MB  read %9s  wrote %9s%s\n' \
		"$NOW $1" "$(mb "${R[out]}")" "$(mb "${R[in]}")" "${R[wall]}" "${R[hub_cpu]}" \
		"${R[spoke_cpu]}" "${R[hub_anon]--}" "${R[spoke_anon]--}" "$(mb "${R[hub_read]}")" \
		"$(mb "${R[spoke_wrote]}")" "${R[phases]+  (${R[phases]})}"
}

# within ROW VALUE LIMIT [WHAT IT IS OF]: judges, prints, and keeps the line for the end.
within() {
	local line
	if [ -z "$2" ]; then
		line=$(printf 'none  %-5s %-58s %12s' "$NOW" "$1" "not measured")
	else
		line=$(judge "$(printf '%-5s %s' "$NOW" "$1")" "$2" "$3" "${4-}")
	fi
	echo "$line"
	case $line in FAIL*) FAILED=1 ;; esac
	TABLE+=("$line")
}

table() {
	SHOWN=1
	[ ${#TABLE[@]} -gt 0 ] || return 0
	NOW=all
	echo
	[ "$PEAK_HUB" = 0 ] || within 'hub, peak of anonymous MB' "$PEAK_HUB" 200
	[ "$PEAK_SPOKE" = 0 ] || within 'spoke, peak of anonymous MB' "$PEAK_SPOKE" 100
	printf '\n== image %s, zstd %s, rsync %s\n' "$(mb "$SIZE")" "$(zstd -V | grep -o 'v[0-9.]*')" \
		"$(rsync --version | awk 'NR == 1 { print $3 }')"
	printf '%s\n' "${TABLE[@]}"
	printf '%s\n' "${TABLE[@]}" | awk '{ n[$1]++ } END { for (w in n) printf "%s %d  ", w, n[w]; print "" }'
}
