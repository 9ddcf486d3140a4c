# lib.bash: what the benchmarks share: the world of tests/sys/lib.bash with hub and spoke in network
# namespaces of their own, and a count of what crossed the wire between them.
#
# Wire bytes are TCP stream bytes: the interface counters of the spoke's namespace in both directions
# less 66 bytes a packet (Ethernet 14, IPv4 20, TCP 32 with timestamps).
#
# SPOKESYNC_BUILD: the build directory. BENCH_DIR: where the data goes (default /var/tmp).
set -eu
export LC_ALL=C.UTF-8 TZ=UTC
BATS_TEST_DIRNAME=$(cd "$(dirname "${BASH_SOURCE[0]}")/../sys" && pwd)
BATS_TEST_COMPLETED=
TMPDIR=${BENCH_DIR:-/var/tmp}
export TMPDIR
# shellcheck source=tests/sys/lib.bash
. "$BATS_TEST_DIRNAME/lib.bash"

NET=ss$$ # the namespaces are ${NET}h and ${NET}s

bench_world() {
	[ "$(id -u)" -eq 0 ] || {
		echo "needs root, for network namespaces" >&2
		exit 1
	}
	world
	trap bench_end EXIT
	trap 'exit 130' INT TERM
	for n in h s; do
		ip netns add "$NET$n"
		ip netns exec "$NET$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 || true
	done
	ip link add "${NET}h" netns "${NET}h" type veth peer name "${NET}s" netns "${NET}s"
	ip -n "${NET}h" addr add 10.77.0.1/24 dev "${NET}h"
	ip -n "${NET}s" addr add 10.77.0.2/24 dev "${NET}s"
	for n in h s; do
		ip -n "$NET$n" link set lo up
		ip -n "$NET$n" link set "$NET$n" up
	done
	world_placed
}

world_placed() {
	PREFIX[hub]="ip netns exec ${NET}h"
	PREFIX[berlin]="ip netns exec ${NET}s"
	ADDR[berlin]=10.77.0.2
}

# world_anew: new files and daemons, the same namespaces.
world_anew() {
	local name
	for name in "${!PID[@]}"; do stop "$name"; done
	rm -rf "$T"
	unset GROUP HUB MORE
	world
	world_placed
}

bench_end() {
	local rc=$?
	[ "$rc" -ne 0 ] || BATS_TEST_COMPLETED=1
	world_end
	if declare -F bench_also >/dev/null; then bench_also; fi # what a benchmark made beside
	ip netns del "${NET}h" 2>/dev/null || true
	ip netns del "${NET}s" 2>/dev/null || true
	exit "$rc"
}

# wire: TCP stream bytes so far, as the spoke's interface counts them.
wire() {
	ip netns exec "${NET}s" awk -v "dev=${NET}s:" \
		'$1 == dev { printf "%.0f\n", $2 + $10 - 66 * ($3 + $11) }' /proc/net/dev
}

mb() { awk -v n="$1" 'BEGIN { printf "%.2f MB", n / 1e6 }'; }

# judge WHAT VALUE LIMIT UNIT: a line, and the exit status of the whole.
FAILED=0
judge() {
	local word=ok
	awk -v v="$2" -v l="$3" 'BEGIN { exit !(v <= l) }' || {
		word=FAIL
		FAILED=1
	}
	printf '%-4s  %-58s %12s  (at most %s%s)\n' "$word" "$1" "$2" "$3" "${4:+ $4}"
}
