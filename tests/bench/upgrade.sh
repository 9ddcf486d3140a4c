#!/bin/bash
# A hub of this tree beside a spoke of an older commit, and the other way round: each COMMIT is built from
# git history (default: the last one in which the protocol had another version).
#
#   upgrade.sh [COMMIT]...
. "$(dirname "$0")/lib.bash"
# shellcheck source=tests/sys/upgrade.bash
. "$BATS_TEST_DIRNAME/upgrade.bash"

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
[ $# -gt 0 ] || {
	now=$(git -C "$top" log -n 1 --format=%h -G'define WIRE_VERSION' -- transfer/wire.h)
	set -- "$now^"
}
builds=$(mktemp -d "$TMPDIR/upgrade.XXXXXX")
end() {
	local rc=$?
	[ "$rc" -ne 0 ] || BATS_TEST_COMPLETED=1
	world_end
	rm -rf "$builds"
	exit "$rc"
}
trap end EXIT
trap 'exit 130' INT TERM

for commit; do
	at=$builds/$(git -C "$top" rev-parse --short "$commit^{commit}")
	mkdir "$at"
	git -C "$top" archive "$commit" | tar -x -C "$at"
	(cd "$at" && autoreconf -fi && ./configure -q && make -s -j"$(nproc)" spokesyncd) >"$at.log" 2>&1 || {
		tail -n 20 "$at.log"
		exit 1
	}
	for side in berlin hub; do
		world
		upgrade "$side" "$at/spokesyncd"
		echo "ok    $side of $(git -C "$top" log -n 1 --format='%h %cs' "$commit"), then of this tree:" \
			"$(jq -s '[.[] | select(.event == "summary" and .path == "two.img") | .wire] | add' \
				"$T/hub.jsonl") bytes for 8 MiB with a restart in the middle"
		BATS_TEST_COMPLETED=1
		world_end
		# shellcheck disable=SC2034 # world_end reads it
		BATS_TEST_COMPLETED=
	done
done
