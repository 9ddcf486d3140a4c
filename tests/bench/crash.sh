#!/bin/bash
# All durable steps of hub and spoke killed at, on XFS, whose blocks can be shared, and on ext4; then
# WANTED power cuts (100) of a spoke on ext4 and on XFS, and of a hub on either. PARTS: some of
# "xfs ext4 power". The filesystems are files in BENCH_DIR; on a tmpfs (3 GB) they take a third of the
# time. SEED repeats the moments. JOBS: worlds at a time.
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

PARTS=${PARTS:-xfs ext4 power}
for fs in ${PARTS/power/}; do
	world
	trap 'world_end' EXIT
	mkdir "$T/$fs"
	FS_SIZE=3G on "$fs" "$T/$fs"
	(TMPDIR=$T/$fs && steps "$fs" && exit "$FAILED") || FAILED=1
	BATS_TEST_COMPLETED=1
	world_end
done
[[ " $PARTS " == *" power "* ]] || exit "$FAILED"
for what in "ext4 berlin" "xfs berlin" "xfs hub" "ext4 hub"; do
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
	# shellcheck disable=SC2034
	BATS_TEST_COMPLETED=1
	world_end
done
exit "$FAILED"
