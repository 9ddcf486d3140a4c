#!/bin/bash
# A demo store of image chains goes to three spokes, in N publications; daemons are killed, windows are
# closed and sets are deleted at random meanwhile. At no moment does a reader of any spoke, who looks
# all the time, see half a set (tests/sys/sets_watch.py). MODE=spoke|everywhere; SEED repeats a run.
. "$(dirname "$0")/lib.bash"
. "$(dirname "$0")/../sys/sets.bash"
world
trap bench_end EXIT
trap "exit 130" INT TERM

N=${N:-100}
RANDOM=${SEED:=$((RANDOM))}
echo "seed $SEED, publish = ${MODE:=everywhere}"
# shellcheck disable=SC2034 # of the library
SETTLE=300ms RETRY=100ms GROUP=$'publish = '$MODE$'\nquorum_wait = 1m'
for s in berlin paris rome; do spoke $s; done
hub
start berlin paris rome hub
set +e # it goes on whatever a daemon that was killed could not answer
torture "$N" berlin paris rome >"$T/said" 2>&1
set -e
grep -v Killed "$T/said"
if grep -q 'half a set' "$T/said"; then # how it came about, only these say
	kept=$(mktemp -d "${TMPDIR:-/var/tmp}/half-a-set.XXXXXX")
	cp "$T"/*.err "$T"/*.jsonl "$T/said" "$kept"
	echo "logs: $kept"
fi
judge "half sets seen" "$(grep -c 'half a set' "$T/said" || true)" 0
judge "readers who looked less than a thousand times" \
	"$(sed -n 's/.*: looks \([0-9]*\).*/\1/p' "$T/said" | awk '$1 < 1000' | wc -l)" 0
judge "anything else amiss" "$(grep -cE 'amiss|Traceback|^[<>]' "$T/said" || true)" 0
exit "$FAILED"
