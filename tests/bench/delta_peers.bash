# delta_peers.bash: for delta.sh: the same change by others, in the same run, on the same filesystem.
#
#   rsync, over TCP between the same namespaces, from a daemon that syncs what it wrote: with a temporary
#   file and in place, with its own block size and 4 KiB
#   casync: new chunks and the new index       xdelta3, zstd --patch-from: both files at hand
# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.bash

RSYNCD=
RSYNC_PORT=8730
declare -A BOUND=() # bytes of what needs no filesystem, by "PEER OLD NEW"

rsyncd_on() {
	mkdir -p "$WORK/$NOW/rsync"
	cat >"$WORK/$NOW/rsyncd.conf" <<-CONF
		use chroot = no
		uid = 0
		gid = 0
		[m]
		path = $WORK/$NOW/rsync
		read only = no
	CONF
	ip netns exec "${NET}s" rsync --daemon --no-detach --port=$RSYNC_PORT \
		--config="$WORK/$NOW/rsyncd.conf" &
	RSYNCD=$!
	eventually 10 ip netns exec "${NET}h" bash -c "exec 3<>/dev/tcp/10.77.0.2/$RSYNC_PORT"
}
rsyncd_off() {
	[ -z "$RSYNCD" ] || kill "$RSYNCD" 2>/dev/null || true
	[ -z "$RSYNCD" ] || wait "$RSYNCD" 2>/dev/null || true
	RSYNCD=
}

# rsync_run OLD NEW OPTION...: into R, as run_ours does.
rsync_run() {
	local old=$1 new=$2 dir=$WORK/$NOW/rsync out in cpu own wrote read since client
	shift 2
	place "$IMAGES/$old" "$dir/image"
	place "$IMAGES/$new" "$WORK/$NOW/source"
	uncache "$dir/image" "$WORK/$NOW/source"
	out=$(carried rx) in=$(carried tx) cpu=$(cpu_of "$RSYNCD")
	wrote=$(io_of "$RSYNCD" write_bytes) read=$(io_of $$ read_bytes)
	own=$(cpu_of $$) since=$EPOCHREALTIME
	ip netns exec "${NET}h" rsync -z --zc=zstd --zl=3 --no-whole-file --ignore-times --fsync "$@" \
		"$WORK/$NOW/source" "rsync://10.77.0.2:$RSYNC_PORT/m/image" &
	client=$!
	meter_start $client "$RSYNCD"
	wait $client
	R=([wall]="$(since "$since")" [hub_cpu]="$(less "$(cpu_of $$)" "$own")")
	eventually 30 alone # the daemon's child has ended and is counted
	meter_end
	R[hub_anon]=$(peak 3) R[spoke_anon]=$(peak 4)
	R[out]=$(less "$(carried rx)" "$out") R[in]=$(less "$(carried tx)" "$in")
	R[bytes]=$(awk -v a="${R[out]}" -v b="${R[in]}" 'BEGIN { printf "%.0f", a + b }')
	R[spoke_cpu]=$(less "$(cpu_of "$RSYNCD")" "$cpu")
	R[hub_read]=$(($(io_of $$ read_bytes) - read))
	R[spoke_wrote]=$(($(io_of "$RSYNCD" write_bytes) - wrote))
	cmp "$dir/image" "$WORK/$NOW/source"
	rm "$dir/image" "$WORK/$NOW/source"
	shown "rsync -z $*"
}
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'; } # EPOCHREALTIME
alone() { [ -z "$(cat "/proc/$RSYNCD/task/$RSYNCD/children")" ]; }

# rsync_costs OLD NEW: RSYNC (bytes, -z), RSYNC4 (bytes, -B4096 -z) and RSYNC_TIME (seconds of rsync -z
# --fsync with its temporary file).
rsync_costs() {
	rsync_run "$1" "$2"
	RSYNC=${R[bytes]} RSYNC_TIME=${R[wall]}
	rsync_run "$1" "$2" -B4096
	RSYNC4=${R[bytes]}
	rsync_run "$1" "$2" --inplace
	rsync_run "$1" "$2" --inplace -B4096
}

# bound PEER OLD NEW: prints the bytes; nothing where the peer cannot. What it cost is kept beside them.
bound() {
	local file me=$BASHPID own since peer
	file=$IMAGES/$2+$3.$1
	if [ ! -e "$file.cost" ]; then
		image "$2" "$3"
		own=$(cpu_of "$me") since=$EPOCHREALTIME
		"bound_$1" "$IMAGES/$2" "$IMAGES/$3" >"$WORK/bound" &
		peer=$!
		meter_start $peer $peer
		wait $peer
		printf '%s s  cpu %s s  anon %s MB\n' "$(since "$since")" \
			"$(less "$(cpu_of "$me")" "$own")" "$(peak 3)" >"$file.cost"
		meter_end
		mv "$WORK/bound" "$file"
	fi
	cat "$file"
}
bound_patch() { # zstd ends at 2 GB
	[ "$(stat -c %s "$1")" -lt 2000000000 ] && [ "$(stat -c %s "$2")" -lt 2000000000 ] || return 0
	zstd -q -3 --long=31 --patch-from="$1" "$2" -c | wc -c
}
bound_xdelta3() { # as does a source window of xdelta3
	[ "$(stat -c %s "$1")" -lt 2000000000 ] || return 0
	xdelta3 -e -c -B 2000000000 -s "$1" "$2" | wc -c
}
bound_casync() {
	local before store=$WORK/casync
	rm -rf "$store"
	mkdir "$store"
	casync make --store="$store/s.castr" "$store/1.caibx" "$1" >/dev/null
	before=$(find "$store" -type f -printf '%s\n' | awk '{ n += $1 } END { printf "%.0f", n }')
	casync make --store="$store/s.castr" "$store/2.caibx" "$2" >/dev/null
	find "$store" -type f -printf '%s\n' | awk -v b="$before" '{ n += $1 } END { printf "%.0f", n - b }'
	rm -rf "$store"
}
bound_zstd() { zstd -q -3 -c "$2" | wc -c; }

# bounds OLD NEW: what the others need, and PATCH for the rows.
bounds() {
	local peer n
	PATCH=$(bound patch "$1" "$2")
	for peer in patch xdelta3 casync; do
		n=$(bound $peer "$1" "$2")
		printf '      %-44s %10s  %s\n' "$peer $1 -> $2" "${n:+$(mb "$n")}" \
			"${n:+$(cat "$IMAGES/$1+$2.$peer.cost")}"
	done
}
