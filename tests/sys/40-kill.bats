# kill -9 of either side at any moment: the file ends identical, no reader ever sees a part of it, and
# what was durable is not sent again.
#
# Seen to catch: figures that know of nothing sent again after a spoke was killed (a push that began
# anew did not look at what the one before it had handed out).
load lib

setup() { world; }
teardown() { world_end; }

# Nothing but whole files: what is visible is either absent, or identical.
never_partial() {
	local f
	for f in $(published berlin); do
		cmp "$T/src/$f" "$T/berlin/$f" || return 1
	done
}

kill_some() { # NAME TIMES
	local i
	random "$T/src/one.img" 24
	start berlin hub
	for ((i = 0; i < $2; i++)); do
		eventually 30 further $((i * 3000000 + 1000000))
		stop "$1" KILL
		never_partial
		start "$1"
	done
	hubctl wait --timeout 90s
	same berlin one.img
	[ "$(published berlin)" = one.img ]
}
further() { # BYTES of the transfer done, or all of it
	local state
	[ ! -e "$T/berlin/one.img" ] || return 0 # a hub that was started again has no job of it
	state=$(job one.img berlin state)
	[ "$state" = published ] || [ "$(job one.img berlin done)" -gt "$1" ]
}

@test "kill -9 of the spoke, four times in a transfer" {
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	hub
	kill_some berlin 4
	# At most a frame each time, and what is said of it is what it was, but for some heads.
	literal=$(jq -s '[.[] | select(.event == "summary") | .literal] | add' "$T/hub.jsonl")
	resent=$(jq -s '[.[] | select(.event == "summary") | .resent] | add' "$T/hub.jsonl")
	again=$((literal - (24 << 20)))
	echo "sent again: $again, said: $resent"
	[ "$again" -le $((4 * (16 << 20) + 65536)) ]
	[ $((again - resent)) -le 65536 ] && [ $((resent - again)) -le 65536 ]
}

@test "kill -9 of the hub, four times in a transfer" {
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	hub
	kill_some hub 4
}

@test "an orderly stop of the hub is quick, and the rest goes over after its start" {
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	hub
	random "$T/src/one.img" 12
	start berlin hub
	eventually 30 further 1000000
	began=$SECONDS
	stop hub
	[ $((SECONDS - began)) -le 10 ]
	[ -z "$(published berlin)" ]
	start hub
	hubctl wait --timeout 60s
	same berlin one.img
}

@test "a hub that lost its whole state sends no image again" {
	spoke berlin
	hub
	random "$T/src/one.img" 16
	start berlin hub
	hubctl wait --timeout 60s
	stop hub
	rm -rf "$T/hub.state" "$T/hub.jsonl"
	mkdir "$T/hub.state"
	start hub
	hubctl wait --timeout 60s
	same berlin one.img
	sent=$(jq -s '[.[] | select(.event == "summary") | .literal] | add // 0' "$T/hub.jsonl")
	[ "$sent" -eq 0 ]
}
