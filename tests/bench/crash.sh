#!/bin/bash
# All durable steps of hub and spoke killed at, on the filesystem of BENCH_DIR and on XFS, whose blocks
# can be shared; then WANTED power cuts (100) of a spoke on ext4, of one on XFS and of a hub on XFS. SEED
# repeats the moments. JOBS: worlds at a time.
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/sys/crash.bash
. "$BATS_TEST_DIRNAME/crash.bash"
# shellcheck source=tests/sys/power.bash
. "$BATS_TEST_DIRNAME/power.bash"
skip() {
	echo "$*"
	exit 1
}

# shellcheck disable=SC2034
RANDOM=${SEED:=$((RANDOM))}
echo "seed $SEED"
JOBS=${JOBS:-$(($(nproc) * 2))}
FAILED=0

steps() { # FILESYSTEM
	crash_begin
	echo "killed at durable steps, $1:"
	crash_trace berlin
	crash_trace hub
	crash_all "${EVERY:-1}" "$JOBS" || FAILED=1
	crash_end
}

steps "$(stat -f -c %T "$TMPDIR")"
world
trap 'world_end' EXIT
mkdir "$T/xfs"
FS_SIZE=8G on xfs "$T/xfs"
(TMPDIR=$T/xfs && steps xfs && exit "$FAILED") || FAILED=1
BATS_TEST_COMPLETED=1
world_end
for what in "ext4 berlin" "xfs berlin" "xfs hub"; do
	world
	# shellcheck disable=SC2086
	power_world $what
	for ((round = 1; CUTS < ${WANTED:-100}; round++)); do power_round "$round" 5 >"$T/said" || {
		cat "$T/said"
		# shellcheck disable=SC2034
		BATS_TEST_COMPLETED=
		exit 1
	}; done
	echo "power cuts, $what: $CUTS, in $ACKED of them a part was acknowledged"
	world_end
done
exit "$FAILED"
