# What happens on a spoke without the hub: changes, removals, files of others; and what its
# administrator brings back from preserved/. Found, named, kept, and repaired by what differs.
load lib

setup() { world; }
teardown() { world_end; }

# drift FIELD PATH: as the hub tells it.
drift() {
	hubctl spokes --json |
		jq -r --arg f "$1" --arg p "$2" '.spokes[0] | (.drift + .foreign)[] | select(.path == $p) | .[$f]'
}
known() { ctl berlin preserved --json | jq -e --arg p "$1" ".preserved[] | select(.path == \$p) | .root" >"$T/known"; }
kept() { ctl berlin preserved --json | jq -r --arg p "$1" '[.preserved[] | select(.path == $p)] | .['"$2"']'; }
told() { jq -rs --arg p "$2" '[.[] | select(.event == "drift" and .path == $p)] | last | .what' "$T/$1.jsonl"; }
# The hub learns what the spoke knows, now.
ask() { hubctl verify berlin >"$T/verify.out" || [ $? -eq 1 ]; }

# Fails where the hub does not look at what the spoke tells of itself (drift_told), where what lay
# there is not preserved, or where all of the image is sent again.
@test "a changed, a removed and a foreign file: named on both sides, kept, repaired by what differs" {
	spoke berlin
	hub
	random "$T/src/image" 32
	echo small >"$T/src/small"
	start berlin hub
	hubctl wait --timeout 60s
	cp "$T/berlin/image" "$T/was"
	edit "$T/berlin/image" 7
	rm "$T/berlin/small"
	echo mine >"$T/berlin/mine"
	eventually 20 is changed told berlin image
	eventually 20 is removed told berlin small
	eventually 20 grep -q 'mine is known now' "$T/berlin.err"
	cp "$T/berlin/image" "$T/drifted"
	ask
	eventually 20 is changed told hub image
	is removed told hub small
	is foreign told hub mine
	is foreign drift what mine
	hubctl wait --timeout 60s
	same berlin image
	same berlin small
	# By the blocks that differ, and what requests cost.
	[ "$(summary image berlin literal)" -le $((7 * 4096)) ]
	[ "$(summary image berlin wire)" -lt 100000 ]
	# What was written there is not lost, and the foreign file stays.
	[ "$(kept image 0 | jq -r .why)" = changed ]
	ctl berlin restore image --to drifted
	cmp "$T/drifted" "$T/berlin/drifted"
	[ "$(cat "$T/berlin/mine")" = mine ]
	is "" drift what image
	hubctl log | grep -q 'drift_over.*image'
}

# Fails where reconcile.c does not ask drift_holds(), or verify --repair changes nothing.
@test "drift = report: said and left, until it is asked for or a newer version comes" {
	spoke berlin
	# shellcheck disable=SC2034
	GROUP='drift = report'
	hub
	random "$T/src/image" 8
	echo one >"$T/src/small"
	start berlin hub
	hubctl wait --timeout 60s
	echo two >"$T/berlin/small"
	edit "$T/berlin/image" 3
	eventually 20 is changed told berlin image
	eventually 20 is changed told berlin small
	ask
	eventually 20 is changed told hub image
	hubctl wait --timeout 30s
	[ "$(cat "$T/berlin/small")" = two ]
	hubctl why berlin small | grep -q 'reported only'
	[ "$(hubctl matrix --json | jq -r '.. | objects | select(.path? == "small") | .at.berlin.state')" = drifted ]
	code=0
	hubctl status --check || code=$?
	[ "$code" -eq 1 ]
	# It is still known after a restart.
	stop hub
	start hub
	is changed drift what small
	echo newer >"$T/src/small"
	hubctl wait --timeout 30s
	same berlin small
	is "" drift what small
	is changed drift what image
}

# Fails where the hub repairs what was restored, or what is replaced is not preserved.
@test "restore: the version is back at once, the hub leaves it until it has a newer one" {
	spoke berlin
	hub
	start berlin hub
	for i in 1 2; do
		random "$T/src/image" 4
		cp "$T/src/image" "$T/v$i"
		echo "$i" >"$T/src/gone"
		hubctl wait --timeout 60s
	done
	rm "$T/src/gone"
	hubctl wait --timeout 30s
	eventually 20 test ! -e "$T/berlin/gone"
	ctl berlin preserved | grep -q replaced
	ctl berlin restore image
	cmp "$T/v1" "$T/berlin/image"
	ctl berlin restore gone
	[ "$(cat "$T/berlin/gone")" = 2 ]
	[ "$(kept image 0 | jq -r .why)" = replaced ] # what gave way
	ask
	eventually 20 is restored told hub image
	hubctl wait --timeout 30s
	cmp "$T/v1" "$T/berlin/image"
	[ "$(cat "$T/berlin/gone")" = 2 ]
	is restored drift what gone
	# Given back, it goes where the hub has it; the other waits for a newer version.
	ctl berlin restore gone --release
	random "$T/src/image" 4
	hubctl wait --timeout 30s
	same berlin image
	ask
	eventually 20 test ! -e "$T/berlin/gone"
	# Older and named versions; errors that say what.
	v=$(kept image 2 | jq -r .version)
	ctl berlin restore image --version "$v" --to dir/older
	cmp "$T/v1" "$T/berlin/dir/older"
	run ctl berlin restore image --to dir/older
	[ "$status" -ne 0 ]
	[[ $output == *"there already"* ]]
	run ctl berlin restore image --to ../x
	[ "$status" -ne 0 ]
	run ctl berlin restore image --version 999
	[ "$status" -ne 0 ]
	[[ $output == *"no version 999"* ]]
	run ctl berlin restore nothing
	[ "$status" -ne 0 ]
}

# damage FILE BLOCK: other bytes there on the disk below the filesystem, which notices nothing.
damage() {
	local at
	sync "$1"
	at=$(filefrag -b4096 -v "$1" | awk -v b="$2" '$1 ~ /^[0-9]+:$/ { gsub(/[.:]/, " "); if (b >= $2 && b <= $3) print $4 + b - $2 }')
	[ -n "$at" ]
	dd if=/dev/urandom of="$T/berlin.fs" bs=4096 count=1 seek="$at" conv=notrunc status=none
}

# Catches: a verification that says nothing until its end, as it was.
@test "verify says how far it is: in lines, as JSON, and on a terminal" {
	spoke berlin
	hub
	random "$T/src/image" 8
	start berlin hub
	hubctl wait --timeout 60s
	hubctl verify berlin --progress --json >"$T/lines"
	jq -es '(.[:-1] | length > 0 and all(.progress | .group == "g" and .total == 8388608 and .percent >= 0 and
		.percent <= 100 and has("rate") and has("eta_s"))) and (.[-1] | .groups[0].files == 1)' "$T/lines"
	hubctl verify berlin image --progress >"$T/lines"
	grep -q '^\[.*\] *[0-9]* %  .* of 8 MiB' "$T/lines"
	[ "$(tail -n 1 "$T/lines")" = "all of it is as the hub has it" ]
	script -qec "$SPOKESYNC -S $T/hub.sock verify berlin" /dev/null </dev/null >"$T/lines"
	grep -q '% .* of 8 MiB' "$T/lines"
	hubctl verify berlin --json | jq -es 'length == 1'
	stop berlin
	run hubctl verify berlin --progress --json
	[ "$status" -ne 0 ]
	[[ $output == *berlin* ]]
}

# Fails where scrub_part() takes a block as it is, reads through the page cache, or where a file that
# is found different is not hashed.
@test "bytes that changed on the disk by themselves: found by verify and by the scrub, repaired" {
	command -v filefrag >/dev/null || skip "no filefrag"
	spoke berlin 'group:scrub = mon-sun 00:00-24:00 closed'
	on ext4 "$T/berlin"
	hub
	random "$T/src/image" 24
	random "$T/src/other" 4
	start berlin hub
	hubctl wait --timeout 60s
	[[ $(hubctl verify berlin) == *"all of it is as the hub has it"* ]]
	cat "$T/berlin/image" >/dev/null # in memory it is as it was
	damage "$T/berlin/image" 1000
	damage "$T/berlin/image" 3000
	run hubctl verify berlin image
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"image: damaged there, 8 KiB in blocks that differ"* ]]
	[[ $output == *"24 MiB of data"* ]]
	hubctl wait --timeout 30s
	same berlin image
	[ "$(summary image berlin literal)" -le 8192 ]
	[ "$(kept image 0 | jq -r .why)" = damaged ]
	# Now in its own time; it is told in the job log there, and goes on where it was after a restart.
	damage "$T/berlin/other" 77
	sed -i 's/^scrub = .*/scrub = mon-sun 00:00-24:00 8MiB/' "$T/berlin.ini"
	ctl berlin reload
	eventually 20 grep -q 'scrub: begun' "$T/berlin.err"
	stop berlin
	start berlin
	eventually 30 is 1 jq -s '[.[] | select(.event == "scrub")] | length' "$T/berlin.jsonl"
	[ "$(grep -c 'scrub: begun' "$T/berlin.err")" -eq 1 ]
	is damaged told berlin other
	[ "$(jq -s '[.[] | select(.event == "scrub")] | last | .found' "$T/berlin.jsonl")" -eq 1 ]
	# At its own rate; seconds are whole ones.
	jq -es '[.[] | select(.event == "scrub")] | last | .read / (.seconds + 1) <= 8388608' "$T/berlin.jsonl"
}

# Seen to catch: the newest that could not be read was tried for ever, and nothing behind it could be
# restored, "being hashed: try again".
@test "what cannot be read in preserved/ keeps nothing else there from being known" {
	local kept=$T/berlin/.spokesync/preserved
	spoke berlin
	mkdir -p "$kept"
	echo old >"$kept/1700000000.1.1.old"
	echo bad >"$kept/1800000000.1.2.bad"
	start berlin
	eventually 20 known old
	eventually 20 known bad
	stop berlin
	sqlite3 "$T/berlin/.spokesync/spoke.db" 'UPDATE preserved SET sure = 0'
	rm "$kept/1800000000.1.2.bad"
	mkdir "$kept/1800000000.1.2.bad"
	start berlin
	eventually 20 known old
	ctl berlin restore old
	[ "$(cat "$T/berlin/old")" = old ]
	eventually 20 grep -q 'bad cannot be read' "$T/berlin.err"
	run ctl berlin restore bad
	[ "$status" -ne 0 ]
	[[ $output == *"could not be read"* ]]
}

# Catches: the program as it was, which left it so, and called it published; one that sets it again and again.
@test "a time that is changed on a spoke is told and set again, once; with drift = report it is left" {
	spoke berlin
	hub
	random "$T/src/image" 1
	touch -d '2020-02-02 02:02:02.123456789' "$T/src/image"
	start berlin hub
	hubctl wait --timeout 60s
	as_here() { [ "$(stat -c %y "$T/src/image")" = "$(stat -c %y "$T/berlin/image")" ]; }
	as_here
	noticed() { # TIMES
		eventually 20 is "$1" grep -c 'image is known now' "$T/berlin.err"
		run hubctl verify berlin image # the hub hears of it now
	}
	touch -d 2001-01-01 "$T/berlin/image"
	noticed 1
	eventually 20 as_here
	hubctl wait --timeout 30s
	report=$(hubctl report --json)
	jq -e '[.errors[] | select(.what == "drift" and .path == "image")] | length == 1' <<<"$report"
	metas() { jq -s '[.[] | select(.event == "summary" and .kind == "meta")] | length' "$T/hub.jsonl"; }
	is 1 metas
	is 0 jq -s '[.[] | select(.event == "summary" and .kind == "meta") | .literal] | add' "$T/hub.jsonl"
	run hubctl verify berlin image
	sleep 3
	is 1 metas
	# Also what was done while the hub was away; and with drift = report it is told and left.
	stop hub
	touch -d 2001-01-01 "$T/berlin/image"
	eventually 20 is 2 grep -c 'image is known now' "$T/berlin.err"
	start hub
	eventually 20 as_here
	hubctl wait --timeout 30s
	is 2 metas
	GROUP='drift = report'
	hub
	hubctl reload
	touch -d 2001-01-01 "$T/berlin/image"
	noticed 3
	eventually 20 grep -q 'image: retimed there, not by the hub: it is left' "$T/hub.err"
	hubctl wait --timeout 30s
	sleep 2 # a job would have come by now
	is 2 metas
	is "$(date -d 2001-01-01 +%s)" stat -c %Y "$T/berlin/image"
}

# Catches: a hub that sets it for ever. What a hook touches is touched after each publication.
@test "a time that is changed after each publication is left after some times" {
	printf '#!/bin/sh\ntouch -d "2001-01-01 $(date +%%H:%%M:%%S)" "$SPOKESYNC_FILE"\n' >"$T/hook"
	chmod 755 "$T/hook"
	spoke berlin "group:on_publish = $T/hook"
	hub
	random "$T/src/image" 1
	start berlin hub
	left() {
		hubctl verify berlin image >"$T/verify.out" 2>&1 || true
		grep -q 'it is left: somebody changes it each time' "$T/hub.err"
	}
	eventually 90 left
	hubctl wait --timeout 30s
	is 3 jq -s '[.[] | select(.event == "summary" and .kind == "meta")] | length' "$T/hub.jsonl"
	is 1 jq -s '[.[] | select(.event == "complete")] | length' "$T/hub.jsonl"
}
