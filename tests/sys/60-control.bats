# The control API and the command line.
load lib

setup() { world; }
teardown() { world_end; }

@test "every command that shows has JSON that parses" {
	spoke berlin
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	hubctl wait --timeout 60s
	for c in status "jobs --all" "job $(job a berlin id)" spokes groups "why berlin a" backlog matrix windows \
		"explain berlin a" "config" "config --keys"; do
		# shellcheck disable=SC2086
		hubctl $c --json | jq -e . >/dev/null || {
			echo "$c"
			false
		}
		# shellcheck disable=SC2086
		[ -n "$(hubctl $c)" ] || {
			echo "$c"
			false
		}
	done
	hubctl log --json | jq -es 'length > 0'
	for c in status log config; do ctl berlin $c >/dev/null; done
}

@test "curl on the socket speaks HTTP and JSON" {
	spoke berlin
	hub
	start berlin hub
	[ "$(curl -s -o "$T/out" -w '%{http_code}' --unix-socket "$T/hub.sock" http://x/v1/status)" = 200 ]
	jq -e . "$T/out"
	[ "$(curl -s -o "$T/out" -w '%{http_code}' --unix-socket "$T/hub.sock" http://x/v1/nothing)" = 404 ]
	jq -e .title "$T/out"
	[ "$(curl -s -o "$T/out" -w '%{http_code}' --unix-socket "$T/hub.sock" -X DELETE http://x/v1/status)" = 405 ]
	[ "$(curl -s -o "$T/out" -w '%{http_code}' --unix-socket "$T/hub.sock" -d '{"spoke":' http://x/v1/pause)" = 400 ]
	hubctl status
}

# Catches: a hub that is asked for what a spoke does, and says that it is a spoke.
@test "what is asked of the wrong side is told which side this is" {
	spoke berlin
	hub
	start berlin hub
	run hubctl adopt
	[ "$status" -eq 4 ]
	is "spokesync: adopt: this daemon is a hub; ask the spoke" echo "$output"
	run ctl berlin sync-now --all --for 1h
	[ "$status" -eq 4 ]
	is "spokesync: sync-now: this daemon is a spoke; ask the hub" echo "$output"
}

# Catches: a log that does not show whether the daemon ended in order between two starts.
@test "the job log shows each start and each orderly end of the daemon" {
	spoke berlin
	hub
	start berlin hub
	stop hub
	start hub
	stop hub KILL
	start hub
	is "started stopped started started" \
		eval 'hubctl log --json | jq -rs "[.[].event | select(startswith(\"daemon_\")) | .[7:]] | join(\" \")"'
	hubctl log | grep -E 'daemon_started +hub, spokesync [0-9]'
	hubctl log | grep -E 'daemon_stopped +: all was ended'
	ctl berlin log | grep -E 'daemon_started +spoke, '
}

@test "a user who is neither root nor in the group may not change" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	spoke berlin
	hub
	start berlin hub
	chmod 755 "$T"
	chmod 666 "$T/hub.sock"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$SPOKESYNC" -S "$T/hub.sock" pause --all --for 1h
	[ "$status" -ne 0 ]
	[ "$(hubctl status --json | jq '.overrides | length')" -eq 0 ]
}

@test "exit codes" {
	run "$SPOKESYNC" -S "$T/none.sock" status
	[ "$status" -eq 3 ]
	run "$SPOKESYNC" nonsense
	[ "$status" -eq 2 ]
	run "$SPOKESYNC" --help
	[ "$status" -eq 0 ]
	[[ $output == *sync-now* ]]
	spoke berlin
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	run hubctl pause --for nonsense
	[ "$status" -eq 2 ]
	run hubctl sync-now nowhere
	[ "$status" -ne 0 ]
	[[ $output == *nowhere* ]]
	run hubctl cancel 4711
	[ "$status" -ne 0 ]
	run hubctl wait --timeout 1s
	[ "$status" -eq 5 ]
	run hubctl status --check
	[ "$status" -le 2 ]
}

@test "cancel ends a job, retry takes it up again" {
	spoke berlin
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 is waiting job a berlin state
	hubctl cancel "$(job a berlin id)"
	eventually 5 is cancelled job a berlin state
	id=$(job a berlin id)
	# A restart does not bring it back: only a person does.
	stop hub KILL
	start hub
	eventually 20 is cancelled job a berlin state
	[ "$(job a berlin id)" = "$id" ]
	hubctl retry "$(job a berlin id)"
	hubctl sync-now --all --for 1m
	hubctl wait --timeout 60s
	same berlin a
}

past() { [ "$(date +%s)" -gt "$1" ]; }

@test "an override that ends while the hub is down is told, and its id is not given again" {
	spoke berlin
	hub
	start berlin hub
	hubctl pause berlin --for 1s
	stop hub KILL
	eventually 5 past "$(($(date +%s) + 1))"
	start hub
	ended() { jq -es 'any(.[]; .event == "override_ended" and .override == 1)' "$T/hub.jsonl"; }
	eventually 10 ended
	hubctl pause berlin --for 1h
	jq -es 'any(.[]; .event == "override_started" and .override == 2)' "$T/hub.jsonl"
}

@test "SIGUSR1 opens the job log anew" {
	spoke berlin
	hub
	start berlin hub
	echo 1 >"$T/src/a"
	hubctl wait --timeout 60s
	mv "$T/hub.jsonl" "$T/old.jsonl"
	kill -USR1 "${PID[hub]}"
	eventually 5 test -e "$T/hub.jsonl"
	echo 2 >"$T/src/b"
	hubctl wait --timeout 60s
	jq -es '[.[] | select(.event == "summary")] | length == 1' "$T/hub.jsonl"
	[ "$(jq -s '[.[] | select(.event == "summary")] | length' "$T/old.jsonl")" -eq 1 ]
}

@test "the status of a spoke says what it holds" {
	spoke berlin
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	hubctl wait --timeout 60s
	ctl berlin status --json | jq -e .
}
