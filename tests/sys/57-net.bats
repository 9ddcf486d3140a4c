# Twenty schedules of a link that fails, each from a seed, between a hub and a spoke: an image and its
# changed copy arrive all the same (net.bash says what is held against each). `make soak` takes two
# hundred, from another seed each time, and others over a link that delays and loses packets.
#
# Seen to catch: a greeting under way that was announced as a wait of 300 s; connections kept to an
# address that is no more (descriptors of the hub); a spoke that cut a PUT for which the next frame was
# being made (a connection failed without a fault); a hub that begins anew where it should go on (seed
# 20: the copy never arrives).
load lib
load net

setup() { net_begin; }
teardown() { net_end; }

# Three at a time: a daemon that gets no processor for a second is one that stalls.
@test "twenty schedules of faults: all arrives, and little of it twice" {
	net_all 1 20 3 >"$NET_DIR/figures" || { cat "$NET_DIR/figures"; false; }
	sed 's/^/# /' "$NET_DIR/figures" >&3
}

@test "a schedule depends on its seed alone" {
	plan() { python3 "$BATS_TEST_DIRNAME/faults.py" plan "$1" | sha256sum; }
	[ "$(plan 7)" = "$(plan 7)" ]
	[ "$(plan 7)" != "$(plan 8)" ]
	# As it was, and is to be: seeds are kept.
	[[ $(python3 "$BATS_TEST_DIRNAME/faults.py" plan 7 | sed -n 1p) == "  359   143 corrupt every=14628 way=down" ]]
}
