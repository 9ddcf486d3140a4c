# Hub and spoke on filesystems that share blocks: XFS and btrfs on loop devices (root only).
load lib

setup() {
	[ "$(id -u)" -eq 0 ] || skip "needs root, for loop devices"
	world
	MOUNTED=()
}
teardown() {
	local at name
	[ -n "${T-}" ] || return 0
	for name in "${!PID[@]}"; do stop "$name"; done
	for at in "${MOUNTED[@]}"; do umount "$at"; done
	world_end
}

# on TYPE DIRECTORY...: a filesystem of its own below each
on() {
	local at type=$1
	shift
	command -v "mkfs.$type" >/dev/null || skip "no mkfs.$type"
	for at; do
		truncate -s 1G "$at.fs"
		"mkfs.$type" -q "$at.fs" >/dev/null 2>&1
		mount -o loop "$at.fs" "$at" || skip "no loop devices, or no $type"
		MOUNTED+=("$at")
	done
}

# The last block of the base is not a whole one: it cannot be shared into a longer file.
odd_ends() {
	spoke berlin
	on "$1" "$T/src" "$T/berlin"
	hub
	head -c 3000001 /dev/urandom >"$T/src/longer"
	head -c 3000001 /dev/urandom >"$T/src/shorter"
	start berlin hub
	hubctl wait --timeout 60s
	echo more >>"$T/src/longer"
	truncate -s 1999999 "$T/src/shorter"
	hubctl wait --timeout 30s
	same berlin longer
	same berlin shorter
	[ "$(summary longer berlin literal)" -lt 10000 ]
	hubctl groups | grep -q reflink
	! grep refused "$T/berlin.err"
}

@test "files with odd ends grow and shrink on XFS" {
	odd_ends xfs
}

@test "files with odd ends grow and shrink on btrfs" {
	odd_ends btrfs
}

# The old bytes stay at the hub while a spoke has them: what moves on by a byte within a file, under
# the same name, costs next to nothing, also after a restart; then they go.
@test "a new content under the same name is compared with the old bytes on XFS" {
	spoke berlin
	on xfs "$T/src" "$T/berlin"
	hub
	head -c 20000000 /dev/urandom >"$T/image"
	cp "$T/image" "$T/src/image"
	start berlin hub
	hubctl wait --timeout 60s
	stop berlin
	{ head -c 5000000 "$T/image"; printf 'put in'; tail -c +5000001 "$T/image"; } >"$T/src/image"
	eventually 20 two_generations
	stop hub
	start hub
	two_generations
	start berlin
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin wire)" -lt 100000 ]
}
two_generations() {
	[ "$(ls "$T/src/.spokesync/gen" | grep -c '^[0-9]*$')" -eq 2 ]
}
