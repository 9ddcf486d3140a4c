# `spokesync inspect`: what is told of a file of a group, and what is said not to be known.
load lib

setup() { world; }
teardown() { world_end; }

look() { hubctl inspect "$1" --json; }
is_in() { jq -e "$2" <<<"$1" >/dev/null || { jq . <<<"$1" && return 1; }; } # JSON FILTER

@test "format, chain, root, and who has the blocks; and what cannot be said" {
	spoke berlin
	hub
	mkdir "$T/src/d"
	random "$T/raw" 8
	qemu-img convert -f raw -O qcow2 "$T/raw" "$T/src/d/base.qcow2"
	(cd "$T/src/d" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 child.qcow2 &&
		qemu-img create -q -f qcow2 -u -b gone.qcow2 -F qcow2 orphan.qcow2 8M)
	# A parent that lies elsewhere in the group; and a name that two there have.
	qemu-img create -q -f qcow2 -u -b base.qcow2 -F qcow2 "$T/src/far.qcow2" 8M
	mkdir "$T/src/e" && echo one >"$T/src/d/two.raw" && echo two >"$T/src/e/two.raw"
	qemu-img create -q -f qcow2 -u -b two.raw -F raw "$T/src/unsure.qcow2" 8M
	qemu-img convert -f raw -O vhdx -o subformat=dynamic,block_size=1M "$T/raw" "$T/src/a.vhdx"
	cp "$T/raw" "$T/src/d/copy.raw"
	echo text >"$T/src/busy.vhd"
	echo >"$T/src/busy.lok"
	start berlin hub
	eventually 30 same berlin a.vhdx
	eventually 10 same berlin d/copy.raw
	eventually 10 same berlin d/child.qcow2
	eventually 10 same berlin d/base.qcow2
	answer=$(look a.vhdx)
	is_in "$answer" '.format == "vhdx" and .kind == "dynamic" and .virtual_size == 8388608 and
		.block_size == 1048576 and .clean and .fault == null and .in_use == null and .parent == null'
	[ "$(jq -r .root <<<"$answer")" = "$(fsverity digest --compact "$T/src/a.vhdx")" ]
	is_in "$answer" '[.shares[] | select(.path == "d/copy.raw" or .path == "d/base.qcow2") |
		.percent >= 95] == [true, true]'
	# From within the group, by an absolute path, and by its path there.
	answer=$(cd "$T/src/d" && look ./child.qcow2)
	[ "$answer" = "$(look "$T/src/d/child.qcow2")" ]
	is_in "$answer" '.kind == "overlay" and .parent == "base.qcow2" and (.chain | length) == 2 and
		.chain[1].path == "d/base.qcow2" and .chain[1].present and .chain[1].exact == null'
	is_in "$answer" '.notes | any(contains("cannot be said: its headers do not tell"))'
	is_in "$(look d/orphan.qcow2)" '.chain[1].present == false and
		(.notes | any(contains("gone.qcow2, which is not in this group")))'
	is_in "$(look far.qcow2)" '.chain[1].path == "d/base.qcow2" and .chain[1].present'
	is_in "$(look unsure.qcow2)" '.chain[1].path == "two.raw" and .chain[1].present == false'
	is_in "$(look busy.vhd)" '.in_use == "lock" and .root == null and .clean == null and
		(.notes | any(contains("busy.lok"))) and (.notes | any(contains("make no sense as vhd"))) and
		(.notes | any(contains("its root, and where else its blocks are, cannot be said")))'
	is_in "$(look d/copy.raw)" '.format == "raw" and .known == false and .virtual_size == null and
		(.notes | any(contains("not looked at")))'
	# For people.
	hubctl inspect d/child.qcow2 >"$T/text"
grep -Eq '^  format +qcow2, overlay, disk of 8 MiB, blocks of 64 KiB$' "$T/text"
	grep -Eq '^d/base.qcow2 +dynamic +8 MiB +yes +- +[0-9a-f]{16}$' "$T/text"
	hubctl inspect a.vhdx | grep -Eq '^ +(9[5-9]|100) % +d/copy.raw +[0-9a-f]{16}$'
	# Nothing outside of groups, nothing of the daemon's own, no links.
	ln -s /etc/passwd "$T/src/link"
	refused() { # FILE STATUS TEXT
		local status=0
		hubctl inspect "$1" >"$T/text" 2>&1 || status=$?
		[ "$status" = "$2" ] && grep -qF "$3" "$T/text" || { cat "$T/text" && return 1; }
	}
	refused /etc/passwd 1 "lies in no group"
	refused d/../../hub.key 2 "path"
	refused .spokesync/gen/1 2 "path"
	refused link 1 "cannot be read"
	refused d 1 "not a regular file"
	refused nothing.vhdx 1 "No such file"
}
