# What lies on a spoke and the hub does not know: put there by hand, changed there, or published by a
# hub that lost its state. The hub asks what of it equals the new content, and sends the rest.
#
# Seen to catch: a node whose hash is not compared (tests/broken 5): short hashes that lie stay.
load lib

setup() { world; }
teardown() { world_end; }

# descent FIELD: of the newest one in the job log.
descent() {
	jq -rs --arg f "$1" '[.[] | select(.event == "descent")] | last | .[$f]' "$T/hub.jsonl"
}
descents() { grep -c '"event":"descent"' "$T/hub.jsonl"; }

# 64 MiB, and on the spoke the same with 40 blocks of other bytes: 160 KiB differ.
@test "a modified copy put on the spoke by hand: only what differs is sent" {
	spoke berlin
	hub
	random "$T/src/image" 64
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 40
	# Known to the spoke before the hub comes.
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	start hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin result)" = published ]
	# 40 blocks, and 0.03 % of the image with what requests cost.
	[ "$(summary image berlin literal)" -eq $((40 * 4096)) ]
	[ "$(summary image berlin wire)" -lt $((40 * 4096 + 50000)) ]
	[ "$(descent equal)" -eq $(((64 << 20) - 40 * 4096)) ]
	[ "$(descent wire_in)" -lt 20000 ]
	[ "$(summary image berlin repairs)" -eq 0 ]
	hubctl log | grep -q 'descent.*equal'
	# The hub knows the new content now: the next change needs no question.
	edit "$T/src/image" 3
	hubctl wait --timeout 60s
	same berlin image
	[ "$(descents)" -eq 1 ]
}

@test "put on the spoke under another name, and not hashed before the hub comes" {
	spoke berlin
	hub
	random "$T/src/image" 24
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 5
	start berlin hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin wire)" -lt 100000 ]
	random "$T/new.image" 24
	cp "$T/new.image" "$T/berlin/by-hand"
	stop berlin
	start berlin
	eventually 20 grep -q 'by-hand is known now' "$T/berlin.err"
	stop hub
	start hub
	edit "$T/new.image" 5
	mv "$T/new.image" "$T/src/another"
	hubctl wait --timeout 60s
	same berlin another
	[ "$(summary another berlin literal)" -eq $((5 * 4096)) ]
}

@test "a hub that lost its state does not send what is there again" {
	spoke berlin
	hub
	random "$T/src/changed" 24
	random "$T/src/same" 8
	start berlin hub
	hubctl wait --timeout 60s
	stop hub
	edit "$T/src/changed" 7
	rm -rf "$T/hub.state"
	start hub
	hubctl wait --timeout 60s
	same berlin changed
	same berlin same
	[ "$(summary changed berlin literal)" -eq $((7 * 4096)) ]
	[ "$(summary changed berlin wire)" -lt 100000 ]
	# Nothing had to be done for what is the same: its one run is the first hub's.
	[ "$(jq -c 'select(.event == "summary" and .path == "same")' "$T/hub.jsonl" | wc -l)" -eq 1 ]
}

@test "a published file that was changed on the spoke is repaired by what differs" {
	spoke berlin
	hub
	random "$T/src/image" 24
	start berlin hub
	hubctl wait --timeout 60s
	stop berlin
	edit "$T/berlin/image" 9
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	# Greeted every ten minutes while nothing is to do, and at its start.
	stop hub
	start hub
	eventually 20 descents
	hubctl wait --timeout 60s
	same berlin image
	[ "$(descents)" -eq 1 ]
	[ "$(summary image berlin literal)" -eq $((9 * 4096)) ]
}

# block FILE N: the first 16 digits of the hash of its block N, or all of them with a third argument.
block() { dd if="$1" bs=4096 skip="$2" count=1 status=none | sha256sum | cut -c"1-${3-16}"; }
# touch_block FILE N: other bytes.
touch_block() { dd if=/dev/urandom of="$1" bs=4096 seek="$2" count=1 conv=notrunc status=none; }

# Short hashes that say of a block that it is the same, and it is not. Beside another block of its
# node that differs the lie is believed, and costs that node; alone in its node it is found out
# before anything is sent. The file is right either way.
@test "forged short hashes cost a node and nothing else" {
	command -v cc >/dev/null || skip "no compiler"
	local forge=
	cc -shared -fPIC -o "$T/forge.so" "$BATS_TEST_DIRNAME/forge.c" -ldl
	spoke berlin
	hub
	random "$T/src/image" 32
	cp "$T/src/image" "$T/berlin/image"
	# In node 5 two blocks, in node 9 one; and two in node 20, of which nothing is forged.
	for n in 650 700 1200 2600 2601; do touch_block "$T/berlin/image" $n; done
	for n in 650 1200; do
		forge+=$(block "$T/berlin/image" $n):$(block "$T/src/image" $n),
	done
	PREFIX[berlin]="env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/forge.so FORGE=$forge"
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	start hub
	hubctl wait --timeout 60s
	[ "$(grep -c '^forged' "$T/berlin.err")" -eq 2 ]
	same berlin image
	[ "$(descent lies)" -eq 1 ]
	[ "$(summary image berlin repairs)" -eq 1 ]
	# Node 9 whole, block 700, node 20's two; then node 5 whole, once more.
	[ "$(summary image berlin literal)" -eq $((524288 + 3 * 4096 + 524288)) ]
	[ "$(summary image berlin result)" = published ]
}

# The same in the index of a base that the hub knows: what its planner matches blocks by.
@test "a forged hash in the hub's own index costs a node and nothing else" {
	spoke berlin
	hub
	random "$T/src/image" 32
	start berlin hub
	hubctl wait --timeout 60s
	stop hub
	cp "$T/src/image" "$T/old"
	for n in 650 700 2600; do touch_block "$T/src/image" $n; done
	local index was is
	index=$(find "$T/hub.state" -name "$(jq -r 'select(.event == "indexed") | .root' "$T/hub.jsonl" | head -1)")
	was=$(block "$T/old" 650 64)
	is=$(block "$T/src/image" 650 64)
	perl -0777 -pi -e 's/\Q${\pack("H*", "'"$was"'")}\E/pack("H*", "'"$is"'")/e or die' "$index"
	start hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin repairs)" -eq 1 ]
	[ "$(summary image berlin literal)" -eq $((2 * 4096 + 524288)) ]
}

@test "a lost leaf record is made again, and the hub waits for it" {
	spoke berlin
	hub
	random "$T/src/image" 24
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 5
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	rm "$T"/berlin/.spokesync/index/*
	start hub
	hubctl wait --timeout 60s
	same berlin image
	[ "$(grep -c 'image is known now' "$T/berlin.err")" -eq 2 ]
	[ "$(summary image berlin literal)" -eq $((5 * 4096)) ]
}

@test "nothing is asked outside the window" {
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
	spoke berlin
	hub
	random "$T/src/image" 24
	cp "$T/src/image" "$T/berlin/image"
	edit "$T/berlin/image" 5
	start berlin
	eventually 20 grep -q 'image is known now' "$T/berlin.err"
	start hub
	eventually 20 waits
	hubctl explain berlin image | grep -q 'not known here'
	if grep -q '"event":"descent"' "$T/hub.jsonl"; then false; fi
	hubctl sync-now berlin --for 5m
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin literal)" -eq $((5 * 4096)) ]
	[ "$(descents)" -eq 1 ]
}
waits() { [ "$(job image berlin state)" = waiting ]; }

# version FROM: an image with five blocks of FROM changed is the next version.
version() {
	cp "$1" "$T/next"
	edit "$T/next" 5
	mv "$T/next" "$T/src/image"
	hubctl wait --timeout 60s
	same berlin image
	[ "$(summary image berlin literal)" -eq $((5 * 4096)) ]
	[ "$(descents)" -eq 0 ]
}
listed() { sqlite3 -cmd '.timeout 5000' "$T/hub.state/hub.db" 'SELECT count(*) FROM preserved'; }

# Fails where the sweep at the hub's start does not count what is preserved (the restored one has to be
# asked about), where it is not among inventory_roots() or lost with the process (all of the image is
# sent), where a greeting passes over a list that differs, or one that is gone.
@test "what a spoke has in preserved/ is a base, whatever was restarted, and known once restored" {
	spoke berlin
	hub
	random "$T/src/image" 16
	cp "$T/src/image" "$T/first"
	start berlin hub
	hubctl wait --timeout 60s
	random "$T/src/image" 16
	cp "$T/src/image" "$T/second"
	hubctl wait --timeout 60s
	stop hub
	start hub
	version "$T/first"
	stop hub
	ctl berlin restore image
	cmp "$T/second" "$T/berlin/image"
	start hub
	eventually 20 grep -q '"what":"restored"' "$T/hub.jsonl"
	version "$T/second"
	# All but the one that lies there. What the hub forgot it is told again, and so is what is gone.
	is 3 listed
	stop hub
	sqlite3 "$T/hub.state/hub.db" 'DELETE FROM preserved'
	start hub
	eventually 20 is 3 listed
	stop berlin
	rm "$T/berlin/.spokesync/preserved"/*
	start berlin
	stop hub
	start hub
	eventually 20 is 0 listed
}
