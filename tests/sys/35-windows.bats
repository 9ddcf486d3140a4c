# What `spokesync windows` says of a running hub, and day strings of DFS Replication there and back.
load lib

setup() { world; }
teardown() { world_end; }

@test "a policy goes to day strings, and the day strings make the same policy" {
	POLICY=$'timezone = Europe/Berlin\nwindow = mon-fri 22:00-06:00 16384kbit\nwindow = sat 00:00-24:00 unlimited'
	spoke berlin
	hub
	start hub
	hubctl windows --dfsr >"$T/there"
	[ "$(grep -c '^dfsr = ' "$T/there")" -eq 7 ]
	[ -z "$(grep 'not exact' "$T/there")" ]
	edges() { hubctl windows --next 40 --json | jq -c '.. | .edges? // empty | .[] | [.at, .rate]'; }
	edges >"$T/edges"
	[ "$(wc -l <"$T/edges")" -ge 40 ]
	POLICY=$'timezone = Europe/Berlin\n'$(cat "$T/there")
	hub
	hubctl reload
	hubctl windows --dfsr >"$T/back"
	diff "$T/there" "$T/back"
	edges | diff "$T/edges" -
	# What does not fit is the lower level, and is told.
	POLICY=$'window = daily 10:05-11:00 20Mbit\ndate = 2026-12-24 closed'
	hub
	hubctl reload
	run hubctl windows --dfsr --policy p
	[[ $output == *"20 Mbit/s becomes level A"* ]]
	[[ $output == *"7 quarters of an hour in which the rate changes"* ]]
	[[ $output == *"1 date line"* ]]
}

@test "what holds at a time, by which line; and a week" {
	POLICY=$'timezone = Europe/Berlin\nwindow = daily 00:00-24:00 20Mbit\nwindow = sun 12:00-13:00 closed'
	spoke berlin
	hub
	start hub
	line=$(grep -n 'sun 12:00' "$T/hub.ini" | cut -d: -f1)
	run hubctl windows berlin --at 2027-03-28T10:30:00Z
	[[ $output == *"Sun 2027-03-28 12:30 CEST"*"closed by $T/hub.ini:$line: sun 12:00-13:00 closed"* ]]
	run hubctl windows berlin --week --at 2027-03-28T10:30:00Z
	[[ ${lines[2]} == "Sun 2027-03-28  1111  1111"*"..1111"*"a day of 23h 00m"* ]]
	[ "${#lines[@]}" -eq 10 ]
	[[ $output != *$'\033'* ]]
	run hubctl windows berlin --at 2027-03-27T13:00:00Z --next 3
	[[ $output == *"clocks forward 1h 00m: Sun 2027-03-28 03:00 CEST"* ]]
	run hubctl windows --policy q
	[ "$status" -ne 0 ]
	[[ $output == *"there is no policy 'q'"* ]]
}

zone_is_told() { hubctl spokes --json | grep -q '"ever_up": true'; }

@test "a zone that only the spoke knows keeps the policy closed, and that is said" {
	POLICY=$'timezone = spoke\nwindow = daily 00:00-24:00 unlimited'
	mkdir "$T/tz"
	cp /usr/share/zoneinfo/Europe/Berlin "$T/tz/Mars"
	PREFIX[berlin]="env TZDIR=$T/tz TZ=Mars"
	spoke berlin
	hub
	start berlin hub
	eventually 10 zone_is_told
	run hubctl windows berlin
	[[ $output == *"closed: the time zone that the spoke tells is not known here"* ]]
	grep -q 'its time zone Mars is not known here: policies in its own zone are closed' "$T/hub.err"
	echo 1 >"$T/src/a"
	eventually 20 is waiting job a berlin state
	hubctl why berlin a --json | grep -q "the one that berlin tells is not known here"
}
