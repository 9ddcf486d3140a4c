# net.bash: an image and its changed copy go to a spoke over a link that fails by a schedule
# (faults.py), which a seed makes. For 57-net.bats, which takes a few seeds, and tests/bench/net.sh.
#
#   net_begin              the images: $NET_DIR
#   net_at SEED            in a world of its own; says on one line what happened, fails where wrong
#                          (NET_KEEP=DIR keeps such a world)
#   net_all FROM N JOBS    so many seeds, JOBS worlds at a time; prints what was wrong, and sums
#
# What is held against each: both files arrive, identical; no reader ever sees a part of one; what is
# sent again is at most what a kernel may hold (less than a second's group) for each PUT that a fault
# cut, and what is in two sockets for any other connection that one touched; each outage is followed
# by an answer, and no connection that no fault touched fails; the hub never announces a longer wait than
# retry_max, so that it is back within that and `stall` of an outage's end; and when all is over
# neither daemon has more descriptors than before.

NET_RATE=5000000 # bytes a second
NET_STALL=1
NET_RETRY=2 # retry_max
# Sent again where a PUT was cut: 250 ms of the rate, that the kernel may hold, and what the sockets do;
# where a request got nowhere: these alone. A second's group (5 MB) would be the promise.
NET_LOST=1600000
NET_UNSENT=250000
NET_KEPT=0 # connections that may be there at the end, and were not at the beginning

net_begin() {
	NET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/net.XXXXXX")
	# More than a frame; then some of it anew, under another name.
	head -c 18M /dev/urandom >"$NET_DIR/one"
	cp "$NET_DIR/one" "$NET_DIR/two"
	dd if=/dev/urandom of="$NET_DIR/two" bs=1M seek=3 count=1 conv=notrunc status=none
	dd if=/dev/urandom of="$NET_DIR/two" bs=64K seek=160 count=24 conv=notrunc status=none
	NET_LITERAL=$((18 * (1 << 20) + (1 << 20) + 24 * 65536))
}
net_end() { rm -rf "$NET_DIR"; }

# Where the daemons are, before they are configured.
net_place() { :; }
net_link() { # SEED
	mkdir -p "$T/link"
	python3 "$BATS_TEST_DIRNAME/faults.py" run "$1" "${PORT[berlin]}" "$T/link" 2>>"$T/link.err" 3>&- 4>&- &
	LINK=$!
	eventually 20 test -s "$T/link/port"
	net_follow
}
net_link_end() {
	[ -n "${LINK-}" ] || return 0
	kill "$LINK" 2>/dev/null || true
	wait "$LINK" 2>/dev/null || true
	LINK=
}
# The hub's configuration names the address that the link has now.
net_follow() {
	local where
	where=$(cat "$T/link/port")
	[ "$where" != "${WHERE-}" ] || return 0
	WHERE=$where
	sed -i "s,^url = .*,url = https://$where," "$T/hub.ini"
	[ -z "${PID[hub]-}" ] || hubctl reload >/dev/null
}
net_fds() { find "/proc/${PID[$1]}/fd" -mindepth 1 -printf '%l\n' 2>/dev/null | sed 's/:.*//; s/.*\/\(.*\)/\1/' | sort; }
net_up() { [ "$(hubctl spokes --json | jq -r '.spokes[0].up')" = true ]; }

# A part of a file under its name is looked for all the time. Whole ones are compared once.
net_look() {
	local f id
	for f in $(published berlin); do
		[ -e "$T/src/$f" ] || { echo "$f is not the hub's"; return 1; }
		id=$(stat -c '%n %i %s %Y' "$T/berlin/$f")
		[[ $SEEN != *"$id;"* ]] || continue
		cmp -s "$T/src/$f" "$T/berlin/$f" || { echo "a part of $f is seen"; return 1; }
		SEEN+="$id;"
	done
}
# What the hub announces: how long it will rest.
net_announced() {
	local s
	s=$(hubctl spokes --json | jq -r '.spokes[0].retry_in_s // 0')
	[ "$s" -le "$NET_ANNOUNCED" ] || NET_ANNOUNCED=$s
}

net_wait() { # SECONDS COMMAND...: until it is true; looked at all the time
	local end=$((SECONDS + $1))
	shift
	while :; do
		net_follow && net_look || return 1
		net_announced
		! "$@" >/dev/null 2>&1 || return 0
		[ "$SECONDS" -lt "$end" ] || { echo "never became true: $*: $(hubctl why berlin "${*: -1}" | tr -s ' \n' ' ')"; return 1; }
		sleep 0.2
	done
}
net_over() { [ -e "$T/link/over" ]; }

net_run() {
	SEEN='' NET_ANNOUNCED=0
	cp "$NET_DIR/one" "$T/src/one.img"
	: >"$T/link/go"
	net_wait 90 cmp -s "$T/src/one.img" "$T/berlin/one.img" || return 1
	cp "$NET_DIR/two" "$T/new"
	mv "$T/new" "$T/src/two.img"
	net_wait 90 cmp -s "$T/src/two.img" "$T/berlin/two.img" || return 1
	net_wait 60 net_over || return 1
	# The link is as it should be, and what rested on it is dead: what comes now just goes.
	kill -USR1 "$LINK"
	echo "$1" >"$T/src/three"
	net_wait 60 cmp -s "$T/src/three" "$T/berlin/three" || return 1
	net_wait 60 hubctl wait --timeout 20s
}

net_count() { jq -r ".$1" "$T/link/counts"; }
net_fewer() { # SIDE
	local more
	more=$(comm -13 "$T/$1.before" <(net_fds "$1"))
	[ "$(grep -c . <<<"$more")" -le "$NET_KEPT" ] || {
		echo "$1 has more descriptors:" $more
		ss -tanpH 2>/dev/null | grep "pid=${PID[$1]}," # which
		return 1
	}
}
net_judge() {
	local literal again
	literal=$(jq -s '[.[] | select(.event == "summary") | .literal] | add' "$T/hub.jsonl")
	again=$((literal - NET_LITERAL - $(stat -c %s "$T/src/three")))
	net_link_end
	# The hub finds its kept connections dead when it has something to say.
	echo four >"$T/src/four"
	NET_SAID="$(net_count outages) outages, $(net_count connections) connections, $(net_count lost_puts) PUTs cut, \
$((again / 1024)) KiB again, back in $(net_count worst_ms) ms at most, announced $NET_ANNOUNCED s"
	[ "$again" -le $(($(net_count lost_puts) * NET_LOST + $(net_count touched) * NET_UNSENT)) ] || { echo "$again bytes were sent again"; return 1; }
	[ "$(net_count waits)" = 0 ] || { echo "no answer after an outage"; return 1; }
	[ "$(net_count worst_ms)" -le 10000 ] || { echo "back $(net_count worst_ms) ms after an outage"; return 1; }
	[ "$(net_count failed_clean)" = 0 ] || { echo "$(net_count failed_clean) connections failed without a fault"; return 1; }
	[ "$NET_ANNOUNCED" -le "$NET_RETRY" ] || { echo "a wait of $NET_ANNOUNCED s was announced"; return 1; }
	eventually 15 net_fewer berlin && eventually 15 net_fewer hub || return 1
	[ -z "$(ls -A "$T/berlin/.spokesync/staging")" ] || { echo "staging is not empty"; return 1; }
}

net_world() {
	world
	SETTLE=0s RETRY=100ms HUB="stall = ${NET_STALL}s" WHERE=
	net_place
	spoke berlin "stall = ${NET_STALL}s"
	SPOKE[berlin]="rate = $((NET_RATE * 8 / 1000))kbit"
	hub
	sed -i "s/^retry_max = .*/retry_max = ${NET_RETRY}s/" "$T/hub.ini"
}

net_in_world() { # SEED
	local rc=0
	net_world
	{
		net_link "$1" && start berlin hub && eventually 20 net_up &&
			net_fds hub >"$T/hub.before" && net_fds berlin >"$T/berlin.before" &&
			net_run "$1" && net_judge
	} >"$T/said" 2>&1 || rc=1
	net_link_end
	echo "seed $1: $([ $rc = 0 ] && echo "good: $NET_SAID" || echo "WRONG: $(tail -n 6 "$T/said" | tr '\n' ' ')")"
	[ $rc = 0 ] || [ -z "${NET_KEEP-}" ] || cp -a "$T" "$NET_KEEP/$1"
	BATS_TEST_COMPLETED=1 # what the daemons said is in NET_KEEP
	world_end
	return $rc
}
net_at() { (net_in_world "$1"); }

# A worker takes one seed after the other.
net_worker() { # FROM N NUMBER OF
	local i
	for ((i = $3; i < $2; i += $4)); do net_at $(($1 + i)) || true; done >"$NET_DIR/said.$3" 3>&-
}

net_all() { # FROM N JOBS
	local w pids=() bad
	for ((w = 0; w < $3; w++)); do
		net_worker "$1" "$2" "$w" "$3" &
		pids+=($!)
	done
	for w in "${pids[@]}"; do wait "$w"; done
	cat "$NET_DIR"/said.* >"$NET_DIR/said"
	grep -v ': good: ' "$NET_DIR/said" || true
	bad=$(grep -vc ': good: ' "$NET_DIR/said") || true
	awk -v n="$2" -v from="$1" '/: good: /{ o += $4; c += $6; p += $8; k += $11; if ($16 > w) w = $16 }
		END { printf "%d schedules from seed %d: %d outages, %d connections, %d PUTs cut, %d KiB sent again, back in %d ms at most\n",
			n, from, o, c, p, k, w }' "$NET_DIR/said"
	[ "$bad" -eq 0 ] && [ "$(wc -l <"$NET_DIR/said")" -eq "$2" ]
}
