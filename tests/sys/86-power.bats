# The power goes: the disk is what it was at one instant, less what the kernel had not written. No
# byte that was acknowledged is missing, no published file is short, the database opens, and all goes
# on by itself. Here some cuts in one round; `make bench-crash` makes hundreds.
#
# Seen to catch: durable_datasync() made to do nothing (on either filesystem: nothing is left of 5
# and 7 MB that were acknowledged).
load lib
load power

setup() {
	world
	RANDOM=1
}
teardown() { world_end; }

cuts() { # TYPE WHO
	power_world "$1" "$2"
	PUBLISHES=2 power_round 1 3
	echo "# $1, $2: $CUTS cuts, in $ACKED of them a part was acknowledged" >&3
}

@test "the power of a spoke on ext4 goes" {
	cuts ext4 berlin
	[ "$ACKED" -gt 0 ]
}

@test "the power of a spoke on XFS goes" {
	cuts xfs berlin
	[ "$ACKED" -gt 0 ]
}

@test "the power of a hub on XFS goes" {
	cuts xfs hub
}

@test "the power of a hub on ext4 goes" {
	cuts ext4 hub
}
