# What was done, saved and went wrong in a period; over restarts, without the job log.
load lib

setup() { world; }
teardown() { world_end; }

report() { hubctl report --json "$@"; }
counted() { report | jq -c '[.groups, .spokes] | map(map(del(.disk, .problem, .up, .last_seen)))'; }
summed() { jq -s --arg f "$1" '[.[] | select(.event == "summary") | .[$f]] | add' "$T/hub.jsonl"; }

# Catches: a counter that a kill -9 doubles or forgets, that depends on the job log, or that does not
# add up; an outage without its end; a window counted anew after a restart, or for each group.
@test "the report adds up, and survives a kill and the loss of the job log" {
	for s in berlin paris; do
		spoke "$s"
		mkdir "$T/$s.more"
		printf '[group more]\npath = %s\n' "$T/$s.more" >>"$T/$s.ini"
	done
	mkdir "$T/more"
	# shellcheck disable=SC2034
	MORE=$'\n[group more]\n'"path = $T/more"$'\nspokes = .*\npolicy = p\nsettle = 0s'
	hub
	random "$T/src/a.img" 2
	truncate -s 10M "$T/src/a.img"
	yes text | head -c 1048576 >"$T/src/b.img"
	start berlin paris hub
	hubctl wait --timeout 60s
	edit "$T/src/a.img" 20
	hubctl wait --timeout 60s
	report >"$T/report"
	# Two spokes; holes only of a.img, twice; the second time nearly all of it was there.
	jq -e --argjson out "$(summed wire_out)" --argjson in "$(summed wire_in)" '.groups[0] |
		.published == 6 and .failed == 0 and .logical == 42 * 1048576 and .wire_out == $out and .wire_in == $in and
		.holes > 28 * 1048576 and .reused > 2 * 1048576 and .compressed > 1900000 and
		.holes + .reused + .compressed < .logical and
		.backlog_files == 0 and .disk.free > 0' "$T/report"
	jq -e '[.spokes[] | .published == 3 and .windows == 1 and .up and .disk[0].free > 0] | all' "$T/report"
	jq -e '.errors == [] and .health.level == "ok" and .in_sync' "$T/report"
	counted >"$T/before"
	stop hub KILL
	rm "$T/hub.jsonl"
	start hub
	counted | diff "$T/before" -
	stop paris
	echo new >"$T/src/c"
	down() { report | jq -e '.errors[] | select(.what == "spoke_down" and .spoke == "paris") | .at and .until == null'; }
	eventually 30 down
	run hubctl report --since 1h
	[[ $output == *spoke_down*paris* ]]
	eventually 30 same berlin c
	report | jq -e '[.spokes[].backlog_files] == [0, 1] and .backlog_files == 1'
	start paris
	hubctl wait --timeout 60s
	report | jq -e '.errors[] | select(.what == "spoke_down") | .until'
	# The same window as before the restart; and one, whichever groups use it.
	echo more >"$T/more/file"
	eventually 20 test -e "$T/paris.more/file"
	hubctl wait --timeout 60s
	report | jq -e '[.spokes[].windows, .groups[].windows] == [1, 1, 2, 2]'
	# Nothing before this hour, nothing after it.
	report --since 2000-01-01 | jq -e '.groups[0].published == 8 and .since == "2000-01-01T00:00:00Z"'
	report --since "$(date -d tomorrow +%F)" | jq -e '.groups[0].published == 0'
}

# Catches: the program as it was, which told of jobs that failed for good and of what did not begin; neither of
# publications that did not work, nor of what was changed on a spoke, once it was repaired.
@test "what could not be published, and what was changed on a spoke, is in the report, mended or not" {
	spoke berlin
	hub
	random "$T/src/one.img" 1
	start berlin hub
	hubctl wait --timeout 60s
	report | jq -e '.errors == []'
	echo other >>"$T/berlin/one.img"
	wrong() { report | jq -e --arg w "$1" --arg p "$2" '[.errors[] | select(.what == $w and .path == $p and .spoke == "berlin" and .why != "")] | length == 1'; }
	eventually 20 grep -q 'one.img is changed here' "$T/berlin.err"
	run hubctl verify berlin one.img # the hub hears of it now, not at its next greeting
	eventually 20 wrong drift one.img
	hubctl wait --timeout 60s
	same berlin one.img
	mkdir "$T/berlin/two.img"
	echo theirs >"$T/berlin/two.img/file"
	random "$T/src/two.img" 1
	eventually 30 wrong "not published" two.img
	rm -r "$T/berlin/two.img"
	hubctl wait --timeout 60s
	same berlin two.img
	wrong "not published" two.img
	wrong drift one.img
}
