# lib.bash: a small world for the end-to-end tests: one hub (and spokes) on loopback, each a real
# process with a key of its own, in a directory that goes away. Each test makes its own.
#
#   world            $T, its directories, no process yet
#   spoke NAME [LINE...]   configuration, key, port; the lines go into the spoke's [daemon] section
#   hub              writes the hub's configuration from $POLICY, $GROUP, $HUB and the spokes
#   start NAME       starts a daemon (behind ${PREFIX[NAME]}, as `ip netns exec` in tests/bench) and waits until it answers
#   hubctl / ctl     the command line on the hub's / a named daemon's socket
#
# Nothing sleeps for a guessed time: `eventually SECONDS COMMAND` looks again until it is true.
# Daemons are ended by their ids.

export LC_ALL=C.UTF-8 TZ=UTC
BUILD=${SPOKESYNC_BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
SPOKESYNCD=$BUILD/spokesyncd
SPOKESYNC=$BUILD/spokesync
NOBODY=sha256:0000000000000000000000000000000000000000000000000000000000000000
PATH=$PATH:/usr/sbin:/sbin

world() {
	# Short: a Unix socket's path has 107 bytes at most.
	T=$(mktemp -d "${TMPDIR:-/tmp}/ss.XXXXXX")
	declare -gA PID=() PORT=() KEY=() SPOKE=() ADDR=() PREFIX=()
	MOUNTED=()
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 unlimited'
	GROUP=
	HUB=
	mkdir "$T/src"
}

# In teardown: ends what runs, by id, and shows what the daemons said where the test failed.
world_end() {
	local name at
	[ -n "${T-}" ] || return 0 # skipped before there was any
	for name in "${!PID[@]}"; do stop "$name"; done
	for at in "${MOUNTED[@]}"; do umount "$at" || umount -l "$at"; done
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		for name in "$T"/*.err; do
			[ -s "$name" ] && echo "--- ${name##*/}" && tail -n 25 "$name"
		done
	fi
	rm -rf "$T"
}

free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		grep -q "$(printf ':%04X 0' "$p")" /proc/net/tcp /proc/net/tcp6 2>/dev/null || break
	done
	echo "$p"
}

# hub_key: the hub's public key; made with a configuration that is good for nothing else.
hub_key() {
	if [ -z "${KEY[hub]-}" ]; then
		mkdir -p "$T/hub.state"
		printf '[daemon]\nrole = hub\nstate_dir = %s\ncontrol = %s\nkey = %s\njob_log = %s\n' \
			"$T/hub.state" "$T/hub.sock" "$T/hub.key" "$T/hub.jsonl" >"$T/key.ini"
		KEY[hub]=$("$SPOKESYNCD" -c "$T/key.ini" --print-key)
	fi
}

# spoke NAME [LINE...]: lines with "=" after "group:" go into the group's section.
spoke() {
	local name=$1 line daemon='' group=''
	shift
	for line; do
		case $line in
		group:*) group+=${line#group:}$'\n' ;;
		*) daemon+=$line$'\n' ;;
		esac
	done
	hub_key
	: "${PORT[$name]:=$(free_port)}"
	mkdir -p "$T/$name" "$T/$name.state"
	cat >"$T/$name.ini" <<-INI
		[daemon]
		role = spoke
		listen = ${ADDR[$name]-127.0.0.1}:${PORT[$name]}
		state_dir = $T/$name.state
		control = $T/$name.sock
		job_log = $T/$name.jsonl
		key = $T/$name.key
		hub_key = ${KEY[hub]}
		$daemon
		[group g]
		path = $T/$name
		$group
	INI
	KEY[$name]=$("$SPOKESYNCD" -c "$T/$name.ini" --print-key)
	: "${SPOKE[$name]=}"
}

# hub: writes hub.ini. $HUB: more lines of [daemon]; $POLICY: the policy's; $GROUP: the group's;
# ${SPOKE[name]}: a spoke's; $MORE: whole sections. $SETTLE, $RETRY: settle and retry_min.
hub() {
	local s names
	hub_key
	names=$(printf '%s\n' "${!SPOKE[@]}" | sort | paste -sd,)
	cat >"$T/hub.ini" <<-INI
		[daemon]
		role = hub
		state_dir = $T/hub.state
		control = $T/hub.sock
		job_log = $T/hub.jsonl
		key = $T/hub.key
		retry_min = ${RETRY-1s}
		retry_max = 2s
		start_jitter = 0s
		$HUB

		[policy p]
		$POLICY

		[group g]
		path = $T/src
		spokes = $names
		policy = p
		settle = ${SETTLE-1s}
		$GROUP
		${MORE-}
	INI
	for s in "${!SPOKE[@]}"; do
		cat >>"$T/hub.ini" <<-INI

			[spoke $s]
			url = https://${ADDR[$s]-127.0.0.1}:${PORT[$s]}
			key = ${KEY[$s]}
			${SPOKE[$s]}
		INI
	done
}

# A hub that is named with its spokes comes when these listen: who finds nobody asks again later, and
# how much later is another test's question.
start() { # NAME...
	local name spokes=()
	for name; do [ "$name" = hub ] || spokes+=("$name"); done
	launch "${spokes[@]}"
	[ ${#spokes[@]} -eq $# ] || launch hub
}

launch() { # NAME...
	local name
	for name; do
		# shellcheck disable=SC2086
		${PREFIX[$name]-} "$SPOKESYNCD" -c "$T/$name.ini" >>"$T/$name.err" 2>&1 3>&- 4>&- &
		PID[$name]=$!
	done
	for name; do eventually 20 answers "$name"; done
}

answers() {
	kill -0 "${PID[$1]}" && ctl "$1" status
}

stop() { # NAME [SIGNAL]: ends it and waits for its end
	local pid=${PID[$1]-}
	[ -n "$pid" ] || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	if [ "${2:-TERM}" = TERM ]; then
		eventually 15 gone "$pid" || kill -KILL "$pid" || true
	fi
	wait "$pid" 2>/dev/null || true
	unset "PID[$1]"
}

gone() { # PID: also one that nobody has waited for. Asked 25 times a second: it starts nothing.
	local state
	! { read -r state <"/proc/$1/stat"; } 2>/dev/null || [[ $state == *") Z "* ]]
}

ctl() { # NAME ARGUMENT...
	local name=$1
	shift
	"$SPOKESYNC" -S "$T/$name.sock" "$@"
}
hubctl() { ctl hub "$@"; }

# eventually SECONDS COMMAND...: until it succeeds. Its output is shown only where it never did.
eventually() {
	local end=$((SECONDS + $1)) out
	shift
	while :; do
		out=$("$@" 2>&1) && return 0
		[ "$SECONDS" -lt "$end" ] || break
		sleep 0.1 # some of what is looked for does not last
	done
	echo "never became true: $*"
	echo "$out"
	return 1
}

# memory_of NAME: kilobytes of memory of that daemon
memory_of() { awk '/^VmRSS/ { print $2 }' "/proc/${PID[$1]}/status"; }
# frugal NAME KILOBYTES: not more than that, where freed memory is given back (ASan keeps it)
frugal() {
	local kb
	kb=$(memory_of "$1")
	echo "resident: $kb kB of $2"
	[ "$kb" -lt "$2" ] || grep -qa __asan_init "$SPOKESYNCD"
}

# ---- filesystems ----------------------------------------------------------------------------------

# on TYPE DIRECTORY...: a filesystem of its own at each, on a loop device, of ${FS_SIZE-1G}; $MKFS:
# options of mkfs. Skips the test where the machine does not let us.
on() {
	local at type=$1
	shift
	[ "$(id -u)" -eq 0 ] || skip "needs root, for loop devices"
	command -v "mkfs.$type" >/dev/null || skip "no mkfs.$type"
	for at; do
		truncate -s "${FS_SIZE-1G}" "$at.fs"
		# shellcheck disable=SC2086
		"mkfs.$type" -q ${MKFS-} "$at.fs" >/dev/null 2>&1
		mount -o loop "$at.fs" "$at" || skip "no loop devices, or no $type"
		MOUNTED+=("$at")
	done
}

# ---- files ----------------------------------------------------------------------------------------

# random FILE MIB: incompressible. Put under its name whole, as an image store does.
random() {
	head -c "$(($2 << 20))" /dev/urandom >"$T/new"
	mv "$T/new" "$1"
}

# edit FILE N: N scattered blocks of 4 KiB get new bytes.
edit() {
	local i blocks
	blocks=$(($(stat -c %s "$1") / 4096))
	for ((i = 0; i < $2; i++)); do
		dd if=/dev/urandom of="$1" bs=4096 count=1 seek=$((i * blocks / $2)) conv=notrunc status=none
	done
}

same() { cmp "$T/src/$2" "$T/$1/$2"; } # SPOKE PATH

# published SPOKE: the names a reader sees below the spoke's directory.
published() {
	(cd "$T/$1" && find . -name .spokesync -prune -o -type f -printf '%P\n' | sort)
}

# ---- what the daemons say -------------------------------------------------------------------------

# summary PATH SPOKE FIELD: of the newest run.
summary() {
	jq -rs --arg p "$1" --arg s "$2" --arg f "$3" \
		'[.[] | select(.event == "summary" and .path == $p and .spoke == $s)] | last | .[$f]' \
		"$T/hub.jsonl"
}

# job PATH SPOKE FIELD: of the newest job.
job() {
	hubctl jobs --all --json | jq -r --arg p "$1" --arg s "$2" --arg f "$3" \
		'[.jobs[] | select(.path == $p and .spoke == $s)] | last | .[$f]'
}

# is VALUE COMMAND...: its output is VALUE.
is() {
	local want=$1 got
	shift
	got=$("$@") || return
	[ "$got" = "$want" ] || {
		echo "$*: $got, not $want"
		return 1
	}
}
