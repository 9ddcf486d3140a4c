# Quota, read errors, a filesystem that turned read-only, on either side: the job waits and
# says for what, nobody spins, nothing is lost, and it goes on when that is mended.
#
# Seen to catch: an attempt that ends without words (`why` does not name the quota); no wait before the
# next attempt (lines and ticks in two seconds).
load lib

setup_file() {
	cc -shared -fPIC -O1 -o "$BATS_FILE_TMPDIR/fault.so" "$BATS_TEST_DIRNAME/fault.c" -ldl
}
setup() {
	world
	SETTLE=0s
}
teardown() {
	[ -z "${IMMUTABLE-}" ] || chattr -i "$IMMUTABLE" 2>/dev/null || true
	world_end
}

# faults SIDE: a daemon whose calls fail as $T/fault says (fault.c).
faults() {
	local below=$T/berlin
	[ "$1" = berlin ] || below=$T/src:$T/hub.state
	PREFIX[$1]="env ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 LD_PRELOAD=$BATS_FILE_TMPDIR/fault.so
		FAULT_BELOW=$below FAULT_SWITCH=$T/fault"
}
fault() { # ERRNO CALLS TEXT
	echo "$@" >"$T/fault.new"
	mv "$T/fault.new" "$T/fault"
}

# Lines said by anybody, and clock ticks of work, in two seconds.
said() { cat "$T"/*.err "$T/hub.jsonl" | wc -l; }
ticks() { awk '{ print $14 + $15 }' "/proc/${PID[$1]}/stat"; }
no_spin() {
	local lines hub berlin
	lines=$(said) hub=$(ticks hub) berlin=$(ticks berlin)
	sleep 2 # so long is looked at, nothing is waited for
	lines=$(($(said) - lines)) hub=$(($(ticks hub) - hub)) berlin=$(($(ticks berlin) - berlin))
	echo "in 2 s: $lines lines, $hub and $berlin ticks"
	[ "$lines" -le 30 ] && [ "$hub" -le 50 ] && [ "$berlin" -le 50 ]
}

further() { [ "$(job one.img berlin done)" -gt "$1" ]; } # BYTES
why_says() { hubctl why berlin one.img | tr -s '\n ' ' ' | grep -qi "$1"; }

mended() {
	rm -f "$T/fault"
	hubctl wait --timeout 60s
	same berlin one.img
	[ "$(published berlin | grep -c one.img)" -eq 1 ]
	[ -z "$(ls -A "$T/berlin/.spokesync/staging")" ]
	is 0 sqlite3 "$T/berlin/.spokesync/spoke.db" 'SELECT count(*) FROM intents'
}

# With a fault at SIDE from the start of a transfer on: it waits, and says what for.
broken() { # SIDE "ERRNO CALLS TEXT" WORDS
	spoke berlin
	hub
	faults "$1"
	start berlin hub
	random "$T/src/zero.img" 1
	hubctl wait --timeout 60s
	# shellcheck disable=SC2086
	fault $2
	random "$T/src/one.img" 4
	eventually 30 why_says "$3"
	no_spin
	eventually 10 why_says "$3" # not while it is tried once more
	published berlin >"$T/seen"
	[ "$(cat "$T/seen")" = zero.img ]
	mended
}

@test "a spoke's quota is used up" {
	broken berlin "122 w staging" "quota"
}

# Seen to catch: the program as it was, which took the disk's word for want of space, and waited ten minutes
# for a change of figures that were good all the time.
@test "a spoke's disk says in mid-transfer that it is full, though by its figures it is not" {
	spoke berlin
	SPOKE[berlin]="rate = 6Mbit" # eight seconds
	hub
	faults berlin
	start berlin hub
	random "$T/src/one.img" 6
	eventually 30 further 1000000
	fault 28 w staging
	eventually 30 why_says "no space left"
	no_spin
	eventually 10 why_says "no space left"
	[ -z "$(published berlin)" ]
	mended
}

@test "a spoke's disk cannot be written" {
	broken berlin "5 w image" "input/output"
}

@test "a spoke's disk does not keep what was written" {
	broken berlin "5 s staging" "input/output"
}

@test "a spoke's database cannot be written" {
	broken berlin "5 ws spoke.db" "disk I/O error"
}

@test "a spoke cannot rename" {
	broken berlin "5 o one.img" "input/output"
}

@test "a spoke cannot rename over what is there: it is as it was, and no change made there" {
	spoke berlin
	hub
	faults berlin
	random "$T/src/one.img" 4
	start berlin hub
	hubctl wait --timeout 60s
	cp "$T/src/one.img" "$T/before"
	fault 5 o berlin/one.img
	random "$T/src/one.img" 4
	eventually 30 why_says "input/output"
	cmp "$T/before" "$T/berlin/one.img"
	mended
	cmp "$T/before" "$T"/berlin/.spokesync/preserved/*
	! grep 'had changed here' "$T/berlin.err"
}

# Seen to catch: the program as it was, which called it a bad path and gave it up for good; and a hub that
# says at each attempt that what is there was put aside.
@test "a published file is immutable there: a change and a deletion wait, say so, and come after chattr -i" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, for chattr"
	spoke berlin
	hub
	random "$T/src/one.img" 1
	random "$T/src/two.img" 1
	start berlin hub
	hubctl wait --timeout 60s
	chattr +i "$T/berlin/one.img" || skip "no chattr +i here"
	IMMUTABLE=$T/berlin/one.img
	random "$T/src/one.img" 1
	eventually 30 why_says "operation not permitted (is it immutable"
	no_spin
	! grep "kept in preserved" "$T/hub.err" || false
	chattr -i "$T/berlin/one.img"
	mended
	chattr +i "$T/berlin/one.img"
	rm "$T/src/one.img"
	eventually 30 why_says "operation not permitted (is it immutable"
	chattr -i "$T/berlin/one.img"
	hubctl wait --timeout 60s
	is "two.img" published berlin
}

# Seen to catch: the program as it was, which came back to the same base for ever. The name is that of the
# file, and begins that of what is held of it in staging.
@test "what a spoke has of the image cannot be read there: it comes without it" {
	spoke berlin
	hub
	faults berlin
	random "$T/src/pin.img" 4
	start berlin hub
	hubctl wait --timeout 60s
	fault 5 r pin.
	head -c 8192 /dev/urandom | dd of="$T/src/pin.img" bs=4096 seek=300 conv=notrunc status=none
	hubctl wait --timeout 60s
	same berlin pin.img
	[ -e "$T/fault" ]
}

@test "an image cannot be read at the hub" {
	broken hub "5 r one.img" "input/output"
}

@test "a spoke's filesystem turns read-only, and back" {
	spoke berlin
	broken berlin "30 wso $T/berlin" "read-only"
}

@test "a hub's disk is full" {
	broken hub "28 w $T/hub.state" "no space"
}

@test "a hub's filesystem turns read-only, and back" {
	broken hub "30 wso $T/hub.state" "read-only"
}

# Images are what it is for: they go on, and what was not recorded is found out again.
@test "a hub's database cannot be written: it says so, images arrive, and none comes twice" {
	spoke berlin
	hub
	faults hub
	start berlin hub
	random "$T/src/zero.img" 1
	hubctl wait --timeout 60s
	fault 5 ws hub.db
	random "$T/src/one.img" 4
	eventually 30 same berlin one.img
	eventually 10 grep -q 'error: recording .* disk I/O error' "$T/hub.err"
	no_spin
	stop hub KILL
	rm "$T/fault"
	: >"$T/hub.jsonl"
	start hub
	hubctl wait --timeout 60s
	same berlin one.img
	is 0 jq -s '[.[] | select(.event == "summary") | .literal] | add // 0' "$T/hub.jsonl"
	is ok sqlite3 "$T/hub.state/hub.db" 'PRAGMA integrity_check'
}

# A real disk, filled by somebody else while an image comes: all of it, the blocks kept for root as well.
# Catches: what only looks at the figures; a database that cannot be written any more and ends the spoke.
@test "a spoke's disk is full, really: it waits and says so, and goes on when there is room" {
	spoke berlin
	FS_SIZE=96M on ext4 "$T/berlin"
	SPOKE[berlin]="rate = 8Mbit"
	hub
	start berlin hub
	random "$T/src/zero.img" 1
	hubctl wait --timeout 60s
	random "$T/src/one.img" 6
	eventually 30 further 500000
	fill
	eventually 60 why_says "no space\|space left\|free on its disk"
	no_spin
	is zero.img published berlin
	kill -0 "${PID[berlin]}"
	rm "$T/berlin/.spokesync/full"
	mended
}
fill() { # again where somebody let go of a little meanwhile
	local k
	for k in 1 2 3; do
		dd if=/dev/zero bs=64k status=none >>"$T/berlin/.spokesync/full" 2>/dev/null || true
	done
}

# The kernel itself turns it so, as after a disk's error; until somebody has it checked, it stays so.
@test "a spoke's filesystem is turned read-only by the kernel, and mended by hand" {
	spoke berlin
	FS_SIZE=200M on ext4 "$T/berlin"
	mount -o remount,errors=remount-ro "$T/berlin"
	dev=$(findmnt -no SOURCE "$T/berlin")
	[ -w "/sys/fs/ext4/${dev##*/}/trigger_fs_error" ] || skip "no way to cause an error of ext4"
	SPOKE[berlin]="rate = 16Mbit"
	hub
	start berlin hub
	random "$T/src/zero.img" 1
	hubctl wait --timeout 60s
	random "$T/src/one.img" 8
	eventually 30 further 500000
	echo test >"/sys/fs/ext4/${dev##*/}/trigger_fs_error"
	eventually 30 why_says "read-only\|input/output\|disk i/o error"
	no_spin
	kill -0 "${PID[berlin]}"
	stop berlin || stop berlin KILL
	umount "$T/berlin"
	e2fsck -fy "$T/berlin.fs" >/dev/null 2>&1 || [ $? -le 2 ]
	mount -o loop "$T/berlin.fs" "$T/berlin"
	same berlin zero.img
	start berlin
	mended
}
