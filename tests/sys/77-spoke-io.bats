# What a spoke reads and writes for a version, by the kernel's own count (/proc/PID/io): of a changed
# copy the changes, of a new time or name nothing.
load lib

setup() { world; }
teardown() { world_end; }

# Bytes that a daemon's threads gave to a filesystem, less those that never left for the disk.
written() { awk '{ n[$1] = $2 } END { print n["write_bytes:"] - n["cancelled_write_bytes:"] }' "/proc/${PID[$1]}/io"; }
from_disk() { awk '$1 == "read_bytes:" { print $2 }' "/proc/${PID[$1]}/io"; }
asked() { awk '$1 == "rchar:" { print $2 }' "/proc/${PID[$1]}/io"; }

# Leaf records are merged after publication: an index of the content appears, its delta goes.
merged() { ! ls "$T/$1/.spokesync/index" | grep -q delta; }

@test "of a changed copy a spoke on XFS writes what changed, and reads none of the rest" {
	spoke berlin
	on xfs "$T/berlin"
	hub
	random "$T/src/one.img" 192
	start berlin hub
	hubctl wait --timeout 60s
	eventually 10 merged berlin
	cp "$T/src/one.img" "$T/new"
	edit "$T/new" 600
	mv "$T/new" "$T/src/two.img"
	w=$(written berlin) r=$(from_disk berlin)
	hubctl wait --timeout 60s
	eventually 10 merged berlin
	same berlin two.img
	literal=$(summary two.img berlin literal)
	[ "$literal" -eq $((600 * 4096)) ]
	index=$(stat -c %s "$T/berlin/.spokesync/index/$(summary two.img berlin root)")
	echo "literal $literal, written $(($(written berlin) - w)), its index $index, read $(($(from_disk berlin) - r))"
	# The later merge not counted.
	[ $(($(written berlin) - w - index)) -le $((literal * 11 / 10 + (192 << 10))) ]
	[ $(($(from_disk berlin) - r)) -le $((2 << 20)) ]
	# a record of changes is a record: what is made of it serves as a base
	cp "$T/src/two.img" "$T/new"
	edit "$T/new" 10
	mv "$T/new" "$T/src/three.img"
	hubctl wait --timeout 60s
	same berlin three.img
	[ "$(summary three.img berlin literal)" -eq $((10 * 4096)) ]
}

@test "a new time costs a spoke words, and no byte of the file is read" {
	spoke berlin
	hub
	random "$T/src/one.img" 32
	start berlin hub
	hubctl wait --timeout 60s
	r=$(from_disk berlin) a=$(asked berlin)
	touch -d '2026-03-04 05:06:07.89' "$T/src/one.img"
	hubctl wait --timeout 30s
	eventually 10 is "$(stat -c %.9Y "$T/src/one.img")" stat -c %.9Y "$T/berlin/one.img"
	echo "read $(($(from_disk berlin) - r)) from the disk, $(($(asked berlin) - a)) in all"
	[ $(($(asked berlin) - a)) -lt $((1 << 20)) ]
	[ "$(summary one.img berlin wire)" -lt 4096 ]
}

@test "on XFS a new name costs a spoke words, and no byte of the file is read" {
	spoke berlin
	on xfs "$T/berlin"
	hub
	random "$T/src/one.img" 32
	start berlin hub
	hubctl wait --timeout 60s
	eventually 10 merged berlin
	r=$(from_disk berlin) a=$(asked berlin)
	mv "$T/src/one.img" "$T/src/other.img"
	eventually 20 is other.img published berlin
	hubctl wait --timeout 30s
	same berlin other.img
	echo "read $(($(from_disk berlin) - r)) from the disk, $(($(asked berlin) - a)) in all"
	[ $(($(asked berlin) - a)) -lt $((1 << 20)) ]
	[ "$(summary other.img berlin wire)" -lt 4096 ]
}

@test "verify = full reads from the disk what was just written" {
	spoke berlin "group:verify = full"
	hub
	random "$T/src/one.img" 64
	start berlin hub
	r=$(from_disk berlin)
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(summary one.img berlin proof)" = full ]
	[ $(($(from_disk berlin) - r)) -ge $((64 << 20)) ]
}

# Bytes of a file that are in memory now.
resident() { fincore -b -n -o RES "$1" | tr -d ' '; }

@test "files that were in memory stay there, and what was copied is not left there" {
	command -v fincore >/dev/null || skip "no fincore"
	spoke berlin
	hub
	random "$T/src/one.img" 64
	start berlin hub
	hubctl wait --timeout 60s
	random "$T/other" 16
	# A machine may take pages back by itself, at any time and from any file. What the daemon does
	# to them it does each time.
	for i in 1 2 3 4; do
		cat "$T/other" "$T/berlin/one.img" >/dev/null
		base=$(resident "$T/berlin/one.img")
		[ "$base" -ge $((32 << 20)) ]
		cp "$T/src/one.img" "$T/new"
		random "$T/more" 16
		cat "$T/more" >>"$T/new"
		mv "$T/new" "$T/src/copy$i.img"
		hubctl wait --timeout 60s
		other=$(resident "$T/other")
		kept=$(resident "$T/berlin/one.img")
		copy=$(resident "$T/berlin/copy$i.img")
		echo "other $other, base $base, $kept, copy $copy"
		[ "$copy" -le $((4 << 20)) ]
		[ "$other" -ge $((16 * 95 * (1 << 20) / 100)) ] && [ "$kept" -ge $((base * 95 / 100)) ] && break
	done
	[ "$other" -ge $((16 * 95 * (1 << 20) / 100)) ]
	[ "$kept" -ge $((base * 95 / 100)) ]
	same berlin "copy$i.img"
}
