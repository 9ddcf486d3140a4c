# `spokesync plan` of a running hub: the queue run forward, with the policies in force and with
# another file; and what is urgent.
load lib

setup() {
	world
	HOUR=$(($(date +%s) / 3600 * 3600)) # this one, whatever the clock says later
}
teardown() { world_end; }

# N hours after this one began.
in_hours() { date -u -d "@$((HOUR + $1 * 3600))" +"${2-%H:00}"; }
night() { printf 'timezone = UTC\nwindow = daily %s-%s %s' "$(in_hours "$1")" "$(in_hours "$(($1 + 1))")" "$2"; }

jobs() { hubctl jobs --json | jq '[.jobs[] | select(.state == "waiting")] | length'; }

@test "plan: a table a window; --spoke, --at, --json" {
	spoke berlin
	spoke paris
	POLICY=$(night 6 1Mbit)
	hub
	random "$T/src/a.img" 20
	random "$T/src/b.img" 1
	start berlin paris # first: for one that is down nothing can be foreseen
	start hub
	eventually 30 is 4 jobs
	hubctl plan --json >"$T/plan"
	opens=$(in_hours 6 %FT%H:00:00Z)
	# Two windows, one a spoke, of two files each, that begin when the window opens.
	jq -e --arg o "$opens" '.windows | length == 2 and all(.opens == $o and (.moves | length) == 2)' "$T/plan"
	jq -e '.jobs | length == 4 and all(.eta and (.late | not) and .problem == null)' "$T/plan"
	# 21 MiB at 1 Mbit, shared: the last of each spoke is done after 176 s and not later than 178.
	jq -e --arg o "$opens" '[.jobs[].eta | fromdate - ($o | fromdate)] | max | . >= 176 and . <= 178' "$T/plan"
	jq -e '[.windows[].bytes] | add == 44040192' "$T/plan"
	# In words.
	run hubctl plan --spoke paris
	[ "$status" -eq 0 ]
	[[ $output == *"paris, group g: open since"*"21 MiB"*"a.img"*"2 jobs, 0 late, 0 not to be foreseen"* ]]
	[[ $output != *berlin* ]]
	run hubctl plan --spoke rome
	[ "$status" -ne 0 ]
	[[ $output == *"there is no spoke 'rome'"* ]]
	# Until a minute after it opens: 7.5 MB each, and a.img is not there by then.
	hubctl plan --at "$(in_hours 6 %FT%H:01:00Z)" --json >"$T/cut"
	jq -e '[.windows[].bytes] | length == 2 and all(. > 7490000 and . <= 7500000)' "$T/cut"
	jq -e '[.jobs[] | select(.path == "a.img")] | length == 2 and all(.problem == "not by then" and .eta == null)' "$T/cut"
	run hubctl plan --at 2020-01-01T00:00:00Z
	[ "$status" -ne 0 ]
	# Nothing of it has happened.
	is 4 jobs
	[ -z "$(published berlin)" ]
}

@test "plan --what-if: another file changes the table, a broken one is told by file and line" {
	spoke berlin
	GROUP="deadline = daily $(in_hours 7 %H:00)"
	POLICY=$(night 6 10Mbit)
	hub
	random "$T/src/a.img" 20
	start berlin hub
	eventually 30 is 1 jobs
	hubctl plan --json >"$T/now"
	jq -e '.what_if == null and (.jobs[0].late | not)' "$T/now"
	hubctl config >"$T/config"
	cp "$T/hub.ini" "$T/kept.ini"
	# Two hours later, which is too late; and slower.
	POLICY=$(night 8 1Mbit)
	hub
	mv "$T/hub.ini" "$T/other.ini"
	cp "$T/kept.ini" "$T/hub.ini"
	# A relative name: the daemon has another directory than the one who asks.
	cd "$T"
	hubctl plan --what-if other.ini --json >"$T/then"
	jq -e --arg f "$T/other.ini" '.what_if == $f and .late == 1 and .jobs[0].late' "$T/then"
	jq -e --arg o "$(in_hours 8 %FT%H:00:00Z)" '.windows[0].opens == $o' "$T/then"
	run hubctl plan --what-if other.ini
	[[ $output == *"misses its deadline"*"1 job, 1 late"* ]]
	# Broken: where and what, the nearest spelling, and nothing changed.
	sed -i 's/^window = daily/windw = daily/; s/^timezone = UTC/timezone = UTZ/' other.ini
	line=$(grep -n '^windw' other.ini | cut -d: -f1)
	run hubctl plan --what-if other.ini
	[ "$status" -eq 1 ]
	[[ $output == *"$T/other.ini:$line:"*'did you mean "window"'* ]]
	[[ $output == *"$T/other.ini:$((line - 1)):"*'"UTZ" is not a time zone'* ]]
	run hubctl plan --what-if "$T/berlin.ini"
	[ "$status" -ne 0 ]
	[[ $output == *"not a hub's configuration"* ]]
	run hubctl plan --what-if none.ini
	[ "$status" -eq 2 ]
	hubctl config | diff "$T/config" -
	hubctl plan --json | jq 'del(.from)' | diff <(jq 'del(.from)' "$T/now") -
	is 1 jobs
}

late() { hubctl jobs --json | jq -c '[.jobs[] | .late]'; }

missed() { hubctl report --json | jq -c '[.groups[0].late, .spokes[0].late]'; }

# Seen to catch: what was foreseen counted as what came, as it was: one that was late by the forecast and
# then sent by hand, in time, counted as missed; one whose time went by unseen did not.
@test "the report counts deadlines that were missed, and not those that were met in the end" {
	spoke berlin
	GROUP="deadline = daily $(in_hours 5 %H:00)"
	POLICY=$(night 6 10Mbit)
	hub
	random "$T/src/a.img" 1
	start berlin hub
	eventually 15 is '[true]' late
	hubctl sync-now berlin --wait --timeout 60s
	same berlin a.img
	is '[0,0]' missed
	random "$T/src/b.img" 1
	eventually 15 is 1 jobs
	stop hub
	sqlite3 "$T/hub.state/hub.db" 'UPDATE jobs SET created = created - 172800 WHERE over = 0'
	start hub
	hubctl sync-now berlin --wait --timeout 60s
	same berlin b.img
	is '[1,1]' missed
}

@test "what will miss its deadline is told at once, and at status --check" {
	spoke berlin
	GROUP="deadline = daily $(in_hours 5 %H:00)"$'\n'"on_late = /bin/cat >$T/late"
	POLICY=$(night 6 10Mbit)
	hub
	random "$T/src/a.img" 1
	start berlin hub
	eventually 30 is 1 jobs
	run hubctl plan
	[[ $output == *"misses its deadline"* ]]
	eventually 15 is '[true]' late
	grep '"event":"late"' "$T/hub.jsonl" | jq -e '.path == "a.img" and .deadline and .eta'
	eventually 5 test -s "$T/late"
	jq -e '.event == "late" and .path == "a.img" and .spoke == "berlin" and .deadline and .eta' "$T/late"
	run hubctl status --check
	[ "$status" -eq 1 ]
	[[ $output == *"it will miss its deadline"* ]]
}
