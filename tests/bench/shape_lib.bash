# shape_lib.bash: for shape.sh: a hub whose policies are set and reloaded while it runs, a record of
# what arrives, and the parts of the benchmark as functions.

METER=$BUILD/tests/bench/wire_meter
RECORDER=

now() { date +%s.%N; }
plus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6f", a + b }'; }
bytes_of() { awk -v r="$1" 'BEGIN { n = r + 0; k = r ~ /kbit/ ? 125 : r ~ /Mbit/ ? 125e3 : 125e6; print n * k }'; }

# A new world of files and daemons in the same namespaces.
world_again() {
	local name
	record_end
	for name in "${!PID[@]}"; do stop "$name"; done
	rm -rf "$T"
	unset GROUP HUB MORE
	world
	PREFIX[hub]="ip netns exec ${NET}h"
	PREFIX[berlin]="ip netns exec ${NET}s"
	ADDR[berlin]=10.77.0.2
}

# record SECONDS [NAMESPACE DEVICE]: into $T/record
record() {
	ip netns exec "${2-${NET}s}" "$METER" record "${3-${NET}s}" "$1" >"$T/record" &
	RECORDER=$!
}
record_end() {
	[ -n "$RECORDER" ] || return 0
	wait "$RECORDER" 2>/dev/null || true
	RECORDER=
}

random_files() { # DIRECTORY N MIB: N files of MIB each, put there whole
	local i
	mkdir -p "$1" "$T/making"
	for ((i = 0; i < $2; i++)); do
		openssl enc -aes-128-ctr -K "$(printf '%032x' $RANDOM$RANDOM$i)" -iv 0 -in /dev/zero 2>/dev/null |
			head -c "$(($3 << 20))" >"$T/making/$i.img" || true
		mv "$T/making/$i.img" "$1/$i.img"
	done
}

# policies NAME RATE...: writes hub.ini anew and, where the hub runs, reloads it; $EDGE is when it said
# that it had.
declare -A RATE=()
policies() {
	local g
	while [ $# -gt 0 ]; do
		RATE[$1]=$2
		shift 2
	done
	MORE=
	for g in "${!RATE[@]}"; do
		MORE+=$'\n'"[policy $g]"$'\n'"timezone = UTC"$'\n'"window = mon-sun 00:00-24:00 ${RATE[$g]}"
		MORE+=$'\n'"[group $g]"$'\n'"path = $T/from/$g"$'\n'"spokes = $SPOKES"$'\n'"policy = $g"
		MORE+=$'\n'"settle = 0s"
	done
	HUB=$'transfers = 64\nbundle_cache = 256MiB'
	hub
	[ -z "${PID[hub]-}" ] || hubctl reload >/dev/null
	EDGE=$(now)
}

spoke_of() { # NAME GROUP...: a spoke that takes 64 transfers at a time
	local name=$1 g lines=()
	shift
	for g; do
		mkdir -p "$T/$name-$g"
		lines+=("group:[group $g]" "group:path = $T/$name-$g")
	done
	spoke "$name" "${lines[@]}"
	# shellcheck disable=SC2034 # read by hub()
	SPOKE[$name]="transfers = 64"
}

waiting() { # N: so many jobs, all ready to go
	hubctl jobs --all --json | jq -e --argjson n "$1" \
		'[.jobs[] | select(.state == "waiting" or .state == "paused")] | length == $n' >/dev/null
}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/${PID[$1]}/stat"; }

# ---- accuracy, edges, processor -------------------------------------------------------------------

ROW='%-9s %3s  %7s  %7s %7s  %6s %6s  %6s  %5s  %7s  %s\n'
ROW_RATES=${ROW_RATES:-64kbit 1Mbit 8Mbit 100Mbit 1000Mbit}
ROW_TRANSFERS=${ROW_TRANSFERS:-1 8 64}

accuracy_row() { # RATE N
	local rate=$1 n=$2 from to figures ticks cpu after word
	record 16.5
	policies "g$n" "$rate"
	from=$(plus "$EDGE" 1)
	sleep 1
	ticks=$(cpu_ticks hub)
	sleep 12
	cpu=$(awk -v t="$(($(cpu_ticks hub) - ticks))" -v hz="$(getconf CLK_TCK)" \
		'BEGIN { printf "%.1f", t / hz / 12 * 100 }')
	to=$(now)
	policies "g$n" closed
	sleep 2.5
	record_end
	cp "$T/record" "${KEEP_DIR:-$T}/record.$rate.$n"
	read -ra figures < <("$METER" judge "$(bytes_of "$rate")" "$from" "$to" <"$T/record")
	after=$("$METER" count "$(plus "$EDGE" 1)" "$(plus "$EDGE" 2.5)" <"$T/record")
	word=${figures[6]}
	# Words may come (a position, a greeting), image bytes not.
	[ "$after" -le 4096 ] || word+=,edge
	[ "$rate" != 100Mbit ] || awk -v c="$cpu" 'BEGIN { exit !(c > 3) }' || word+=,cpu
	# shellcheck disable=SC2059
	printf "$ROW" "$rate" "$n" "${figures[@]:0:6}" "$cpu" "$after" "$word"
	[ "$word" = ok ]
}

shape_accuracy() {
	local rate n jobs=0
	for n in $ROW_TRANSFERS; do
		random_files "$T/from/g$n" "$n" "$((${POOL_MIB:-2300} / n))"
		jobs=$((jobs + n))
		RATE[g$n]=closed
	done
	SPOKES=berlin
	# shellcheck disable=SC2046 # words
	spoke_of berlin $(printf 'g%s ' $ROW_TRANSFERS)
	policies
	start berlin hub
	eventually 120 waiting "$jobs"
	# shellcheck disable=SC2059
	printf "$ROW" rate n mean 'low 10s' 'hi 10s' 'low 1s' 'hi 1s' 'hi .1s' 'cpu %' 'after' ''
	for rate in $ROW_RATES; do
		for n in $ROW_TRANSFERS; do
			# Two cores are not ours alone: a row that fails is repeated once.
			accuracy_row "$rate" "$n" || accuracy_row "$rate" "$n" || FAILED=1
		done
	done
}
