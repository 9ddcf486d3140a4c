# A machine that replicates images keeps its page cache: what was resident before, the base and other
# files, stays; what was not does not come. At the hub and at the spoke, on a filesystem without
# reflinks.
load lib

setup() { world; }
teardown() {
	[ -n "${T-}" ] || return 0
	world_end
}

resident() { # FILE...: their resident bytes
	fincore --bytes --noheadings --output RES "$@" | awk '{n += $1} END {print n + 0}'
}
drop() { # FILE: written, and out of the cache
	sync "$1"
	dd if="$1" iflag=nocache count=0 status=none
}

@test "pages that were resident stay so through a replication, and the image's do not come" {
	command -v fincore >/dev/null || skip "no fincore"
	spoke berlin
	hub
	head -c 64000000 /dev/urandom >"$T/src/base"
	head -c 32000000 /dev/urandom >"$T/other"
	start berlin hub
	hubctl wait --timeout 60s
	same berlin base
	# A machine may take pages back by itself, at any time and from any file. What the daemons do to
	# them they do each time.
	for k in 1 2 3 4; do
		cp "$T/src/base" "$T/src/.next"
		for i in $(seq 0 199); do
			dd if=/dev/urandom of="$T/src/.next" bs=4k seek=$((i * 75)) count=1 conv=notrunc status=none
		done
		drop "$T/src/.next"
		cat "$T/src/base" "$T/berlin/base" "$T/other" >/dev/null
		before=$(resident "$T/src/base" "$T/berlin/base" "$T/other")
		mv "$T/src/.next" "$T/src/next$k"
		hubctl wait --timeout 60s
		after=$(resident "$T/src/base" "$T/berlin/base" "$T/other")
		echo "resident before $before, after $after; of the new image at the hub $(resident "$T/src/next$k")"
		[ "$(resident "$T/src/next$k")" -lt 3200000 ]
		[ "$after" -ge $((160000000 / 100 * 95)) ] && break
	done
	[ "$after" -ge $((160000000 / 100 * 95)) ]
	same berlin "next$k"
}
