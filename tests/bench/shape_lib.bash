# shape_lib.bash: for shape.sh: a hub whose policies are set and reloaded while it runs, a record of
# what arrives, and the parts of the benchmark as functions.
# shellcheck shell=bash disable=SC2034,SC2154,SC2004 # variables of lib.bash's maps

# shellcheck source=tests/bench/link.bash
. "$BATS_TEST_DIRNAME/../bench/link.bash"

METER=$BUILD/tests/bench/wire_meter
RECORDER=

now() { date +%s.%N; }
plus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6f", a + b }'; }
bytes_of() { awk -v r="$1" 'BEGIN { n = r + 0; k = r ~ /kbit/ ? 125 : r ~ /Mbit/ ? 125e3 : 125e6; print n * k }'; }

# A new world of files and daemons in the same namespaces.
world_again() {
	record_end
	link_end
	far_end
	world_anew
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

# policies NAME RATE...: writes hub.ini anew and, where the hub runs, reloads it; $ASKED is when it was
# asked to, $EDGE when it said that it had. In between both rates may be in force.
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
	HUB=$'transfers = 64\nbundle_cache = 256MiB\n'${HUB_MORE-}
	hub
	ASKED=$(now)
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
	SPOKE[$name]="transfers = 64"
}

waiting() { # N: so many jobs, all ready to go
	hubctl jobs --all --json | jq -e --argjson n "$1" \
		'[.jobs[] | select(.state == "waiting" or .state == "paused")] | length == $n' >/dev/null
}

# The loop's thread: shaping, TLS, sockets. Packing bundles is the workers' and has a time of its own.
# Nanoseconds that it ran: ticks are samples, and a loop whose timers keep step with the samples is
# seen too often, or never.
cpu_ns() { awk '{ print $1 }' "/proc/$1/task/$1/schedstat"; }
per_cent() { awk -v ns="$1" -v s="$2" 'BEGIN { printf "%.1f", ns / s / 1e7 }'; }

# ---- accuracy, edges, processor -------------------------------------------------------------------

# Between two namespaces of one machine a packet that is sent is received within the same system call,
# by the sender's thread and at its expense. Here the receiver's interrupts are for the other core, as
# between two machines; of the hub only the loop's thread stays on its own.
receiver_apart() {
	[ "$(nproc)" -gt 1 ] || return 0
	taskset -cp 0 "${PID[hub]}" >/dev/null
	ip netns exec "${NET}s" bash -c "echo 2 >/sys/class/net/${NET}s/queues/rx-0/rps_cpus"
}

# All of both daemons, and what nobody used: clock ticks.
both_ticks() {
	awk '{ s += $14 + $15 } END { print s }' "/proc/${PID[hub]}/stat" "/proc/${PID[berlin]}/stat"
}
idle_ticks() { awk '/^cpu / { print $5 }' /proc/stat; }

# `both` and `idle` are cores; `bound` is what the machine would have carried for both daemons, of the
# rate: what came, times what they used and what was idle, by what they used; at most 1.
ROW='%-9s %2s  %7s %7s %7s  %6s %6s %6s  %5s %5s %5s %5s  %6s  %s\n'
ROW_RATES=${ROW_RATES:-64kbit 1Mbit 8Mbit 100Mbit 1000Mbit}
ROW_TRANSFERS=${ROW_TRANSFERS:-1 8 64}

accuracy_row() { # RATE N
	local rate=$1 n=$2 from to figures cpu after word both idle load
	record 16.5
	policies "g$n" "$rate"
	from=$(plus "$EDGE" 1)
	sleep 1
	cpu=$(cpu_ns "${PID[hub]}") both=$(both_ticks) idle=$(idle_ticks)
	sleep 12
	cpu=$(per_cent $(($(cpu_ns "${PID[hub]}") - cpu)) 12)
	both=$(($(both_ticks) - both)) idle=$(($(idle_ticks) - idle))
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
	[ "$rate" != 100Mbit ] || awk -v c="$cpu" 'BEGIN { exit c > 3 }' || word+=,cpu
	read -ra load < <(awk -v b="$both" -v i="$idle" -v m="${figures[0]}" -v hz="$(getconf CLK_TCK)" \
		'BEGIN { s = b > 0 ? m * (b + i) / b : 1; printf "%.2f %.2f %.2f", b / hz / 12, i / hz / 12, s < 1 ? s : 1 }')
	# shellcheck disable=SC2059
	printf "$ROW" "$rate" "$n" "${figures[@]:0:6}" "$cpu" "${load[@]}" "$after" "$word"
	[ "$word" = ok ]
}

shape_accuracy() {
	local rate n jobs=0
	for n in $ROW_TRANSFERS; do
		random_files "$T/from/g$n" "$n" "$((${POOL_MIB:-4600} / n))"
		jobs=$((jobs + n))
		RATE[g$n]=closed
	done
	SPOKES=berlin
	# shellcheck disable=SC2046,SC2086 # words
	spoke_of berlin $(printf 'g%s ' $ROW_TRANSFERS)
	policies
	start berlin hub
	receiver_apart
	eventually 300 waiting "$jobs"
	# shellcheck disable=SC2059
	printf "$ROW" rate n mean 'low 10s' 'hi 10s' 'low 1s' 'hi 1s' 'hi .1s' 'cpu %' both idle bound after ''
	# shellcheck disable=SC2059
	printf "$ROW" bounds '' '' .98 1.02 .90 1.10 1.50 '3 *' '' '' '' 4096 '(or two quanta; * at 100 Mbit)'
	for rate in $ROW_RATES; do
		for n in $ROW_TRANSFERS; do
			# Two cores are not ours alone: a row that fails is repeated once.
			accuracy_row "$rate" "$n" || accuracy_row "$rate" "$n" || FAILED=1
		done
	done
}

# ---- a rate that changes, weights, idle time ------------------------------------------------------

# within NAME RATE FROM TO: judges a stretch of the record
within() {
	local figures
	read -ra figures < <("$METER" judge "$(bytes_of "$2")" "$3" "$4" <"$T/record")
	printf '%-34s mean %s, 1 s %s .. %s, 100 ms at most %s: %s\n' "$1" "${figures[0]}" \
		"${figures[3]}" "${figures[4]}" "${figures[5]}" "${figures[6]}"
	[ "${figures[6]}" = ok ] || FAILED=1
}

one_spoke() { # MIB: one file for berlin in group a
	random_files "$T/from/a" 1 "$1"
	RATE=([a]=closed)
	SPOKES=berlin
	spoke_of berlin a
	policies
	start berlin hub
	eventually 60 waiting 1
}

shape_change() {
	local rate edges=() ends=() i
	one_spoke 150
	record 26
	for rate in 16Mbit 1600kbit 16Mbit; do
		policies a "$rate"
		edges+=("$EDGE")
		ends+=("$ASKED")
		sleep 6
	done
	ends+=("$(now)")
	record_end
	i=0
	for rate in 16Mbit 1600kbit 16Mbit; do
		# Obeyed within a second: judged from there on, until the next one is asked for.
		within "$rate, from 1 s after the reload" "$rate" "$(plus "${edges[$i]}" 1)" "${ends[$((i + 1))]}"
		i=$((i + 1))
	done
}

shape_idle() {
	local t
	one_spoke 4
	policies a 8Mbit
	eventually 30 hubctl wait --timeout 20s
	sleep 10
	record 8
	random_files "$T/from/a" 2 20
	sleep 7.5
	t=$(now)
	record_end
	# From the first byte on, without a second's grace.
	t=$(awk 'NR == 1 { b = $2 } $2 > b + 8192 { print $1; exit }' "$T/record")
	within "8Mbit after ten idle seconds" 8Mbit "$t" "$(plus "$t" 3)"
}

# far NAME N: a namespace of its own for a spoke, on 10.78.N.0/24
far() {
	local n=$NET$1
	ip netns add "$n"
	FAR+=("$n")
	ip link add "${NET}o$2" netns "${NET}h" type veth peer name "$n" netns "$n"
	ip -n "${NET}h" addr add "10.78.$2.1/24" dev "${NET}o$2"
	ip -n "$n" addr add "10.78.$2.2/24" dev "$n"
	ip -n "${NET}h" link set "${NET}o$2" up
	ip -n "$n" link set lo up
	ip -n "$n" link set "$n" up
	PREFIX[$1]="ip netns exec $n"
	ADDR[$1]=10.78.$2.2
}
FAR=()
far_end() {
	local n
	for n in "${FAR[@]}"; do ip netns del "$n" 2>/dev/null || true; done
	FAR=()
}

shape_weights() {
	local name i=0 got total=0 pids=() w
	declare -A weight=([x]=1 [y]=2 [z]=8) bytes=()
	random_files "$T/from/a" 2 60
	RATE=([a]=unlimited)
	SPOKES=x,y,z
	for name in x y z; do
		far "$name" $((++i))
		spoke_of "$name" a
		SPOKE[$name]+=$'\n'"weight = ${weight[$name]}"
	done
	HUB_MORE='rate = 24Mbit'
	policies
	start x y z hub
	sleep 4
	for name in x y z; do
		ip netns exec "$NET$name" "$METER" record "$NET$name" 10 >"$T/record.$name" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for name in x y z; do
		bytes[$name]=$("$METER" count 0 1e12 <"$T/record.$name")
		total=$((total + bytes[$name]))
	done
	for name in x y z; do
		w=${weight[$name]}
		got=$(awk -v b="${bytes[$name]}" -v t="$total" -v w="$w" \
			'BEGIN { d = b / t / (w / 11) - 1; printf "%.4f", d < 0 ? -d : d }')
		judge "weight $w: off its share of $(awk -v t="$total" 'BEGIN { printf "%.2f", t / 1.25e6 }') Mbit by" "$got" 0.05
	done
	HUB_MORE=
	far_end
}

# ---- other tools ----------------------------------------------------------------------------------

PEER_ROW='%-22s %-9s  %7s  %7s %7s  %6s %6s  %6s  %5s\n'

# peer NAME KIB COMMAND...: 14 s of it at KIB KiB/s; figures only, no judgement.
peer() {
	local name=$1 kib=$2 pid figures t cpu
	shift 2
	record 14
	ip netns exec "${NET}h" "$@" >/dev/null 2>"$T/peer.err" &
	pid=$!
	sleep 1.5
	t=$(now)
	cpu=$(cpu_ns "$pid" 2>/dev/null || echo 0)
	record_end
	cpu=$(per_cent $(($(cpu_ns "$pid" 2>/dev/null || echo 0) - cpu)) 12.5)
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	read -ra figures < <("$METER" judge $((kib * 1024)) "$t" 1e12 <"$T/record")
	# shellcheck disable=SC2059
	printf "$PEER_ROW" "$name" "$((kib / 1024)) MiB/s" "${figures[@]:0:6}" "$cpu"
}

shape_peers() {
	local kib rsyncd='' served=''
	random_files "$T/from" 1 400
	mkdir "$T/to"
	# shellcheck disable=SC2059
	printf "$PEER_ROW" tool rate mean 'low 10s' 'hi 10s' 'low 1s' 'hi 1s' 'hi .1s' 'cpu %'
	if command -v rsync >/dev/null; then
		printf 'use chroot = no\nuid = 0\ngid = 0\n[m]\npath = %s\nread only = no\n' "$T/to" >"$T/rsyncd.conf"
		ip netns exec "${NET}s" rsync --daemon --no-detach --port=8730 --config="$T/rsyncd.conf" &
		rsyncd=$!
		eventually 10 ip netns exec "${NET}h" bash -c 'exec 3<>/dev/tcp/10.77.0.2/8730'
	else
		echo "rsync: not installed, skipped"
	fi
	if command -v rclone >/dev/null; then
		ip netns exec "${NET}s" rclone --config /dev/null serve webdav --addr 10.77.0.2:8731 "$T/to" 2>/dev/null &
		served=$!
		eventually 20 ip netns exec "${NET}h" bash -c 'exec 3<>/dev/tcp/10.77.0.2/8731'
	else
		echo "rclone: not installed, skipped; curl with it, which sends to its server"
	fi
	for kib in 1024 12288; do
		[ -z "$rsyncd" ] || peer "rsync --bwlimit" "$kib" rsync --bwlimit="$kib" --inplace -W \
			"$T/from/0.img" "rsync://10.77.0.2:8730/m/r$kib"
		if [ -n "$served" ]; then
			peer "rclone --bwlimit" "$kib" rclone --config /dev/null --bwlimit "${kib}Ki" \
				--webdav-url http://10.77.0.2:8731 copyto "$T/from/0.img" ":webdav:c$kib"
			if command -v curl >/dev/null; then
				peer "curl --limit-rate" "$kib" curl -sS --noproxy '*' --limit-rate "${kib}K" \
					-T "$T/from/0.img" "http://10.77.0.2:8731/u$kib"
			else
				echo "curl: not installed, skipped"
			fi
		fi
	done
	for kib in $rsyncd $served; do
		kill "$kib" 2>/dev/null || true
		wait "$kib" 2>/dev/null || true
	done
}

# ---- a long link ----------------------------------------------------------------------------------

shape_link() {
	local t figures
	command -v wirefilter >/dev/null || {
		echo "vde2: not installed, skipped"
		return 0
	}
	link_begin 50
	one_spoke 150
	policies a unlimited
	sleep 6 # slow start, and whatever was lost by it
	record 14 "${NET}s" "${NET}t"
	t=$(now)
	record_end
	read -ra figures < <("$METER" judge "$(awk -v b="$LINK_BYTES" 'BEGIN { print b * 1448 / 1514 }')" "$t" 1e12 <"$T/record")
	judge "left unused of 40 Mbit at 100 ms, one transfer" \
		"$(awk -v m="${figures[0]}" 'BEGIN { printf "%.3f", 1 - m }')" 0.10
	link_end
}
