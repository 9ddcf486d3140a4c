# An image that holds the differences from another one, under a new name: that one is its base, also
# where no block of the one is a block of the other.
load lib

setup() { world; }
teardown() { world_end; }

# A qcow2 header with a backing file: version 2, the name's place and length.
backed_by() { # NAME
	printf 'QFI\373\0\0\0\2\0\0\0\0\0\0\0\100\0\0\0%b' "\\0$(printf '%o' ${#1})"
	head -c 44 /dev/zero
	printf '%s' "$1"
}

@test "a qcow2 with a backing file is built on that, wherever its bytes lie in it" {
	spoke berlin
	hub
	mkdir "$T/src/d"
	random "$T/src/d/base.qcow2" 8
	start berlin hub
	hubctl wait --timeout 60s
	{
		backed_by base.qcow2
		head -c 6000000 "$T/src/d/base.qcow2" | tail -c 5000003
	} >"$T/new"
	mv "$T/new" "$T/src/d/child.qcow2"
	hubctl wait --timeout 60s
	same berlin d/child.qcow2
	[ "$(summary d/child.qcow2 berlin bases)" -eq 1 ]
	[ "$(summary d/child.qcow2 berlin wire)" -lt 100000 ]
}
