# A daemon is killed at a durable step of a first copy, an update over it, a renaming over another file,
# a deletion, a set that comes, is replaced and goes, and their publication: no reader sees a part of a
# file, all goes on by itself, nothing is left behind. Here every 250th step of each daemon and those at
# the names that readers see, every 250th write cut in the middle, and now and then the next start killed
# as well; `make bench-crash` takes all of them.
#
# Seen to catch: the program without durable_sweep() at the start of hub and spoke: indexes half made
# stayed for ever. Without an intent for renamings and deletions: what they put aside lay in preserved/
# and nobody listed it. A file removed before the new one takes its place.
load lib
load crash

setup() { crash_begin; }
teardown() { crash_end; }

@test "killed at durable steps, both daemons come back, and all is as if nothing had been" {
	crash_trace berlin
	crash_trace hub
	crash_all 250 4 >"$CRASH/figures" || { cat "$CRASH/figures"; false; }
	sed 's/^/# /' "$CRASH/figures" >&3
}
