# What is in use, or not whole: it waits on the hub with its guard by name, and on a spoke nobody's
# image is taken away; lock files and write caches stay each machine's own.
load lib

setup() { world; }
teardown() { world_end; }

why() { hubctl why berlin "$1" --json | jq -r '.guard, .why[]'; }
held() { # PATH WORD TEXT...: by that guard, and the sentences say all that
	local out
	out=$(why "$1") || return
	[ "$(head -n 1 <<<"$out")" = "$2" ] || { echo "$out" && return 1; }
	shift 2
	for text; do grep -qF -- "$text" <<<"$out" || { echo "$out" && return 1; }; done
}
byte() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # FILE OFFSET BYTE

# Catches: a guard that is not asked, or named wrongly; a lock file that is sent, or not
# known in other letters; what was let go and is held on.
@test "hub: each guard holds, says what to do, and lets go" {
	export SETTLE=3s
	spoke berlin
	hub
	qemu-img create -q -f vpc -o subformat=dynamic,force_size=on "$T/f.vhd" 4M
	qemu-img create -q -f qcow2 "$T/d.qcow2" 4M
	cp "$T/d.qcow2" "$T/c.qcow2"
	qemu-img create -q -f vhdx "$T/s.vhdx" 4M
	byte "$T/f.vhd" 90 x
	byte "$T/d.qcow2" 79 '\1'
	byte "$T/c.qcow2" 79 '\2'
	truncate -s 3500K "$T/s.vhdx" # of its tables only a part
	qemu-img create -q -f vhdx "$T/l.vhdx" 4M
	python3 "$BATS_TEST_DIRNAME/vhdx_log.py" "$T/l.vhdx" open
	echo image >"$T/src/win.3.avhdx"
	echo >"$T/src/Win.3.LOK"
	mv "$T"/*.qcow2 "$T/f.vhd" "$T/s.vhdx" "$T/l.vhdx" "$T/src/"
	start berlin hub
	exec 7>>"$T/src/open.raw" # not before: the daemons would have it open as well
	echo image >&7
	eventually 20 held win.3.avhdx lock "a lock file lies beside it: Win.3.LOK" "delete the lock"
	eventually 10 held open.raw open "open for writing" fuser
	eventually 10 held f.vhd footer "footer and the copy in front differ" "once more" unclean
	eventually 10 held d.qcow2 dirty "says dirty" "qemu-img check"
	eventually 10 held c.qcow2 corrupt "says corrupt"
	eventually 10 held l.vhdx log "its VHDX log has to be replayed"
	eventually 10 held s.vhdx short "not all there" "cut off"
	hubctl why berlin Win.3.LOK | grep -q "a lock file: it says that an image is in use"
	hubctl why berlin win.3.avhdx | grep -q "It is taken when that lock file is gone"
	grep -q "group g: win.3.avhdx: not taken: a lock file lies beside it: Win.3.LOK" "$T/hub.err"
	[ -z "$(published berlin)" ]
	rm "$T/src/Win.3.LOK"
	exec 7>&-
	byte "$T/src/f.vhd" 90 '\0'
	byte "$T/src/d.qcow2" 79 '\0'
	rm "$T/src/s.vhdx"
	python3 "$BATS_TEST_DIRNAME/vhdx_log.py" "$T/src/l.vhdx" closed
	eventually 20 same berlin l.vhdx
	sed -i 's/^settle = 3s/&\nunclean = send/' "$T/hub.ini"
	hubctl reload
	eventually 15 same berlin win.3.avhdx
	hubctl wait --timeout 40s
	is "$(printf '%s\n' c.qcow2 d.qcow2 f.vhd l.vhdx open.raw win.3.avhdx)" published berlin
}

# Seen to catch: files of another user that are sent under their writer without a word, as it was where
# the daemon has no CAP_LEASE (the unit of contrib/systemd leaves it none).
@test "hub: who writes to files of another user is seen where that can be told, else it is said" {
	spoke berlin
	hub
	# shellcheck disable=SC2034 # an array of lib.bash
	PREFIX[hub]="setpriv --bounding-set -lease"
	echo image >"$T/src/plain.raw"
	truncate -s 1M "$T/src/qemu.raw"
	chown 65534 "$T"/src/*.raw
	mkfifo "$T/words"
	qemu-io -f raw "$T/src/qemu.raw" <"$T/words" >/dev/null 2>&1 3>&- 4>&- &
	local pid=$!
	exec 7>"$T/words"
	start berlin hub
	eventually 20 held qemu.raw open "open for writing"
	eventually 20 same berlin plain.raw
	[ "$(grep -c 'Whether somebody has it open for writing cannot be told here' "$T/hub.err")" -eq 1 ]
	hubctl inspect plain.raw | tr -s '\n ' ' ' | grep -q 'open for writing cannot be told here'
	kill "$pid" # the daemons have the other end of its words as well
	exec 7>&-
	wait "$pid" || true
	hubctl wait --timeout 30s
	same berlin qemu.raw
}

in_use() { is "in use at the spoke" job "$1" berlin waits_text; }
mode() { stat -c %a "$T/berlin/$1"; }

# Catches: an image replaced or taken away under its user, one that waits long after that went (ten
# minutes, as it was), a new name that waits, a lock file or write
# cache of the spoke's that is touched, listed or taken for something of the hub's.
@test "spoke: in use waits, new names do not; its own files stay; published files are read-only" {
	spoke berlin 'group:protect = mode' 'group:protect_local = (^|/)WriteCache/'
	hub
	echo one >"$T/src/a.vhd"
	echo one >"$T/src/b.vhd"
	chmod 664 "$T/src/a.vhd" "$T/src/b.vhd"
	mkdir "$T/berlin/WriteCache" "$T/src/WriteCache"
	echo cache >"$T/berlin/WriteCache/x"
	start berlin hub
	hubctl wait --timeout 30s
	[ "$(mode a.vhd)" = 444 ]
	echo busy | tee "$T/berlin/a.lok" >"$T/berlin/B.vhd.lok"
	echo two >"$T/src/a.vhd"
	echo new >"$T/src/c.vhd"
	echo "not for you" >"$T/src/WriteCache/x"
	eventually 20 in_use a.vhd
	eventually 10 same berlin c.vhd
	hubctl why berlin a.vhd | grep -q "a.lok lies beside it"
	[ "$(cat "$T/berlin/a.vhd" "$T/berlin/b.vhd")" = $'one\none' ]
	eventually 10 is failed job WriteCache/x berlin state
	rm "$T/berlin/a.lok"
	eventually 20 same berlin a.vhd
	rm "$T/src/b.vhd"
	eventually 10 in_use b.vhd
	[ -e "$T/berlin/b.vhd" ]
	rm "$T/berlin/B.vhd.lok"
	eventually 20 [ ! -e "$T/berlin/b.vhd" ]
	[ "$(mode a.vhd)" = 444 ]
	[ "$(cat "$T/berlin/WriteCache/x")" = cache ]
	is "$(printf '%s\n' WriteCache/x a.vhd c.vhd)" published berlin
}

# Catches: protect = mode that waits for the next publication of each file, as it did; a file that is then
# told as changed, read again, or told to hooks; files that are not the hub's.
@test "protect = mode is for what was published before, too" {
	printf '#!/bin/sh\necho "$SPOKESYNC_PATH" >>"${0%%/*}/told"\n' >"$T/hook"
	chmod 755 "$T/hook"
	spoke berlin "group:on_publish = $T/hook"
	hub
	for f in a b c; do echo "$f" >"$T/src/$f"; done
	chmod 664 "$T"/src/?
	echo mine >"$T/berlin/mine"
	chmod 664 "$T/berlin/mine"
	start berlin hub
	hubctl wait --timeout 30s
	is 664 mode a
	three() { [ "$(wc -l <"$T/told")" -eq 3 ]; }
	eventually 10 three
	spoke berlin "group:on_publish = $T/hook" 'group:protect = mode'
	ctl berlin reload
	all() { is "444 444 444" echo "$(mode a)" "$(mode b)" "$(mode c)"; }
	eventually 10 all
	is 664 mode mine
	[ "$(stat -c %y "$T/berlin/a")" = "$(stat -c %y "$T/src/a")" ]
	grep -q 'protect = mode: 3 files that were published before lost their write bits' "$T/berlin.err"
	[[ $(hubctl verify berlin) == *"all of it is as the hub has it"* ]]
	hubctl wait --timeout 30s
	[ -z "$(ls "$T/berlin/.spokesync/preserved")" ]
	three
	if grep -q ' is changed here' "$T/berlin.err"; then false; fi
	spoke berlin 'group:protect = none'
	ctl berlin reload
	echo again >"$T/src/a"
	hubctl wait --timeout 30s
	is 664 mode a
}
