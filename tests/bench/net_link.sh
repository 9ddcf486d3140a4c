#!/bin/bash
# LINKS (10) schedules of the weather on a link between two namespaces, from seed FROM (the time) on: delay,
# loss, packets that come twice, outages (faults.py). One after the other. What is held against each is
# what net.bash holds against every world.
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/bench/link.bash
. "$(dirname "$0")/link.bash"
# shellcheck source=tests/sys/net.bash
. "$BATS_TEST_DIRNAME/net.bash"
bench_world
world_end # the namespaces stay; each schedule has a world of its own
net_begin
bench_also() {
	link_end
	net_end
}

# In place of the proxy: the link, and a process that changes its weather.
# shellcheck disable=SC2034
LINK_BYTES=12000000
NET_KEPT=2 # the link is still there
net_place() {
	world_placed
	link_begin 5
}
net_link() { # SEED
	mkdir -p "$T/link"
	python3 "$BATS_TEST_DIRNAME/faults.py" weather "$1" "$T/wf.mgmt" "$T/link" 2>>"$T/link.err" &
	LINK=$!
}
net_follow() { :; }

FROM=${FROM:-$(date +%s)}
for ((i = 0; i < ${LINKS:-10}; i++)); do
	net_in_world "$((FROM + i))" || FAILED=1
	link_end
done
exit "$FAILED"
