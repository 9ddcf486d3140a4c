#!/bin/bash
# SCHEDULES (200) schedules of a link that fails, from seed FROM (the time) on, JOBS worlds at a time; then,
# where root, namespaces and vde2 are there, LINKS (10) more over a link with delay, loss, packets that
# come twice, and outages in which every packet is lost. A seed that fails is printed, and replays.
BATS_TEST_DIRNAME=$(cd "$(dirname "$0")/../sys" && pwd)
# shellcheck source=tests/sys/lib.bash
. "$BATS_TEST_DIRNAME/lib.bash"
# shellcheck source=tests/sys/net.bash
. "$BATS_TEST_DIRNAME/net.bash"

FROM=${FROM:-$(date +%s)}
JOBS=${JOBS:-$(($(nproc) * 2))}
TMPDIR=${BENCH_DIR:-/var/tmp}
export TMPDIR FROM
net_begin
trap net_end EXIT
trap 'exit 130' INT TERM
net_all "$FROM" "${SCHEDULES:-200}" "$JOBS"
failed=$?
if [ "${LINKS:-10}" -gt 0 ] && { [ "$(id -u)" -ne 0 ] || ! command -v wirefilter >/dev/null; }; then
	echo "links with delay and loss: not tried, that needs root and vde2"
elif [ "${LINKS:-10}" -gt 0 ]; then
	"$(dirname "$0")/net_link.sh" || failed=1
fi
exit "$failed"
