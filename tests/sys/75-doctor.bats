# `spokesync doctor` on real filesystems (loop devices, root only): what each can do is told as it
# is, at the hub, at a spoke and without a daemon; and nothing stays behind.
load lib

setup() {
	world
	FS_SIZE=400M
}
teardown() { world_end; }

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
	MKFS="-O verity" on ext4 "$T/src"
	echo x >"$T/src/probe"
	answer=$("$SPOKESYNC" -c "$T/hub.ini" doctor --json)
	if fsverity enable "$T/src/probe" 2>/dev/null; then
		[ "$(can fs-verity)" = true ]
	else
		[ "$(can fs-verity)" = false ]
	fi
}
