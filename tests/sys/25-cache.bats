# A machine that replicates images keeps its page cache: what was resident before, the base and other
# files, stays; what was not does not come. At the hub and at the spoke, on a filesystem without
# reflinks. CACHE_MB: of the image; 4096 for the figure that is promised (make bench-cache).
load lib

MB=${CACHE_MB:-64}

setup() { world; }
teardown() {
	[ -n "${T-}" ] || return 0
	world_end
}

resident() { # FILE...: their resident bytes
	fincore --bytes --noheadings --output RES "$@" | awk '{n += $1} END {printf "%.0f\n", n}'
}
drop() { # FILE: written, and out of the cache
	sync "$1"
	dd if="$1" iflag=nocache count=0 status=none
}

stayed() { # of the base at the hub, of that at the spoke, and of another file
	local i
	for i in 0 1 2; do [ "${after[i]}" -ge $((before[i] * 95 / 100)) ] || return 1; done
	# They were there.
	[ "${before[0]}" -ge $(((MB << 20) * 95 / 100)) ] && [ "${before[1]}" -ge $(((MB << 20) * 95 / 100)) ] &&
		[ "${before[2]}" -ge $(((MB << 19) * 95 / 100)) ]
}

@test "pages that were resident stay so through a replication, and the image's do not come" {
	command -v fincore >/dev/null || skip "no fincore"
	spoke berlin
	hub
	random "$T/src/base" "$MB"
	random "$T/other" $((MB / 2))
	start berlin hub
	hubctl wait --timeout 30m
	same berlin base
	# A machine may take pages back by itself, at any time and from any file. What the daemons do to
	# them they do each time.
	for k in 1 2 3 4; do
		cp "$T/src/base" "$T/next"
		for i in $(seq 0 199); do
			dd if=/dev/urandom of="$T/next" bs=4k seek=$((i * MB * 256 / 200)) count=1 conv=notrunc status=none
		done
		drop "$T/next"
		cat "$T/src/base" "$T/berlin/base" "$T/other" >/dev/null
		before=("$(resident "$T/src/base")" "$(resident "$T/berlin/base")" "$(resident "$T/other")")
		mv "$T/next" "$T/src/next$k"
		hubctl wait --timeout 30m
		after=("$(resident "$T/src/base")" "$(resident "$T/berlin/base")" "$(resident "$T/other")")
		echo "resident before ${before[*]}, after ${after[*]}; of the new image at the hub $(resident "$T/src/next$k")"
		[ "$(resident "$T/src/next$k")" -lt $(((MB << 20) / 20)) ]
		stayed && break
	done
	stayed
	same berlin "next$k"
}
