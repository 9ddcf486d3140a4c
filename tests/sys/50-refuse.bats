# Refusals say why, with figures and keys.
load lib

setup() { world; }
teardown() { world_end; }

@test "an unknown hub gets no answer, and the hub says which key is missing where" {
	spoke berlin "hub_key = $NOBODY"
	sed -i "/^hub_key = ${KEY[hub]}/d" "$T/berlin.ini"
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 says_key
	[ -z "$(published berlin)" ]
	run curl -sk --max-time 5 "https://127.0.0.1:${PORT[berlin]}/v1/hello"
	[ "$status" -ne 0 ]
	[ -z "$output" ]
}
says_key() {
	hubctl why berlin a | tr -d '\n ' | grep -qi "${KEY[hub]}"
}

@test "a spoke with another key than the pinned one gets nothing" {
	spoke berlin
	KEY[berlin]=$NOBODY
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 says_wrong
	[ -z "$(published berlin)" ]
}

# Catches: the program as it was, which told nobody; to tell of each attempt; never again after it was
# mended once.
@test "a refused key is told once each time, with the spoke and why" {
	printf '#!/bin/sh\necho "$SPOKESYNC_KIND $SPOKESYNC_SPOKE $SPOKESYNC_WHY" >>"${0%%/*}/told"\n' >"$T/hook"
	chmod 755 "$T/hook"
	GROUP="on_fail = $T/hook"
	spoke berlin
	right=${KEY[berlin]}
	KEY[berlin]=$NOBODY
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 told 1
	grep -q '^spoke berlin .*key' "$T/told"
	sleep 5 # at least two more attempts: one key, told once
	told 1
	KEY[berlin]=$right
	hub
	ctl hub reload
	hubctl wait --timeout 20s
	told 1
	KEY[berlin]=$NOBODY
	hub
	ctl hub reload
	echo 2 >"$T/src/a"
	eventually 30 told 2
}
told() { [ "$(grep -c . "$T/told")" -eq "$1" ]; }
says_wrong() {
	hubctl why berlin a | grep -qi key
}

@test "over quota: refused before a byte is sent, with figures" {
	spoke berlin "group:staging_quota = 1MiB"
	hub
	random "$T/src/one.img" 8
	start berlin hub
	eventually 20 says_space
	[ -z "$(published berlin)" ]
	[ "$(find "$T/berlin/.spokesync" -type f -size +4M | wc -l)" -eq 0 ]
	# More than there will ever be: that is a person's, and it goes on by itself after that.
	eventually 5 is 2 level
	spoke berlin "group:staging_quota = 1GiB"
	ctl berlin reload
	hubctl wait --timeout 15s
	same berlin one.img
}
level() { hubctl status --check >&2 && echo 0 || echo $?; }

# Catches: the program as it was, which looked again after ten minutes, said critical and called on_fail
# meanwhile; a look each second at the hub's cost.
@test "a quota that others use up: it waits, without alarm, and goes on seconds after there is room" {
	spoke berlin "group:staging_quota = 100MiB"
	SPOKE[berlin]="rate = 24Mbit"
	GROUP="on_fail = $T/hook"
	printf '#!/bin/sh\necho "$SPOKESYNC_EVENT" >>"${0%%/*}/told"\n' >"$T/hook"
	chmod 755 "$T/hook"
	hub
	start berlin hub
	random "$T/src/first.img" 60
	eventually 20 is sending job first.img berlin state
	random "$T/src/second.img" 8
	waits() { hubctl why berlin second.img | tr -s '\n ' ' ' | grep -q 'staging quota: needs 4.* MiB, .* free of 100 MiB'; }
	eventually 20 waits
	is "no space at the spoke" job second.img berlin waits_text
	is 1 level
	offers=$(grep -c 'second.img refused' "$T/berlin.err")
	hubctl cancel "$(job first.img berlin id)"
	eventually 20 same berlin second.img
	[ "$(grep -c 'second.img refused' "$T/berlin.err")" -eq "$offers" ]
	[ "$offers" -le 2 ]
	[ ! -e "$T/told" ]
}

# Catches: members of a set that wait for each other without an end, and no alarm.
@test "a set that is larger than the quota: that is a person's" {
	spoke berlin "group:staging_quota = 80MiB"
	GROUP=$'publish = spoke\nset = ^(one)'
	hub
	random "$T/src/one.a" 40
	random "$T/src/one.b" 40
	start berlin hub
	jam() { is 2 level && hubctl status | grep -q 'staging quota: needs 72.* MiB, 3.* MiB free of 80 MiB'; }
	eventually 30 jam
	[ -z "$(published berlin)" ]
	spoke berlin "group:staging_quota = 120MiB"
	ctl berlin reload
	hubctl wait --timeout 20s
	same berlin one.b
}

# Catches: what an earlier transfer left behind and no job wants, kept for a day while there is no room.
@test "what nobody wants any more gives way, the oldest first, as soon as room is wanted" {
	local at=$T/berlin/.spokesync/staging root
	spoke berlin "group:staging_quota = 100MiB"
	hub
	for root in 1 2; do
		mkdir -p "$at/$(printf '%064d' "$root")"
		fallocate -l 30M "$at/$(printf '%064d' "$root")/image"
	done
	random "$T/src/one.img" 20
	start berlin hub
	hubctl wait --timeout 20s
	same berlin one.img
	[ -z "$(ls -A "$at")" ]
	grep -q 'the transfer of 0*1 is dropped: no job wants it' "$T/hub.err"
}

@test "a disk that is full: it waits, and goes on seconds after somebody made room" {
	spoke berlin
	mount -t tmpfs -o size=300M tmpfs "$T/berlin" || skip "cannot mount"
	MOUNTED+=("$T/berlin")
	hub
	fallocate -l "$(($(df --output=avail -B1 "$T/berlin" | tail -n 1) - (16 << 20)))" "$T/berlin/WriteCache"
	random "$T/src/one.img" 8
	start berlin hub
	waits() { hubctl why berlin one.img | tr -s '\n ' ' ' | grep -q 'disk: needs 4.* MiB, .* free'; }
	eventually 20 waits
	is 1 level
	rm "$T/berlin/WriteCache"
	hubctl wait --timeout 20s
	same berlin one.img
}
says_space() {
	hubctl why berlin one.img >"$T/why" && grep -qi 'quota' "$T/why" && grep -q '1.* MiB' "$T/why"
}

# Catches: room that is wanted by one under way, and that nobody is told of; its own promise counted as
# another's (there is room for it, and not for two).
@test "a disk that fills up in mid-transfer: it is paused, and goes on seconds after somebody made room" {
	spoke berlin
	SPOKE[berlin]="rate = 48Mbit"
	mount -t tmpfs -o size=150M tmpfs "$T/berlin" || skip "cannot mount"
	MOUNTED+=("$T/berlin")
	random "$T/src/one.img" 60
	hub
	start berlin hub
	further() { [ "$(job one.img berlin done)" -gt 8000000 ]; }
	eventually 30 further
	fill() { fallocate -l "$(($(df --output=avail -B1 "$T/berlin" | tail -n 1) - (1 << 20)))" "$T/berlin/WriteCache"; }
	eventually 10 fill # what comes meanwhile takes of it, too
	waits() { is "no space at the spoke" job one.img berlin waits_text; }
	eventually 30 waits
	is paused job one.img berlin state
	is 1 level
	sed -i '/^rate = 48Mbit/d' "$T/hub.ini"
	hubctl reload
	rm "$T/berlin/WriteCache"
	eventually 20 same berlin one.img
}

# Catches: the program as it was: the copy was begun without a look at the disk, filled it, and was
# begun anew and again: "error: cannot copy ...: No space left on device".
@test "a set that was moved on the hub is copied on a spoke: without room for that it waits, and says for what" {
	spoke berlin
	mount -t tmpfs -o size=200M tmpfs "$T/berlin" || skip "cannot mount"
	MOUNTED+=("$T/berlin")
	# shellcheck disable=SC2034
	GROUP='publish = spoke'
	hub
	random "$T/src/one.img" 70
	echo settings >"$T/src/one.pvp"
	start berlin hub
	hubctl wait --timeout 60s
	fallocate -l "$(($(df --output=avail -B1 "$T/berlin" | tail -n 1) - (50 << 20)))" "$T/berlin/WriteCache"
	mv "$T/src/one.img" "$T/src/two.img"
	mv "$T/src/one.pvp" "$T/src/two.pvp"
	waits() { hubctl why berlin two.img | tr -s '\n ' ' ' | grep -q 'disk: needs 70.* MiB, [45].* MiB free'; }
	eventually 20 waits
	is "no space at the spoke" job two.img berlin waits_text
	is 1 grep -c 'two.img: not yet: disk: needs' "$T/berlin.err"
	is "" sed -n '/cannot copy/p' "$T/berlin.err"
	rm "$T/berlin/WriteCache"
	hubctl wait --timeout 20s
	same berlin two.img
	same berlin two.pvp
}

@test "a spoke that is down is said to be down, and is served when it comes up" {
	spoke berlin
	hub
	echo 1 >"$T/src/a"
	start hub
	eventually 20 says_down
	start berlin
	hubctl wait --timeout 60s
	same berlin a
}
says_down() {
	hubctl spokes --json | jq -e '.spokes[0].up == false' && [ -n "$(hubctl why berlin a)" ]
}
