# What changed nothing in the bytes costs none: a touched file, another mode, another name. The spoke
# reads nothing of the image, and less than 4 KiB go either way.
load lib

setup() { world; }
teardown() {
	[ -n "${T-}" ] || return 0
	world_end
}

read_there() { # what the spoke has read, from disks or the cache; its database counts as well
	awk '$1 == "rchar:" {print $2}' "/proc/${PID[berlin]}/io"
}
wire_of() { # KIND PATH
	jq -s --arg k "$1" --arg p "$2" \
		'[.[] | select(.event == "summary" and .kind == $k and .path == $p)][-1].wire' "$T/hub.jsonl"
}

@test "touched, chmodded and renamed files are neither read at the spoke nor sent" {
	spoke berlin
	hub
	mkdir "$T/src/old" "$T/src/new"
	head -c 30000000 /dev/urandom >"$T/src/old/image"
	start berlin hub
	hubctl wait --timeout 60s
	same berlin old/image
	before=$(read_there)
	inode=$(stat -c %i "$T/berlin/old/image")

	touch "$T/src/old/image"
	chmod 0640 "$T/src/old/image"
	hubctl wait --timeout 60s
	[ "$(stat -c '%Y %a' "$T/src/old/image")" = "$(stat -c '%Y %a' "$T/berlin/old/image")" ]
	[ "$(wire_of meta old/image)" -lt 4096 ]

	mv "$T/src/old/image" "$T/src/new/renamed"
	hubctl wait --timeout 60s
	eventually 10 test ! -e "$T/berlin/old/image"
	same berlin new/renamed
	[ "$(stat -c '%Y %a' "$T/src/new/renamed")" = "$(stat -c '%Y %a' "$T/berlin/new/renamed")" ]
	[ "$(wire_of put new/renamed)" -lt 4096 ]
	[ "$(stat -c %i "$T/berlin/new/renamed")" = "$inode" ]
	[ $(($(read_there) - before)) -lt 1000000 ]

	# And it is what it is: a change of it goes on from there.
	dd if=/dev/urandom of="$T/src/new/renamed" bs=4k seek=100 count=1 conv=notrunc status=none
	hubctl wait --timeout 60s
	same berlin new/renamed
	[ "$(summary new/renamed berlin literal)" -le 4096 ]
}

# Catches: the program as it was, which renamed whatever delete_grace said.
@test "delete_grace is asked before a rename takes the old name away" {
	spoke berlin
	GROUP="delete_grace = 6s"
	hub
	random "$T/src/image" 2
	start berlin hub
	hubctl wait --timeout 60s
	mv "$T/src/image" "$T/src/renamed"
	eventually 10 test -e "$T/berlin/renamed"
	[ -e "$T/berlin/image" ]
	eventually 20 test ! -e "$T/berlin/image"
	same berlin renamed
}

# Somebody wrote to it there meanwhile: it is no proof of anything, and is not passed off as the file.
@test "a file that was changed at the spoke is not renamed" {
	spoke berlin
	hub
	head -c 3000000 /dev/urandom >"$T/src/image"
	start berlin hub
	hubctl wait --timeout 60s
	stop hub
	echo drift >>"$T/berlin/image"
	mv "$T/src/image" "$T/src/renamed"
	start hub
	hubctl wait --timeout 60s
	same berlin renamed
	eventually 10 test ! -e "$T/berlin/image"
}
