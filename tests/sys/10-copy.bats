# A file goes over; its changed copy under a new name costs its changes.
load lib

setup() { world; }
teardown() { world_end; }

@test "a first copy is identical, with mode, mtime and holes, and its digest is the root" {
	spoke berlin
	hub
	random "$T/src/a.img" 8
	truncate -s 64M "$T/src/a.img"
	chmod 640 "$T/src/a.img"
	touch -d '2026-01-02 03:04:05.123456789' "$T/src/a.img"
	mkdir "$T/src/sub"
	echo small >"$T/src/sub/a.xml"
	: >"$T/src/empty"
	start berlin hub
	hubctl wait --timeout 60s
	same berlin a.img
	same berlin sub/a.xml
	same berlin empty
	[ "$(stat -c '%a %.9Y' "$T/src/a.img")" = "$(stat -c '%a %.9Y' "$T/berlin/a.img")" ]
	[ "$(stat -c %b "$T/berlin/a.img")" -lt 24000 ]
	[ "$(summary a.img berlin root)" = "$(fsverity digest "$T/berlin/a.img" | sed 's/^sha256:\([0-9a-f]*\).*/\1/')" ]
}

@test "a changed copy under a new name costs its changes" {
	spoke berlin
	hub
	random "$T/src/one.img" 48
	start berlin hub
	hubctl wait --timeout 60s
	cp "$T/src/one.img" "$T/new"
	edit "$T/new" 50
	mv "$T/new" "$T/src/two.img"
	hubctl wait --timeout 60s
	same berlin two.img
	# 50 blocks of 4 KiB, their node hashes, words and a handshake
	[ "$(summary two.img berlin literal)" -eq $((50 * 4096)) ]
	[ "$(summary two.img berlin wire)" -lt 400000 ]
}

@test "a new content under the same name replaces the old one whole" {
	spoke berlin
	hub
	random "$T/src/one.img" 16
	start berlin hub
	hubctl wait --timeout 60s
	cp "$T/src/one.img" "$T/new"
	edit "$T/new" 10
	mv "$T/new" "$T/src/one.img"
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(summary one.img berlin literal)" -eq $((10 * 4096)) ]
}

@test "two spokes in the same state get the same bundle" {
	spoke berlin
	spoke paris
	hub
	random "$T/src/one.img" 16
	start berlin paris hub
	hubctl wait --timeout 60s
	same berlin one.img
	same paris one.img
	hubctl matrix --json | jq -e .
	hubctl matrix | grep one.img
}

@test "a source that changes during its transfer starts over with the new content" {
	spoke berlin
	SPOKE[berlin]="rate = 16Mbit"
	hub
	random "$T/src/one.img" 16
	start berlin hub
	eventually 20 is sending job one.img berlin state
	edit "$T/src/one.img" 20
	sync "$T/src/one.img"
	hubctl wait --timeout 90s
	same berlin one.img
	[ "$(published berlin)" = one.img ]
}

@test "include and exclude decide what goes over" {
	spoke berlin
	GROUP=$'include = \\.(img|xml)$\nexclude = (^|/)cache/'
	hub
	mkdir "$T/src/cache"
	echo 1 >"$T/src/a.xml"
	echo 2 >"$T/src/a.txt"
	echo 3 >"$T/src/cache/a.xml"
	start berlin hub
	hubctl wait --timeout 60s
	[ "$(published berlin)" = a.xml ]
	run hubctl explain berlin a.txt
	[[ $output == *a.txt* ]]
	run hubctl why berlin cache/a.xml
	[[ $output == *exclude* ]]
}

@test "verify = full reads all once more, and the log says so" {
	spoke berlin "group:verify = full"
	spoke paris
	hub
	random "$T/src/one.img" 4
	start berlin paris hub
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(summary one.img berlin proof)" = full ]
	[ "$(summary one.img paris proof)" = changed ]
}

# Caught when it was written: a tick of the hub, and one of the server in both, a second each.
@test "what has nothing to do sleeps" {
	local d before=()
	spoke berlin
	hub
	random "$T/src/one.img" 1
	start berlin hub
	hubctl wait --timeout 60s
	sleep 3 # the last look of each tick
	for d in hub berlin; do before+=("$(sleeps "$d")"); done
	sleep 8
	for d in hub berlin; do
		[ $(($(sleeps "$d") - before[0])) -le 4 ]
		before=("${before[@]:1}")
	done
}
# How often its loop went to sleep so far.
sleeps() { awk '/^voluntary_ctxt/ { print $2 }' "/proc/${PID[$1]}/task/${PID[$1]}/status"; }
