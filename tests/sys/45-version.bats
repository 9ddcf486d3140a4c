# A hub of this version works with a spoke of the protocol's version before, and the other way round;
# an upgrade in the middle of a transfer costs what a restart costs.
#
# Seen to catch: peers that want of each other the version that they speak themselves; a spoke that
# begins its transfers anew when it starts.
load lib
load upgrade

setup() { world; }
teardown() { world_end; }

as_any() { ! grep 'spoke berlin: up' "$T/hub.err" | tail -n 1 | grep -q 'of the protocol'; }

@test "a spoke of the version before, then of this one" {
	upgrade berlin "$BUILD/tests/sys/spokesyncd_before"
	grep -q 'spoke berlin: up, spokesync .*, version 1 of the protocol (ours is 2)' "$T/hub.err"
	# and after it was replaced, as any, as soon as it was greeted again: the hub need not have noticed
	eventually 90 as_any
}

@test "a hub of the version before, then of this one" {
	upgrade hub "$BUILD/tests/sys/spokesyncd_before"
	grep -q 'spoke berlin: up, spokesync .*, version 2 of the protocol (ours is 1)' "$T/hub.err"
}
