# A canary to every spoke, and how long it took there and back.
load lib

setup() { world; }
teardown() { world_end; }

left() { # what is left of probes on this machine's side of any of them
	find "$T/src" "$T/berlin" "$T/paris" -name '*spokesync-probe*' | grep .
}
nothing_left() { ! left; }

# Catches: a probe that filters, settle or closed windows hold for ever, that leaves files behind
# (published or preserved), that opens windows for longer than it takes, or tells hooks.
@test "probe: to every spoke and back, and nothing is left of it" {
	spoke berlin "group:on_publish = /bin/touch $T/hooked"
	spoke paris
	SETTLE=1h
	GROUP=$'include = \\.img$'"
on_settled = /bin/touch $T/hooked"
	hub
	start berlin paris hub
	hubctl probe --json >"$T/out"
	jq -e '.all and (.probes | map(.spoke) == ["berlin", "paris"]) and
		(.probes | all(.there and .seen_s >= 0 and .queued_s >= 0 and .sent_s >= 0 and
			(.seen_s + .queued_s + .sent_s - .total_s | fabs) < 0.001))' "$T/out"
	eventually 20 nothing_left
	run hubctl probe paris --group g
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == GROUP*SPOKE*SEEN*QUEUED*"THERE AND BACK"*TOTAL*STATE ]]
	[[ ${lines[1]} == g\ *paris*s\ *there ]]
	[ ${#lines[@]} -eq 2 ]
	[ ! -e "$T/hooked" ]
	# One that is away: it is named, with the reason.
	stop paris
	run hubctl probe --timeout 1s
	[ "$status" -eq 5 ]
	[[ $output == *berlin*there*paris*spoke\ down* ]]
	start paris
	eventually 30 nothing_left
}

@test "probe: closed windows are respected, unless said otherwise; a kill leaves nothing" {
	spoke berlin
	spoke paris
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
	hub
	start berlin paris hub
	run hubctl probe --timeout 500ms
	[ "$status" -eq 5 ]
	[[ $output == *"window closed"* ]]
	hubctl probe --now --json | jq -e .all
	[ "$(hubctl status --json | jq '.overrides | length')" -eq 0 ]
	hubctl log --json | jq -es 'any(.[]; .event == "command" and .command == "probe") and any(.[]; .event == "probe" and .there)'
	# The hub ends in the middle: the next start removes what it finds.
	hubctl probe --timeout 60s &
	eventually 10 left
	stop hub KILL
	wait $! || true
	left
	touch -d '1 minute ago' "$T"/src/.spokesync-probe-*
	start hub
	eventually 20 nothing_left
}

# Fails where a canary waits, as images do, until every spoke has staged it, or for a set's others.
@test "a canary waits for no other spoke and for no set" {
	spoke berlin
	spoke paris
	GROUP=$'publish = everywhere\nset = ^(.)'
	hub
	echo image >"$T/src/a.img"
	start berlin paris hub
	hubctl wait --timeout 60s
	stop paris KILL
	echo changed >"$T/src/.b.img"
	touch "$T/src/.b.img.lok"
	hubctl probe --timeout 3s --json >"$T/probe" || true
	is true jq '.probes[] | select(.spoke == "berlin") | .there' "$T/probe"
	is false jq '.probes[] | select(.spoke == "paris") | .there' "$T/probe"
}
