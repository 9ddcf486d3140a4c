# The configuration: checked whole, applied whole or not at all.
load lib

setup() {
	world
	spoke berlin
	hub
}
teardown() { world_end; }

# Both run, and a file is there.
served() {
	start berlin hub
	echo 1 >"$T/src/a"
	hubctl wait --timeout 60s
}

# Is it told as wrong, with its name?
wrong() { # FILE
	run "$SPOKESYNCD" --check "$T/$1"
	[ "$status" -eq 1 ] && [[ $output == *"$1:"* ]]
}

# Ten mistakes and more, each with its line.
ten() { [ "$(grep -c 'hub\.ini:[0-9]*:')" -ge 10 ]; }

ten_mistakes() {
	cat <<-INI
		[daemon]
		role = hub
		state_dir = $T/hub.state
		control = $T/hub.sock
		job_log = $T/hub.jsonl
		key = $T/hub.key
		ratte = 20Mbit
		rate = 20
		transfers = 0

		[policy p]
		timezone = Europe/Berlinn
		window = mon-fry 22:00-06:00 20Mbit
		window = mon-fri 22:00-25:00 20Mbit

		[groupp h]
		path = /srv

		[group g]
		path = $T/src
		spokes = berlin, nowhere
		policy = q
		settle = soon
		include = (unclosed
	INI
}

@test "ten mistakes on reload: ten messages, nothing changed" {
	start berlin hub
	hubctl config >"$T/before"
	sed -n '/^\[spoke/,$p' "$T/hub.ini" >"$T/spokes"
	{
		ten_mistakes
		cat "$T/spokes"
	} >"$T/hub.ini"
	run hubctl reload
	[ "$status" -ne 0 ]
	# file:line of each, and the nearest spelling
	for line in 7 8 9 12 13 14 16 21 22 23 24; do
		[[ $output == *"hub.ini:$line:"* ]] || { echo "no message for line $line"; return 1; }
	done
	ten <<<"$output"
	[[ $output == *rate* ]]
	hubctl config >"$T/after"
	diff "$T/before" "$T/after"
	kill -HUP "${PID[hub]}"
	eventually 10 logged_ten
	hubctl status
	wrong hub.ini
	ten <<<"$output"
	echo 1 >"$T/src/a"
	hubctl wait --timeout 60s
	same berlin a
}
logged_ten() { ten <"$T/hub.err"; }

@test "long lines, long names and repeated sections are refused, not cut" {
	{
		cat "$T/hub.ini"
		printf '[policy x]\ntimezone = %s\n' "$(printf 'x%.0s' {1..9000})"
	} >"$T/long.ini"
	wrong long.ini
	printf '[policy %s]\ntimezone = UTC\n' "$(printf 'y%.0s' {1..70})" >>"$T/hub.ini"
	wrong hub.ini
}

@test "a good file is said to be good" {
	"$SPOKESYNCD" --check "$T/hub.ini"
	"$SPOKESYNCD" --check "$T/berlin.ini"
	run "$SPOKESYNCD" --check "$T/absent.ini"
	[ "$status" -ne 0 ]
	[[ $output == *absent.ini* ]]
}

@test "what needs a restart is named" {
	start berlin hub
	sed -i "s#^state_dir = .*#state_dir = $T/elsewhere#" "$T/hub.ini"
	run hubctl reload
	[[ $output == *state_dir* ]]
}

@test "a spoke that is added on reload is served" {
	served
	spoke paris
	hub
	start paris
	hubctl reload
	hubctl wait --timeout 60s
	same paris a
}

# The group h in place of g, at a directory of its own.
instead() {
	cp "$T/berlin.ini" "$T/with.ini"
	mkdir -p "$T/h"
	sed -i "s#^\[group g\]#[group h]#; s#^path = .*#path = $T/h#" "$T/berlin.ini"
	ctl berlin reload
}

# Catches: the program as it was, which looked at such a group no more until it was started anew.
@test "a spoke's group that is taken out and brought back is looked at as before" {
	served
	instead
	cp "$T/with.ini" "$T/berlin.ini"
	ctl berlin reload
	echo 2 >"$T/berlin/mine"
	eventually 20 grep 'group g: mine is known now' "$T/berlin.err"
}

# Catches: the program as it was, which went on in the directory that it was taken from.
@test "a spoke's group that is taken out and brought back elsewhere is published there" {
	served
	instead
	mkdir "$T/elsewhere"
	sed "s#^path = .*#path = $T/elsewhere#" "$T/with.ini" >"$T/berlin.ini"
	ctl berlin reload
	stop hub # its next start asks what is there now
	start hub
	echo 2 >"$T/src/b"
	eventually 20 cmp "$T/src/b" "$T/elsewhere/b"
	eventually 20 cmp "$T/src/a" "$T/elsewhere/a"
	is a published berlin
	# and back again
	instead
	cp "$T/with.ini" "$T/berlin.ini"
	sed -i "s#^path = .*#path = $T/berlin#" "$T/berlin.ini"
	ctl berlin reload
	stop hub
	start hub
	eventually 20 same berlin b
}
