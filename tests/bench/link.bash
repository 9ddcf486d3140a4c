# link.bash: for shape.sh and net.sh: a slow link between the two namespaces, by vde2: $LINK_BYTES a
# second, a delay each way, and on its management socket, $T/wf.mgmt, whatever else wirefilter can do to it.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.bash's maps
LINK_BYTES=5000000 # a second, of whole packets
LINK_PIDS=()

# link_begin DELAY: milliseconds each way between two switches; taps in the namespaces.
link_begin() {
	local n
	for n in h s; do
		vde_switch -s "$T/switch.$n" -M "$T/mgmt.$n" </dev/null >/dev/null 2>&1 -d -p "$T/switch.$n.pid"
		ip netns exec "$NET$n" vde_plug2tap -s "$T/switch.$n" "${NET}t" >/dev/null 2>&1 &
		LINK_PIDS+=($!)
	done
	wirefilter -v "$T/switch.h:$T/switch.s" -d "$1" -b "$LINK_BYTES" -c 1000000 -M "$T/wf.mgmt" \
		--daemon --pidfile "$T/wf.pid" </dev/null >/dev/null 2>&1
	eventually 5 test -s "$T/wf.pid"
	LINK_PIDS+=("$(cat "$T/wf.pid")")
	for n in h s; do
		eventually 5 ip -n "$NET$n" link set "${NET}t" up
		LINK_PIDS+=("$(cat "$T/switch.$n.pid")")
	done
	ip -n "${NET}h" addr add 10.79.0.1/24 dev "${NET}t"
	ip -n "${NET}s" addr add 10.79.0.2/24 dev "${NET}t"
	ADDR[berlin]=10.79.0.2
}
link_end() {
	local p
	for p in "${LINK_PIDS[@]}"; do
		kill "$p" 2>/dev/null || true
		wait "$p" 2>/dev/null || true
	done
	LINK_PIDS=()
}
