# What lies on a spoke before the hub comes: adopted by content, used as a base, or left alone; and
# said so beforehand. Then all of a store goes to it, the groups by their priority.
load lib

setup() { world; }
teardown() { world_end; }

verdict() { # PATH
	ctl berlin adopt --dry-run --hub "$T/matrix" --json | jq -r --arg p "$1" '.files[] | select(.path == $p) | .verdict'
}

# Fails where mtime or mode count for adoption, or where a verdict is by name alone.
@test "adopt --dry-run says what becomes of each file, and that is what becomes of it" {
	spoke berlin
	mkdir "$T/urgent" "$T/berlin.urgent"
	printf '[group urgent]\npath = %s\n' "$T/berlin.urgent" >>"$T/berlin.ini"
	# shellcheck disable=SC2034
	MORE=$'\n[group urgent]\n'"path = $T/urgent"$'\nspokes = berlin\npolicy = p\nsettle = 1s\npriority = 90'
	# shellcheck disable=SC2034
	HUB='transfers = 1'
	hub
	random "$T/src/same" 8
	random "$T/src/other" 8
	random "$T/src/moved" 2
	random "$T/src/new" 24
	random "$T/urgent/first" 24
	cp "$T/src/same" "$T/src/other" "$T/berlin"
	cp "$T/src/moved" "$T/berlin/old-name"
	echo mine >"$T/berlin/mine"
	touch -d 2020-01-01 "$T/berlin/same"
	chmod 0600 "$T/berlin/same"
	edit "$T/berlin/other" 4
	start hub # the spoke is not there yet
	settled() { [ "$(hubctl matrix --json | jq '[.groups[].files[]] | length')" -eq 5 ]; }
	eventually 30 settled
	hubctl matrix --json >"$T/matrix"
	start berlin
	stop hub
	ctl berlin adopt | grep -q '0 to be hashed'
	is adopted verdict same
	is base verdict other
	is copied verdict old-name
	is foreign verdict mine
	run ctl berlin adopt --dry-run --hub "$T/berlin.ini"
	[ "$status" -ne 0 ]
	start hub
	hubctl wait --timeout 60s
	for f in same other moved new; do same berlin "$f"; done
	[ "$(cat "$T/berlin/mine")" = mine ]
	# No byte of what was there; of the other what differs; all of it by priority.
	[ "$(jq -s '[.[] | select(.event == "summary" and (.path == "same" or .path == "moved")) | .literal] | add' "$T/hub.jsonl")" -eq 0 ]
	[ "$(summary other berlin literal)" -eq $((4 * 4096)) ]
	[ "$(stat -c %a "$T/berlin/same")" = "$(stat -c %a "$T/src/same")" ]
	at() { jq -rs --arg p "$1" '[.[] | select(.event == "started" and .path == $p)] | first | .time' "$T/hub.jsonl"; }
	[[ $(at first) < $(at new) ]]
}

# Catches: what the hub's list does not reach passed for foreign.
@test "adopt --dry-run knows a file beyond the first thousand, and refuses a list that is cut off" {
	spoke berlin
	SETTLE=0s
	hub
	for ((i = 0; i < 1000; i++)); do echo "$i" >"$T/src/$i"; done
	echo last | tee "$T/src/z" >"$T/berlin/z"
	start hub # the spoke is not there yet
	all() { [ "$(hubctl matrix berlin --json | jq '.groups[0].total')" -eq 1001 ]; }
	eventually 60 all
	hubctl matrix berlin --json >"$T/matrix"
	start berlin
	ctl berlin adopt
	is adopted verdict z
	jq 'del(.groups[0].files[1000])' "$T/matrix" >"$T/cut"
	run ctl berlin adopt --dry-run --hub "$T/cut"
	[ "$status" -ne 0 ]
	[[ $output == *"has only 1000 of 1001 files of group g"* ]]
}

# Catches: files that are not hashed yet left out without a word, and "0 to be hashed" beside one that is
# being written.
@test "adopt names what is being written, and what is still to be hashed" {
	local pid
	spoke berlin
	start berlin
	ctl berlin adopt | grep -q '^0 files'
	(while sleep 0.3; do echo more; done >>"$T/berlin/growing" 3>&- 4>&-) &
	pid=$!
	eventually 5 [ -s "$T/berlin/growing" ]
	ctl berlin adopt --dry-run >"$T/said"
	ctl berlin adopt --dry-run --json >"$T/said.json"
	ctl berlin adopt >"$T/adopted"
	kill "$pid"
	grep -q 'growing .*being written' "$T/said"
	grep -q '^1 file, .* 0 to be hashed$' "$T/said"
	grep -q '^1 file written to just now' "$T/said"
	grep -q '^1 file written to just now' "$T/adopted"
	jq -e '.unsettled == 1 and (.files[0] | .unsettled and .root == null and .verdict == "being written")' "$T/said.json"
	known() { ctl berlin adopt --dry-run | grep -q 'growing .*hashed'; }
	eventually 20 known
}
