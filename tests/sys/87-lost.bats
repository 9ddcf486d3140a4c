# What a daemon keeps is lost, or is that of yesterday: it finds out, says so, and asks; no image is
# sent again.
#
# Seen to catch, each as the program was before: a database of yesterday kept its epoch, and a file
# that was gone meanwhile stayed away for ever; staging that was deleted was published again and again,
# ENOENT each time; a short index, at a spoke or at the hub, had the image sent whole; of a lost pin
# the base was not believed any more, hashed six times and then sent whole; an index that was cut off
# while it was mapped ended the hub by SIGBUS.
load lib

setup() { world; }
teardown() { world_end; }

# sent: image bytes in all runs so far.
sent() { jq -s '[.[] | select(.event == "summary") | .literal] | add // 0' "$T/hub.jsonl"; }

# Two images, in sync.
two_images() {
	spoke berlin
	hub
	random "$T/src/one.img" 8
	random "$T/src/two.img" 8
	start berlin hub
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin two.img
}

# A changed copy in place of the first image, with N blocks anew.
change() { # N
	cp "$T/src/one.img" "$T/new"
	edit "$T/new" "$1"
	mv "$T/new" "$T/src/one.img"
}

@test "a hub's state of yesterday: what came since is known again, and not sent again" {
	two_images
	stop hub
	cp -a "$T/hub.state" "$T/yesterday"
	start hub
	change 100
	random "$T/src/three.img" 4
	hubctl wait --timeout 60s
	stop hub
	rm -rf "$T/hub.state"
	mv "$T/yesterday" "$T/hub.state"
	before=$(sent)
	start hub
	hubctl wait --timeout 60s
	[ "$(sent)" -eq "$before" ]
	for f in one.img two.img three.img; do same berlin $f; done
	# and what comes now goes over as it always did
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
}

# Catches: a hub that takes what the spokes hold for nothing, or for theirs, when it knows nothing itself.
@test "all of a hub's state is deleted: its files are read again, and nothing is sent but what is new" {
	two_images
	before=$(sent)
	stop hub
	rm -rf "$T/hub.state"
	mkdir "$T/hub.state"
	start hub
	hubctl wait --timeout 60s
	[ "$(sent)" -eq "$before" ]
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin two.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
	is 0 drifts
	[ -e "$T/berlin/two.img" ]
}
drifts() { hubctl spokes --json | jq '.spokes[0] | .drift_total + .foreign_total'; }

@test "a spoke's database is deleted: its files are hashed again, and nothing is sent" {
	two_images
	stop berlin
	rm "$T"/berlin/.spokesync/spoke.db*
	before=$(sent)
	start berlin
	hubctl wait --timeout 60s
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin two.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
	grep -q 'two.img is known now' "$T/berlin.err"
}

# Seen to catch: db_open() without set_aside().
@test "databases of hub and spoke are damaged: they are kept aside, and nothing is sent" {
	two_images
	stop hub
	stop berlin
	before=$(sent)
	truncate -s 5000 "$T/berlin/.spokesync/spoke.db" # cut off
	rm -f "$T"/berlin/.spokesync/spoke.db-*
	head -c 20000 /dev/urandom >"$T/hub.state/hub.db"
	head -c 20000 /dev/urandom >"$T/hub.state/hub.db-wal"
	start berlin hub
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin two.img
	[ "$(sent)" -eq "$before" ]
	grep 'hub.db.*it is kept as .*/hub.db.broken' "$T/hub.err"
	grep 'spoke.db.*it is kept as .*/spoke.db.broken' "$T/berlin.err"
	[ "$(stat -c %s "$T/hub.state/hub.db.broken")" -eq 20000 ]
	# What comes now goes over as it always did.
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
}

@test "a page in the middle of a database is damaged: the daemon starts, and nothing is sent" {
	two_images
	stop hub
	stop berlin
	before=$(sent)
	for db in "$T/hub.state/hub.db" "$T/berlin/.spokesync/spoke.db"; do
		[ "$(stat -c %s "$db")" -ge $((8 * 4096)) ]
		dd if=/dev/urandom of="$db" bs=4096 seek=5 count=1 conv=notrunc status=none
	done
	start berlin hub
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(sent)" -eq "$before" ]
	grep 'hub.db: pages of it are damaged: it is kept as' "$T/hub.err"
	grep 'spoke.db: pages of it are damaged: it is kept as' "$T/berlin.err"
}

# Catches: a deletion that is over when the spoke lists no such file by what was heard of it last; found
# by bench-sets, where a set stayed on one of three spokes.
@test "what was published unheard and then deleted goes when the spoke is heard again" {
	spoke berlin
	hub
	start berlin hub
	random "$T/src/other.img" 1
	hubctl wait --timeout 60s
	hubctl pause berlin --for 1h >/dev/null
	random "$T/src/one.img" 1
	waits() { [ "$(job one.img berlin state)" != null ]; }
	eventually 20 waits
	stop hub KILL
	cp -a "$T/hub.state" "$T/before"
	start hub
	hubctl resume berlin >/dev/null
	hubctl wait --timeout 60s
	same berlin one.img
	stop hub KILL
	stop berlin
	# As if the hub had been killed before it heard of that, and the file went while nobody answers.
	rm -rf "$T/hub.state"
	mv "$T/before" "$T/hub.state"
	rm "$T/src/one.img"
	start hub
	gone() { grep "\"event\":\"deleted\"" "$T/hub.jsonl" | grep -q one.img; }
	eventually 20 gone
	stop hub KILL
	start berlin hub
	hubctl resume berlin >/dev/null
	absent() { [ ! -e "$T/berlin/one.img" ]; }
	eventually 30 absent
	same berlin other.img
}

# The numbers of what the spoke tells begin again below what the hub has heard: a file that is gone
# meanwhile would be told under a number that the hub does not ask for any more.
database_of_yesterday() {
	change 100
	hubctl wait --timeout 60s
	stop hub
	stop berlin "${1-TERM}"
	rm -f "$T"/berlin/.spokesync/spoke.db*
	cp "$T/spoke.db" "$T/berlin/.spokesync/spoke.db"
	rm "$T/berlin/two.img"
	before=$(sent)
	start berlin
	eventually 20 grep -q 'one.img is known now' "$T/berlin.err"
	start hub
	hubctl wait --timeout 60s
	same berlin one.img
	same berlin two.img
	[ $(($(sent) - before)) -eq $((8 << 20)) ]
	grep -q 'group g: .*is not the one' "$T/berlin.err"
}

@test "a spoke's database of yesterday, copied while it was stopped" {
	two_images
	stop berlin
	cp "$T/berlin/.spokesync/spoke.db" "$T/spoke.db"
	start berlin
	database_of_yesterday
}

@test "a spoke's database of an hour ago, copied while the spoke ran that was killed then" {
	two_images
	sqlite3 "$T/berlin/.spokesync/spoke.db" ".backup $T/spoke.db"
	database_of_yesterday KILL
}

receiving() { [ "$(job one.img berlin done)" -gt "$1" ]; }

# A first copy, half of it there.
half_there() {
	spoke berlin
	SPOKE[berlin]="rate = 32Mbit"
	hub
	random "$T/src/one.img" 24
	start berlin hub
	eventually 30 receiving 2000000
	had=$(job one.img berlin done)
}
# What had come went with it, and comes once more, with what came until that was seen: not twice.
again() { [ "$(sent)" -le $(((24 << 20) + had + (12 << 20))) ]; }

@test "staging is deleted under a running transfer" {
	half_there
	rm -rf "$T"/berlin/.spokesync/staging/*
	hubctl wait --timeout 90s
	same berlin one.img
	[ -z "$(ls -A "$T/berlin/.spokesync/staging")" ]
	grep -q 'was deleted; it is begun anew' "$T/berlin.err"
	again
}

@test "staging itself is deleted under a running transfer" {
	half_there
	rm -rf "$T/berlin/.spokesync/staging" "$T/berlin/.spokesync/preserved"
	hubctl wait --timeout 90s
	same berlin one.img
	grep -q 'were deleted; they are made again' "$T/berlin.err"
	again
	cp "$T/src/one.img" "$T/before"
	change 10
	hubctl wait --timeout 60s
	cmp "$T/before" "$T"/berlin/.spokesync/preserved/*
}

shorten() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }

@test "indexes are cut off at a spoke: the files are hashed again" {
	two_images
	for f in "$T"/berlin/.spokesync/index/*; do shorten "$f"; done
	before=$(sent)
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
	grep -q 'could not be used; it was read once more' "$T/berlin.err"
}

@test "indexes are cut off at the hub: the files are read again" {
	two_images
	stop hub
	for f in "$T"/hub.state/index/*; do shorten "$f"; done
	before=$(sent)
	start hub
	change 100
	hubctl wait --timeout 60s
	same berlin one.img
	[ $(($(sent) - before)) -eq $((100 * 4096)) ]
	grep -q 'it is dropped' "$T/hub.err"
	random "$T/src/three.img" 1
	hubctl wait --timeout 60s
	same berlin three.img
	same berlin two.img
}

# Of the changed copy's literals a part has come.
under_way() {
	local n
	n=$(hubctl jobs --json | jq '[.jobs[] | select(.path == "one.img") | .done] | add // 0')
	[ "$n" -gt 500000 ]
}

@test "the index is cut off at the hub under a running transfer: the file is read again" {
	spoke berlin
	HUB="rate = 8MiB"
	hub
	random "$T/src/one.img" 64
	start berlin hub
	eventually 30 is sending job one.img berlin state
	# cut in its place: what is mapped of it is gone, as with a bad sector
	for f in "$T"/hub.state/index/*; do : >"$f"; done
	eventually 60 same berlin one.img
	kill -0 "${PID[hub]}"
}

@test "a pin of a base is removed under a running transfer" {
	two_images
	SPOKE[berlin]="rate = 8Mbit"
	hub
	hubctl reload
	cp "$T/src/one.img" "$T/new"
	head -c 4M /dev/urandom >>"$T/new"
	before=$(sent)
	mv "$T/new" "$T/src/one.img"
	eventually 30 under_way
	stop berlin KILL
	rm "$T"/berlin/.spokesync/staging/*/pin.0
	start berlin
	hubctl wait --timeout 90s
	same berlin one.img
	# The part of the frame that was killed comes again; and for want of the pin, the frame once more:
	# the base is pinned anew, and not doubted.
	[ $(($(sent) - before)) -le $(((12 << 20) + 65536)) ]
	! grep -q 'hashed again\|had changed here' "$T/berlin.err"
}
