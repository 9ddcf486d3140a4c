# Windows, rates and overrides.
#
# Seen to catch: any window taken for open (tests/broken 1). Of the two guards at an edge, the push that
# is ended and the shaper, either alone keeps it green: test_push and test_hub_rates look at each.
load lib

setup() { world; }
teardown() { world_end; }

CLOSED=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'

@test "window closed: nothing moves, and why says so" {
	spoke berlin
	POLICY=$CLOSED
	hub
	random "$T/src/one.img" 4
	start berlin hub
	eventually 20 is waiting job one.img berlin state
	id=$(job one.img berlin id)
	run hubctl why "$id"
	[ "$status" -eq 0 ]
	[[ $output == *window* ]]
	hubctl jobs --json | jq -e '.jobs[0].waits | index("window") != null'
	run hubctl wait --timeout 3s
	[ "$status" -eq 5 ]
	[ -z "$(published berlin)" ]
}

@test "sync-now opens one spoke only, and ends by itself" {
	spoke berlin
	spoke paris
	POLICY=$CLOSED
	hub
	random "$T/src/one.img" 4
	start berlin paris hub
	eventually 20 is waiting job one.img paris state
	hubctl sync-now berlin --until-in-sync --reason "a test"
	hubctl wait --spoke berlin --timeout 60s
	same berlin one.img
	[ -z "$(published paris)" ]
	eventually 10 is 0 overrides
	hubctl sync-now paris --for 10m
	hubctl stop-now paris --reason "too early"
	jq -se '[.[] | select(.event == "command" and .command == "stop-now")] | last |
		.why == "too early" and .who == "uid 0 (root)" and .ended == 1' "$T/hub.jsonl"
	random "$T/src/two.img" 1
	eventually 20 is waiting job two.img berlin state
	[ "$(published berlin)" = one.img ]
	grep -q '"a test"' "$T/hub.jsonl"
}
overrides() { hubctl status --json | jq '.overrides | length'; }

# Where wait does not hold the sync-now, this waits for a window that never comes.
@test "sync-now --wait sends what was put there a moment ago" {
	spoke berlin
	POLICY=$CLOSED
	SETTLE=2s
	hub
	start berlin hub
	random "$T/src/late.img" 1
	hubctl sync-now berlin --wait --timeout 60s --reason "late"
	same berlin late.img
	hubctl status --json | jq -e '.overrides == []'
	jq -se '[.[] | select(.event == "command" and .why == "late")] | length == 1' "$T/hub.jsonl"
}

# A sync-now that is ended stays so, whoever waits behind it: catches a hold that opens again.
@test "stop-now ends a sync-now whose files have not settled, and kill -9 does not" {
	spoke berlin
	POLICY=$CLOSED
	SETTLE=3s
	hub
	start berlin hub
	random "$T/src/late.img" 1
	hubctl sync-now berlin --wait --timeout 5s >"$T/wait" 2>&1 3>&- 4>&- &
	waits=$!
	eventually 5 is 1 overrides
	hubctl stop-now berlin
	status=0
	wait "$waits" || status=$?
	[ "$status" -eq 5 ]
	[ -z "$(published berlin)" ]
	is waiting job late.img berlin state
	# What was answered is kept, with who and why.
	hubctl pause berlin --for 10m --reason "the line is down"
	stop hub KILL
	start hub
	hubctl status --json | jq -e '.overrides | length == 1 and .[0].kind == "pause" and
		.[0].why == "the line is down" and .[0].who == "uid 0 (root)"'
}

@test "pause beats sync-now, and resume ends it" {
	spoke berlin
	hub
	start berlin hub
	hubctl pause berlin --for 10m
	hubctl sync-now berlin --for 10m
	random "$T/src/one.img" 1
	eventually 20 is waiting job one.img berlin state
	run hubctl why berlin one.img
	[[ $output == *pause* ]]
	hubctl resume berlin
	hubctl wait --timeout 60s
	same berlin one.img
}

@test "a pause of a spoke that was taken out can be ended" {
	spoke berlin
	spoke paris
	hub
	start hub
	hubctl pause paris --for 10m
	unset 'SPOKE[paris]'
	hub
	hubctl reload
	[ "$(overrides)" = 1 ]
	run hubctl resume madrid
	[[ $output == *"no spoke 'madrid'"* ]]
	hubctl resume paris
	[ "$(overrides)" = 0 ]
	run hubctl resume paris
	[[ $output == *"no spoke 'paris'"* ]]
}

@test "a lower rate bites on reload, and the transfer goes on" {
	spoke berlin
	SPOKE[berlin]="rate = 40Mbit"
	hub
	random "$T/src/one.img" 24
	start berlin hub
	eventually 20 is sending job one.img berlin state
	SPOKE[berlin]="rate = 8Mbit"
	hub
	hubctl reload
	hubctl explain berlin | grep -qE '8 ?Mbit'
	eventually 20 slow
	[ "$(job one.img berlin state)" = sending ]
	SPOKE[berlin]="rate = unlimited"
	hub
	kill -HUP "${PID[hub]}"
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(grep -c '"event":"summary"' "$T/hub.jsonl")" -eq 1 ]
}
slow() {
	hubctl jobs --json | jq -e '.jobs[0].rate > 300000 and .jobs[0].rate < 1100000'
}

@test "a closed window pauses a running transfer, and the next one goes on from there" {
	spoke berlin
	SPOKE[berlin]="rate = 16Mbit"
	hub
	random "$T/src/one.img" 12
	start berlin hub
	eventually 20 moved
	POLICY=$CLOSED
	hub
	hubctl reload
	eventually 5 is paused job one.img berlin state
	[ -z "$(published berlin)" ]
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 unlimited'
	hub
	hubctl reload
	hubctl wait --timeout 60s
	same berlin one.img
	# 12 MiB once, and at most one frame again
	[ "$(summary one.img berlin wire)" -lt $((13 << 20)) ]
}
moved() {
	[ "$(job one.img berlin done)" -gt 2000000 ]
}
