# Hub and spoke on filesystems that share blocks: XFS and btrfs on loop devices (root only).
load lib

setup() { world; }
teardown() { world_end; }

# The last block of the base is not a whole one: it cannot be shared into a longer file.
odd_ends() {
	spoke berlin
	on "$1" "$T/src" "$T/berlin"
	hub
	head -c 3000001 /dev/urandom >"$T/src/longer"
	head -c 3000001 /dev/urandom >"$T/src/shorter"
	start berlin hub
	hubctl wait --timeout 60s
	echo more >>"$T/src/longer"
	truncate -s 1999999 "$T/src/shorter"
	hubctl wait --timeout 30s
	same berlin longer
	same berlin shorter
	[ "$(summary longer berlin literal)" -lt 10000 ]
	hubctl groups | grep -q reflink
	! grep refused "$T/berlin.err"
}

@test "files with odd ends grow and shrink on XFS" {
	odd_ends xfs
}

@test "files with odd ends grow and shrink on btrfs" {
	odd_ends btrfs
}

# The old bytes stay at the hub while a spoke has them: what moves on by a byte within a file, under
# the same name, costs next to nothing, also after a restart; then they go.
@test "a new content under the same name is compared with the old bytes on XFS" {
	spoke berlin
	on xfs "$T/src" "$T/berlin"
	hub
	head -c 20000000 /dev/urandom >"$T/image"
	cp "$T/image" "$T/src/image"
	start berlin hub
	hubctl wait --timeout 60s
	stop berlin
	{ head -c 5000000 "$T/image"; printf 'put in'; tail -c +5000001 "$T/image"; } >"$T/src/image"
	eventually 20 indexed_times image 2
	two_generations
	stop hub
	start hub
	two_generations
	start berlin
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin wire)" -lt 100000 ]
}
generations() { ls "$T/src/.spokesync/gen" | grep -c '^[0-9]*$'; }
two_generations() { [ "$(generations)" -eq 2 ]; }

# Within generations_max: the oldest go first. What is left goes when no spoke has it any more.
@test "old bytes are kept up to generations_max, and no longer than a spoke has them, on XFS" {
	HUB='generations_max = 3MiB'
	spoke berlin 'group:preserve_quota = 0' # what a spoke preserves is kept too
	on xfs "$T/src" "$T/berlin"
	hub
	random "$T/src/a" 2
	start berlin hub
	hubctl wait --timeout 60s
	random "$T/src/b" 2
	hubctl wait --timeout 60s
	stop berlin
	random "$T/src/a" 2
	eventually 20 indexed_times a 2
	[ "$(generations)" -eq 3 ]
	random "$T/src/b" 2
	eventually 20 indexed_times b 2
	eventually 10 old_went a 1
	eventually 10 is 3 generations
	start berlin
	hubctl wait --timeout 60s
	same berlin a
	same berlin b
	# Swept by the hour, and when it starts.
	stop hub
	start hub
	eventually 20 is 2 generations
}
old_went() { grep -q "$1: the old bytes of version $2 go: generations_max" "$T/hub.err"; } # PATH ID

# What differs is charged and no more, from the next newer version, also after a restart: three times
# 50 blocks far apart, 200 KiB each.
@test "scattered edits do not use up generations_max, on XFS" {
	HUB='generations_max = 500KiB'
	spoke berlin
	spoke paris
	on xfs "$T/src"
	hub
	random "$T/src/a" 32
	start berlin paris hub
	hubctl wait --timeout 60s
	stop berlin
	scattered 1
	eventually 20 indexed_times a 2
	eventually 20 same paris a
	stop paris
	scattered 2
	eventually 20 indexed_times a 3
	[ "$(generations)" -eq 3 ]
	stop hub
	start hub
	scattered 3
	eventually 20 indexed_times a 4
	eventually 10 old_went a 1
	[ "$(grep -c 'the old bytes' "$T/hub.err")" -eq 1 ]
	eventually 10 is 3 generations
}
scattered() { # OFFSET: in blocks, of the first
	for i in $(seq 0 49); do
		dd if=/dev/urandom of="$T/src/a" bs=4k seek=$((i * 128 + $1)) count=1 conv=notrunc \
			status=none
	done
}
# The last "indexed" event of a path: how much the hub read for it, and how much it took on trust.
indexed() { # PATH FIELD
	jq -s --arg p "$1" --arg f "$2" \
		'[.[] | select(.event == "indexed" and .path == $p)][-1][$f]' "$T/hub.jsonl"
}
indexings() { # PATH
	jq -s --arg p "$1" '[.[] | select(.event == "indexed" and .path == $p)] | length' "$T/hub.jsonl"
}
hub_read() { awk '$1 == "read_bytes:" { print $2 }' "/proc/${PID[hub]}/io"; } # from disk
indexed_times() { [ "$(indexings "$1")" -ge "$2" ]; }

# 40 MB in an image of 2 GB, cloned under another name; scattered blocks of the clone are changed.
# What does not differ on disk is neither read at the hub nor sent.
clone_with_changes() {
	spoke berlin
	on "$1" "$T/src" "$T/berlin"
	hub
	truncate -s 2G "$T/src/old.img"
	head -c 40000000 /dev/urandom | dd of="$T/src/old.img" bs=1M seek=100 conv=notrunc status=none
	start berlin hub
	hubctl wait --timeout 60s
	cp --reflink=always "$T/src/old.img" "$T/src/.new.img"
	for i in $(seq 0 99); do
		dd if=/dev/urandom of="$T/src/.new.img" bs=4k seek=$((26000 + i * 80)) count=1 \
			conv=notrunc status=none
	done
	before=$(hub_read)
	mv "$T/src/.new.img" "$T/src/new.img"
	hubctl wait --timeout 60s
	same berlin new.img
	# 400 KB changed; a quarter of that is read to see whether the extents told the truth.
	[ "$(indexed new.img read)" -le 614400 ]
	# Those, the old blocks in their place, and little else: the changed ones are not read again.
	echo "read from disk: $(($(hub_read) - before))"
	[ $(($(hub_read) - before)) -le 1228800 ]
	[ "$(indexed new.img trusted)" -ge 39000000 ]
	[ "$(indexed new.img origin)" = "$(indexed old.img root)" ]
	[ "$(summary new.img berlin literal)" -le 409600 ]
	# Touched, the mode changed, or renamed: nothing is left to be read, but for the audit.
	touch "$T/src/new.img"
	eventually 20 indexed_times new.img 2
	[ "$(indexed new.img read)" -le 131072 ]
	mv "$T/src/new.img" "$T/src/renamed.img"
	hubctl wait --timeout 60s
	[ "$(indexed renamed.img read)" -le 131072 ]
	same berlin renamed.img
	# After a restart the generations are still known for what they are.
	stop hub
	start hub
	dd if=/dev/urandom of="$T/src/renamed.img" bs=4k seek=27000 count=1 conv=notrunc status=none
	hubctl wait --timeout 60s
	same berlin renamed.img
	[ "$(indexed renamed.img read)" -le 131072 ]
	[ "$(indexed renamed.img trusted)" -ge 39000000 ]
}

@test "a changed clone is not read where it did not change, on XFS" {
	clone_with_changes xfs
}

@test "a changed clone is not read where it did not change, on btrfs" {
	clone_with_changes btrfs
}

# Zeros in place of data that the copy shares with its base become holes there, whatever they are on the
# hub: the old bytes do not stay below them.
@test "zeros that replace data are holes on the spoke, on XFS" {
	spoke berlin
	on xfs "$T/src" "$T/berlin"
	hub
	random "$T/src/old.img" 16
	start berlin hub
	hubctl wait --timeout 60s
	cp "$T/src/old.img" "$T/new"
	dd if=/dev/zero of="$T/new" bs=4k seek=512 count=2000 conv=notrunc status=none
	mv "$T/new" "$T/src/new.img"
	hubctl wait --timeout 60s
	same berlin new.img
	[ "$(stat -c %b "$T/src/new.img")" -ge 32768 ]
	[ "$(stat -c %b "$T/berlin/new.img")" -le $((32768 - 2000 * 8 + 64)) ]
	[ "$(summary new.img berlin literal)" -eq 0 ]
}

# The disk changes under the file: every old block lies where it lay, with other bytes. The audit
# notices, the file is read whole, and extents are not believed any more, also after a restart.
@test "extents that lie are found out, and not believed again, on XFS" {
	spoke berlin
	on xfs "$T/src" "$T/berlin"
	hub
	head -c 8000000 /dev/urandom >"$T/src/image"
	sync -f "$T/src"
	start berlin hub
	hubctl wait --timeout 60s
	same berlin image
	filefrag -v "$T/src/image" | awk '$1 ~ /^[0-9]+:$/ {gsub(/[.:]/, " "); print $4, $6}' >"$T/where"
	[ -s "$T/where" ]
	while read -r first n; do
		head -c $((n * 4096)) /dev/urandom |
			dd of="$T/src.fs" bs=4096 seek="$first" conv=notrunc status=none
	done <"$T/where"
	dd if=/dev/urandom of="$T/src/image" bs=4k seek=100 count=1 conv=notrunc,fsync status=none
	eventually 20 indexed_times image 2
	[ "$(indexed image trusted)" -eq 0 ]
	[ "$(indexed image read)" -ge 8000000 ]
	[ -s "$T/src/.spokesync/distrust-extents" ]
	hubctl groups | grep -q 'is not what it was'
	hubctl status --check | grep -q 'extents are not believed'
	jq -e -s 'any(.event == "extents_distrusted")' "$T/hub.jsonl"
	stop hub
	start hub
	touch "$T/src/image"
	eventually 20 indexed_times image 3
	[ "$(indexed image trusted)" -eq 0 ]
	rm "$T/src/.spokesync/distrust-extents"
	stop hub
	start hub
	touch "$T/src/image"
	eventually 20 indexed_times image 4
	[ "$(indexed image trusted)" -ge 7000000 ]
}

# Trust is inherited, with its age: what was read whole a week ago is so again when it changes next.
@test "what was taken on trust for a week is read again, on XFS" {
	spoke berlin
	on xfs "$T/src"
	hub
	random "$T/src/image" 8
	start hub
	eventually 20 indexed_times image 1
	change 1 100
	[ "$(indexed image trusted)" -ge 7000000 ]
	read_before 6
	change 2 200
	[ "$(indexed image trusted)" -ge 7000000 ]
	read_before 1 # seven days by now
	change 3 300
	[ "$(indexed image trusted)" -eq 0 ]
	[ "$(indexed image read)" -eq $((8 << 20)) ]
	change 4 400
	[ "$(indexed image trusted)" -ge 7000000 ]
	# Read again and found to be the same: that counts.
	read_before 7
	chmod 600 "$T/src/image"
	chmod 644 "$T/src/image"
	eventually 20 is 1 read_lately
	change 5 500
	[ "$(indexed image trusted)" -ge 7000000 ]
}
change() { # N BLOCK: its N-th change
	dd if=/dev/urandom of="$T/src/image" bs=4k seek="$2" count=1 conv=notrunc,fsync status=none
	eventually 20 indexed_times image $(($1 + 1))
}
read_lately() {
	sqlite3 "$T/hub.state/hub.db" \
		"SELECT max(read_s) > strftime('%s') - 3600 FROM versions WHERE current = 1"
}
read_before() { # DAYS: so much longer ago
	stop hub
	sqlite3 "$T/hub.state/hub.db" "UPDATE versions SET read_s = read_s - $1 * 86400"
	start hub
}

# Where no blocks are shared, and the old bytes are gone with the file that was overwritten: what
# changed is found by sector sums. $T/now: the file's new content, with 200 sectors changed.
overwritten() {
	spoke berlin
	on ext4 "$T/src"
	hub
	head -c 20000000 /dev/urandom >"$T/src/image"
	cp "$T/src/image" "$T/now"
	for i in $(seq 0 199); do
		dd if=/dev/urandom of="$T/now" bs=512 seek=$((11 + i * 191)) count=1 conv=notrunc \
			status=none
	done
	start berlin hub
	hubctl wait --timeout 60s
	# All that is kept of a content: its index, the sums.
	kept=$(cat "$T"/hub.state/index/*"$(indexed image root | tr -d '"')"* | wc -c)
	[ "$kept" -lt $((20000000 / 1000 * 25)) ]
}

@test "of a file that was overwritten on ext4 the sectors that changed are sent" {
	overwritten
	dd if="$T/now" of="$T/src/image" bs=1M conv=notrunc status=none
	hubctl wait --timeout 60s
	same berlin image
	cmp "$T/now" "$T/berlin/image"
	# 102 KB changed, in 200 blocks.
	[ "$(summary image berlin wire)" -lt 125000 ]
	[ "$(summary image berlin repairs)" -eq 0 ]
}

# The sums of the new content in place of the old one's: every sector seems to be there already.
@test "sector sums that lie cost their nodes and nothing else" {
	overwritten
	stop berlin
	old=$(indexed image root | tr -d '"')
	dd if="$T/now" of="$T/src/image" bs=1M conv=notrunc status=none
	eventually 20 indexed_times image 2
	cp "$T/hub.state/index/$(indexed image root | tr -d '"').sectors" \
		"$T/hub.state/index/$old.sectors"
	start berlin
	hubctl wait --timeout 60s
	same berlin image
	cmp "$T/now" "$T/berlin/image"
	[ "$(summary image berlin repairs)" -ge 1 ]
}
