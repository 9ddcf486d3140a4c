# A peer that stands still in the middle of a transfer, without a word and with its connections open:
# the other side notices, says so, gives the descriptors back, and what came is not sent again.
#
# Seen to catch: a spoke without put_silent(), which waits for five minutes whatever its `stall` says. (Of
# a hub without stalled() in http.c the kernel's TCP_USER_TIMEOUT does the work here.)
load lib

setup() {
	world
	HUB="stall = 1s" SETTLE=0s RETRY=100ms
	spoke berlin "stall = 1s"
	SPOKE[berlin]="rate = 16Mbit"
	hub
}
teardown() {
	[ -z "${STILL-}" ] || kill -CONT "$STILL" 2>/dev/null || true
	world_end
}

sockets() { find "/proc/${PID[$1]}/fd" -mindepth 1 -lname 'socket:*' | wc -l; }
fewer() { [ "$(sockets "$1")" -le "$2" ]; }
further() { [ "$(job one.img berlin done)" -gt "$1" ]; }
still() { # NAME: as it is, from now on
	STILL=${PID[$1]}
	kill -STOP "$STILL"
}
goes_on() {
	kill -CONT "$STILL"
	STILL=
	hubctl wait --timeout 60s
	same berlin one.img
	sent=$(jq -s '[.[] | select(.event == "summary") | .literal] | add' "$T/hub.jsonl")
	echo "sent $sent"
	# a second's group at most
	[ "$sent" -le $((8 * (1 << 20) + 2000000)) ]
}

@test "a spoke stands still: the hub says so, and no descriptor stays" {
	start berlin hub
	eventually 20 is true jq -n "$(hubctl spokes --json | jq '.spokes[0].up')"
	files=$(sockets hub)
	random "$T/src/one.img" 8
	eventually 30 further 1000000
	still berlin
	told() { hubctl spokes --json | jq -e '.spokes[0].problem | test("nothing moved for 1 s|timed out")'; }
	eventually 20 told
	hubctl why berlin one.img | grep -q 'cannot be reached'
	# One more is what it tries with.
	eventually 30 fewer hub $((files + 1))
	goes_on
}

@test "a hub stands still in the middle of a PUT: the spoke says so, and no descriptor stays" {
	start berlin hub
	eventually 20 fewer berlin 100
	files=$(sockets berlin)
	random "$T/src/one.img" 8
	eventually 30 further 1000000
	still hub
	eventually 20 grep -q 'one.img: nothing came from the hub for 1s: its connection is closed' "$T/berlin.err"
	# The one that words go over may rest; that of the PUT is gone.
	eventually 30 fewer berlin $((files + 1))
	goes_on
}
