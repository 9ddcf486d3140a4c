# delta_bounds.bash: for delta.sh: the rows that are held against what this machine can do: the first copy,
# the index of a large image, thirty spokes beside one.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other files

CPU_METER=$BUILD/tests/bench/delta_cpu

# seconds COMMAND...: wall and processor, into SECS_WALL and SECS_CPU.
seconds() {
	TIMEFORMAT='%R %U %S'
	{ time "$@" >/dev/null 2>&1; } 2>"$WORK/time"
	read -r SECS_WALL SECS_CPU SYS <"$WORK/time"
	SECS_CPU=$(awk -v a="$SECS_CPU" -v b="$SYS" 'BEGIN { print a + b }')
}

# What a first copy cannot be faster than: prints seconds, and says of what they are.
first_bound() { # COMPRESSED BYTES
	local file=$WORK/$NOW/bound read write hash zip unzip tls # seconds each
	place "$IMAGES/one.img" "$file"
	uncache "$file"
	seconds dd if="$file" of=/dev/null bs=4M iflag=direct
	read=$SECS_WALL
	cat "$IMAGES/one.img" >/dev/null # from the page cache it costs nothing beside the write
	seconds dd if="$IMAGES/one.img" of="$file" bs=4M oflag=direct conv=sparse,fsync
	write=$SECS_WALL
	uncache "$IMAGES/one.img"
	read -r hash _ <<<"$("$CPU_METER" "$file")"
	seconds zstd -q -3 -T1 -f "$file" -o "$WORK/z"
	zip=$SECS_CPU
	seconds zstd -q -d -f "$WORK/z" -o /dev/null
	unzip=$SECS_CPU
	rm -f "$file" "$WORK/z"
	tls=$(openssl speed -mr -seconds 1 -bytes 16384 -aead -evp aes-256-gcm 2>/dev/null |
		awk -F: -v n="$1" '/^\+F:/ { print n / $NF }')
	awk -v r="$read" -v w="$write" -v h="$hash" -v z="$zip" -v u="$unzip" -v t="$tls" -v c="$(nproc)" 'BEGIN {
		io = r + w; cpu = (2 * h + z + u + 2 * t) / c
		printf "%.2f read %.2f + write %.2f s; (SHA-256 2 x %.2f, zstd %.2f + %.2f, TLS 2 x %.2f) / %d = %.2f s\n",
			(io > cpu ? io : cpu), r, w, h, z, u, t, c, cpu }'
}

case_first() {
	local alone why limit small
	image one.img
	alone=$(bound zstd one.img one.img)
	fresh
	speed unlimited
	run_ours "$IMAGES/one.img" disk.img new
	shown 'spokesync, first copy, LAN'
	within 'first copy, LAN' "$(over "${R[bytes]}" "$alone")" 1.03 'of zstd -3'
	read -r limit why <<<"$(first_bound "$alone")"
	echo "      bound: $limit s: $why"
	within 'first copy: time' "$(over "${R[wall]}" "$limit")" 1.15 'of its bound'
	# At 20 Mbit/s an eighth must do: level 19 and the line take minutes.
	small=$IMAGES/eighth.img
	eighth one.img "$small"
	fresh # whose contents are new, too
	speed 20Mbit
	run_ours "$small" small.img new
	shown 'spokesync, first copy of an eighth, 20 Mbit'
	within 'first copy of an eighth, 20 Mbit' "$(over "${R[bytes]}" "$(zstd -q -3 -c "$small" | wc -c)")" \
		0.95 'of zstd -3'
	rm "$small"
}

# An image without any hole, nothing of which is known: read once.
case_index() {
	local cat index size
	fresh
	stop berlin # nothing is to be sent
	size=$((SIZE >> 20 << 20))
	openssl enc -aes-128-ctr -K 01 -iv 00 -in /dev/zero 2>/dev/null | head -c "$size" |
		dd of="$T/new" bs=1M oflag=direct iflag=fullblock conv=fsync status=none || true
	uncache "$T/new"
	seconds cat "$T/new"
	cat=$SECS_WALL
	uncache "$T/new"
	read -r hash anchors <<<"$("$CPU_METER" "$T/new")"
	uncache "$T/new"
	LINES_BEFORE=$(wc -l <"$T/hub.jsonl")
	C[a.hub_cpu]=$(cpu_of "${PID[hub]}")
	mv "$T/new" "$T/src/large.img"
	eventually 1200 indexed large.img
	R=([hub_cpu]="$(less "$(cpu_of "${PID[hub]}")" "${C[a.hub_cpu]}")")
	R[wall]=$(awk -v a="$(stat -c %.3Z "$T/src/large.img")" \
		-v b="$(date -d "$(event large.img indexed time)" +%s.%3N)" 'BEGIN { printf "%.2f", b - a - 1 }')
	eventually 60 all_made # the anchors may come a moment later
	index=$(du -sB1 --apparent-size "$T/hub.state" | cut -f1)
	awk -v w="${R[wall]}" -v c="${R[hub_cpu]}" -v k="$cat" -v h="$hash" -v a="$anchors" 'BEGIN {
		printf "      spokesync indexed it in %s s, CPU %s s; cat %s s, SHA-256 %s s, anchors %s s\n", w, c, k, h, a }'
	within 'index: bytes' "$(over "$index" "$size")" 0.025 'of the image'
	within 'index: time' "$(awk -v w="${R[wall]}" -v k="$cat" -v h="$hash" -v a="$anchors" -v c="$(nproc)" 'BEGIN {
		b = (h + a) / c; if (k > b) b = k; printf "%.3f", w / b }')" 1.2 'of cat, or (SHA-256 + anchors) / cores'
	rm "$T/src/large.img"
}
all_made() { ! find "$T/hub.state" -name '.tmp-*' | grep -q .; }
indexed() { [ -n "$(event "$1" indexed version)" ]; }

# Thirty spoke daemons that hold the same base, of an eighth of the size; then one of them alone.
case_spokes() {
	local one many
	image one.img churn.img
	spokes_cost 30
	many=$COST
	spokes_cost 1
	one=$COST
	echo "      $NOW threads that index, plan and encode: $one s for one spoke, $many s for 30"
	within '30 spokes, same base: hub threads' "$(over "$many" "$one")" 1.1 'of one spoke'
}
spokes_cost() { # N: COST, in seconds
	local n=$1 i before name
	TMPDIR=$WORK/$NOW
	world_anew
	for ((i = 1; i <= n; i++)); do
		name=$(printf 's%02d' "$i")
		ADDR["$name"]=10.77.0.2
		PREFIX["$name"]="ip netns exec ${NET}s"
		PORT["$name"]=$((21000 + i))
		spoke "$name" 'group:preserve_quota = 0'
	done
	HUB=$'transfers = 30\nbundle_cache = 8GiB'
	hub
	start "${!SPOKE[@]}" hub
	eighth one.img "$T/new"
	mv "$T/new" "$T/src/disk.img"
	in_sync
	eighth churn.img "$T/new"
	before=$(threads_of "${PID[hub]}")
	mv "$T/new" "$T/src/copy.img"
	in_sync
	COST=$(less "$(threads_of "${PID[hub]}")" "$before")
	for name in "${!SPOKE[@]}"; do same "$name" copy.img; done
}
eighth() { # IMAGE FILE
	dd if="$IMAGES/$1" of="$2" bs=1M skip=$(($(mib) / 4)) count=$(($(mib) / 8)) conv=sparse,fsync status=none
}
