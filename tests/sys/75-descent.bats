# What lies on a spoke and the hub does not know: put there by hand, changed there, or published by a
# hub that lost its state. The hub asks what of it equals the new content, and sends the rest.
load lib

setup() { world; }
teardown() { world_end; }

# descent FIELD: of the newest one in the job log.
descent() {
	jq -rs --arg f "$1" '[.[] | select(.event == "descent")] | last | .[$f]' "$T/hub.jsonl"
}
descents() { grep -c '"event":"descent"' "$T/hub.jsonl"; }

# 64 MiB, and on the spoke the same with 40 blocks of other bytes: 160 KiB differ.
@test "a modified copy put on the spoke by hand: only what differs is sent" {
	spoke berlin
	hub
	random "$T/src/image" 64
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 40
	# Known to the spoke before the hub comes.
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	start hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin result)" = published ]
	# 40 blocks, and 0.03 % of the image with what requests cost.
	[ "$(summary image berlin literal)" -eq $((40 * 4096)) ]
	[ "$(summary image berlin wire)" -lt $((40 * 4096 + 50000)) ]
	[ "$(descent equal)" -eq $(((64 << 20) - 40 * 4096)) ]
	[ "$(descent wire_in)" -lt 20000 ]
	[ "$(summary image berlin repairs)" -eq 0 ]
	hubctl log | grep -q 'descent.*equal'
	# The hub knows the new content now: the next change needs no question.
	edit "$T/src/image" 3
	hubctl wait --timeout 60s
	same berlin image
	[ "$(descents)" -eq 1 ]
}

@test "put on the spoke under another name, and not hashed before the hub comes" {
	spoke berlin
	hub
	random "$T/src/image" 24
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 5
	start berlin hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin wire)" -lt 100000 ]
	random "$T/new.image" 24
	cp "$T/new.image" "$T/berlin/by-hand"
	stop berlin
	start berlin
	eventually 20 grep -q 'by-hand is known now' "$T/berlin.err"
	stop hub
	start hub
	edit "$T/new.image" 5
	mv "$T/new.image" "$T/src/another"
	hubctl wait --timeout 60s
	same berlin another
	[ "$(summary another berlin literal)" -eq $((5 * 4096)) ]
}

@test "a hub that lost its state does not send what is there again" {
	spoke berlin
	hub
	random "$T/src/changed" 24
	random "$T/src/same" 8
	start berlin hub
	hubctl wait --timeout 60s
	stop hub
	edit "$T/src/changed" 7
	rm -rf "$T/hub.state"
	start hub
	hubctl wait --timeout 60s
	same berlin changed
	same berlin same
	[ "$(summary changed berlin literal)" -eq $((7 * 4096)) ]
	[ "$(summary changed berlin wire)" -lt 100000 ]
	# Nothing had to be done for what is the same: its one run is the first hub's.
	[ "$(jq -c 'select(.event == "summary" and .path == "same")' "$T/hub.jsonl" | wc -l)" -eq 1 ]
}

@test "a published file that was changed on the spoke is repaired by what differs" {
	spoke berlin
	hub
	random "$T/src/image" 24
	start berlin hub
	hubctl wait --timeout 60s
	stop berlin
	edit "$T/berlin/image" 9
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	# Greeted every ten minutes while nothing is to do, and at its start.
	stop hub
	start hub
	eventually 20 descents
	hubctl wait --timeout 60s
	same berlin image
	[ "$(descents)" -eq 1 ]
	[ "$(summary image berlin literal)" -eq $((9 * 4096)) ]
}
