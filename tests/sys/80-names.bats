# Names: odd ones, and a name that was a file and becomes a directory, and the other way round.
load lib

setup() { world; }
teardown() { world_end; }

@test "names with spaces, quotes, UTF-8 and 255 bytes; deep directories" {
	spoke berlin
	hub
	local long deep=$T/src i
	long=$(printf 'n%.0s' {1..255})
	for ((i = 0; i < 60; i++)); do deep+=/directory$i; done
	mkdir -p "$deep" "$T/src/a b"
	for name in "a b/ü ñ.txt" "quote'\"\\x" -dash "%41%2f" "a?b&c=d#e" "$long"; do
		echo "$name" >"$T/src/$name"
	done
	echo deep >"$deep/f"
	printf x >"$T/src/$(printf 'bad\xff')" # not UTF-8: skipped
	start berlin hub
	hubctl wait --timeout 60s
	rm "$T/src/$(printf 'bad\xff')"
	diff -r --exclude=.spokesync "$T/src" "$T/berlin"
}

@test "a file becomes a directory, and a directory a file" {
	spoke berlin
	hub
	mkdir -p "$T/src/dir/below/deeper"
	echo 1 >"$T/src/dir/one"
	echo 2 >"$T/src/dir/below/deeper/two"
	echo 3 >"$T/src/file"
	start berlin hub
	hubctl wait --timeout 60s
	rm -r "$T/src/dir" "$T/src/file"
	mkdir "$T/src/file"
	echo "was a directory" >"$T/src/dir"
	echo "was a file" >"$T/src/file/inside"
	eventually 30 diff -r --exclude=.spokesync "$T/src" "$T/berlin"
	hubctl wait --timeout 60s
	[ "$(find "$T/berlin/.spokesync/preserved" -type f | wc -l)" -eq 3 ]
}
