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

# opens DIRECTORY: says each time that something in it is opened, or it itself
opens() {
	python3 - "$1" >"$T/opened" 2>&1 3>&- 4>&- <<-'PY' &
		import ctypes, os, struct, sys
		libc = ctypes.CDLL(None)
		fd = libc.inotify_init1(0)
		libc.inotify_add_watch(fd, sys.argv[1].encode(), 0x20)  # IN_OPEN
		print("ready", flush=True)
		while True:
		    print("opened", os.read(fd, 4096)[16:], flush=True)
	PY
	OPENS=$!
	eventually 20 grep -q ready "$T/opened"
}

# Seen to catch: a parent that is opened by the name that the image gives.
@test "a parent outside of the group is not looked for, whatever an image says" {
	spoke berlin
	hub
	mkdir "$T/src/d" "$T/outside"
	random "$T/outside/base.qcow2" 1
	ln -s "$T/outside" "$T/src/out"
	start berlin hub
	opens "$T/outside"
	n=0
	for parent in "$T/outside/base.qcow2" ../../outside/base.qcow2 ../out/base.qcow2 "file:$T/outside/base.qcow2" \
		"json:{\"file.filename\":\"$T/outside/base.qcow2\"}"; do
		for ext in qcow2 img; do
			{
				backed_by "$parent"
				head -c 300000 /dev/urandom
			} >"$T/new"
			mv "$T/new" "$T/src/d/$((n += 1)).$ext"
		done
	done
	hubctl wait --timeout 60s
	kill "$OPENS"
	wait "$OPENS" || true
	for ((i = 1; i <= n; i += 2)); do
		same berlin "d/$i.qcow2"
		[ "$(summary "d/$i.qcow2" berlin bases)" -eq 0 ]
	done
	cat "$T/opened"
	[ "$(cat "$T/opened")" = ready ]
}
