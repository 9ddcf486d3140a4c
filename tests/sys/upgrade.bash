# upgrade.bash: two daemons of different versions at work with each other, one of which is replaced in
# the middle of a transfer by one of this version.
# For 45-version.bats, beside the version of the protocol before, and tests/bench/upgrade.sh, beside a
# daemon of an older commit.
#
#   upgrade SIDE DAEMON     SIDE (hub, berlin) is at first that program

upgrade_further() { [ "$(job "$1" berlin done)" -gt $((3 << 20)) ]; }

upgrade() { # SIDE DAEMON
	local ours=$SPOKESYNCD side=$1 before=$2 name
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	SETTLE=0s RETRY=100ms
	hub
	for name in berlin hub; do
		[ "$name" != "$side" ] || SPOKESYNCD=$before
		start "$name"
		SPOKESYNCD=$ours
	done

	# A first copy, a changed one in its place (and of what changed, only that), small ones, a name.
	random "$T/src/one.img" 2
	mkdir "$T/src/dir"
	head -c 5000 "$T/src/one.img" >"$T/src/dir/small"
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin dir/small
	cp "$T/src/one.img" "$T/new"
	edit "$T/new" 20
	mv "$T/new" "$T/src/one.img"
	mv "$T/src/dir/small" "$T/src/renamed"
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin renamed
	[ ! -e "$T/berlin/dir/small" ]
	[ "$(summary one.img berlin literal)" -le $((20 * 4096)) ]

	# Replaced in the middle: what came is not sent again.
	random "$T/src/two.img" 8
	eventually 30 upgrade_further two.img
	stop "$side"
	start "$side"
	hubctl wait --timeout 60s
	same berlin two.img
	[ "$(jq -s '[.[] | select(.event == "summary" and .path == "two.img") | .wire] | add' \
		"$T/hub.jsonl")" -lt $((10 << 20)) ]
	rm "$T/src/renamed"
	hubctl wait --timeout 60s
	[ ! -e "$T/berlin/renamed" ]
	same berlin one.img
	jq -es 'all(.[]; .event != "drift" and .result != "failed")' "$T/hub.jsonl" >"$T/null"
}
