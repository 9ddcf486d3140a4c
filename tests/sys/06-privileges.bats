# A daemon that root starts by hand gives up what replication does not use, for itself and for the hooks
# that it runs; where nothing is left to give up, as under the unit, it starts without a word.
#
# Seen to catch: no call of prctl(PR_SET_NO_NEW_PRIVS); the bounding set as it was; a capability too many
# in KEPT.
load lib

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root has rights to give up"
	world
}
teardown() { world_end; }

# chown, dac_override, dac_read_search, fowner, fsetid, net_bind_service, lease: capabilities(7)
KEPT=$((1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 10 | 1 << 28))

# bounded FILE: of /proc/PID/status.
bounded() {
	local set bits
	grep -qx 'NoNewPrivs:	1' "$1"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		bits=$((16#$(awk -v s="$set:" '$1 == s { print $2 }' "$1")))
		[ $((bits & ~KEPT)) -eq 0 ] || {
			printf '%s: %s has %x too many\n' "$1" "$set" $((bits & ~KEPT))
			return 1
		}
	done
}

@test "a daemon that root started keeps no right that it does not use, nor does what it starts" {
	spoke berlin
	# shellcheck disable=SC2034
	GROUP="on_settled = /bin/cat /proc/self/status >$T/hook.status"
	hub
	start berlin hub
	for name in berlin hub; do
		for status in /proc/"${PID[$name]}"/task/*/status; do bounded "$status"; done
		run grep 'not needed stay' "$T/$name.err"
		[ "$status" -eq 1 ]
	done
	# What it does use it has: files of others are read and published, with their directory's owner.
	chown 12345:12345 "$T/berlin"
	echo theirs >"$T/src/image"
	chown 54321 "$T/src/image"
	chmod 0600 "$T/src/image"
	eventually 20 same berlin image
	[ "$(stat -c %u:%g "$T/berlin/image")" = 12345:12345 ]
	eventually 20 test -s "$T/hook.status"
	bounded "$T/hook.status"
}

@test "a daemon without any capability starts as ever" {
	# shellcheck disable=SC2034,SC2154 # an array of lib.bash
	PREFIX[berlin]='setpriv --bounding-set=-all --inh-caps=-all --no-new-privs'
	spoke berlin
	start berlin
	grep -qE '^CapEff:	0+$' "/proc/${PID[berlin]}/status"
	run grep -i 'warn\|rights' "$T/berlin.err"
	[ "$status" -eq 1 ]
}
