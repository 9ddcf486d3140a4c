# `spokesync doctor` on real filesystems (loop devices, root only): what each can do is told as it
# is, at the hub, at a spoke and without a daemon; and nothing stays behind.
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

on() { # TYPE DIRECTORY
	command -v "mkfs.$1" >/dev/null || skip "no mkfs.$1"
	truncate -s 400M "$2.fs"
	"mkfs.$1" -q "$2.fs" >/dev/null 2>&1
	mount -o loop "$2.fs" "$2" || skip "no loop devices, or no $1"
	MOUNTED+=("$2")
}

# can ABILITY: what the answer in $answer says: true or false; null: it is not asked there.
can() {
	jq -r --arg a "$1" \
		'.groups[0].abilities | map(select(.ability == $a)) | if . == [] then null else .[0].there end' \
		<<<"$answer"
}

@test "doctor tells what XFS, btrfs and ext4 can do, at the hub and at a spoke" {
	spoke berlin
	on xfs "$T/src"
	on ext4 "$T/berlin"
	hub
	echo content >"$T/src/file"
	start berlin hub
	hubctl wait --timeout 60s
	find "$T/src" "$T/berlin" | sort >"$T/before"
	answer=$(hubctl doctor --json)
	[ "$(jq -r '.role + " " + .groups[0].filesystem' <<<"$answer")" = "hub xfs" ]
	[ "$(can reflink) $(can extents) $(can "direct I/O") $(can holes)" = "true true true null" ]
	answer=$(ctl berlin doctor --json)
	[ "$(jq -r '.role + " " + .groups[0].filesystem' <<<"$answer")" = "spoke ext4" ]
	[ "$(can reflink) $(can extents) $(can "direct I/O") $(can holes)" = "false null true true" ]
	find "$T/src" "$T/berlin" | sort | diff "$T/before" -
	ctl berlin doctor | grep -q 'NO   reflink'
	ctl berlin doctor | tr -s '\n ' ' ' | grep -q 'written whole beside the one it replaces'
	hubctl doctor | grep -q 'yes  extents'
	run hubctl doctor --group nothing
	[ "$status" -ne 0 ]

	# What an audit found is told as well.
	echo 'once it lied' >"$T/src/.spokesync/distrust-extents"
	stop hub
	start hub
	[ "$(hubctl doctor --json | jq '.groups[0].abilities[1].there')" = false ]
	hubctl doctor | grep -q 'once it lied'
}

@test "doctor works without a daemon, and says where it cannot look" {
	spoke berlin
	hub
	on btrfs "$T/src"
	answer=$("$SPOKESYNC" -c "$T/hub.ini" doctor --json)
	[ "$(can reflink) $(can extents) $(can "direct I/O")" = "true true true" ]
	[ "$(jq -r '.groups[0].filesystem' <<<"$answer")" = btrfs ]
	[ -z "$(ls -A "$T/src")" ]
	sed -i "s|^path = .*|path = $T/absent|" "$T/hub.ini"
	run "$SPOKESYNC" -c "$T/hub.ini" doctor
	[ "$status" -eq 1 ]
	grep -q 'No such file' <<<"$output"
}

# The kernel's digest is the root that is replicated.
@test "doctor finds fs-verity where it was switched on" {
	spoke berlin
	hub
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4"
	truncate -s 400M "$T/src.fs"
	mkfs.ext4 -q -O verity "$T/src.fs"
	mount -o loop "$T/src.fs" "$T/src" || skip "no loop devices, or no verity in this kernel"
	MOUNTED+=("$T/src")
	echo x >"$T/src/probe"
	answer=$("$SPOKESYNC" -c "$T/hub.ini" doctor --json)
	if fsverity enable "$T/src/probe" 2>/dev/null; then
		[ "$(can fs-verity)" = true ]
	else
		[ "$(can fs-verity)" = false ]
	fi
}
