# What lies in contrib/systemd does what it says: the unit leaves the daemon little, its user and its
# directories are made.
#
# Seen to catch: a unit without NoNewPrivileges= or PrivateTmp=; another home of the user; a state
# directory that others may read.
load lib

units=$BATS_TEST_DIRNAME/../../contrib/systemd

setup() { world; }
teardown() { world_end; }

@test "the unit's exposure is 1.5 or better" {
	run systemd-analyze security --offline=yes --threshold=15 "$units/spokesyncd.service"
	echo "$output" | tail -n 3
	[ "$status" -eq 0 ]
	# No rights, and no way to more: the sum above could be reached without these.
	for line in CapabilityBoundingSet= NoNewPrivileges=yes User=spokesync ProtectSystem=strict \
		MemoryDenyWriteExecute=yes 'SystemCallFilter=@system-service'; do
		grep -qxF "$line" "$units/spokesyncd.service"
	done
}

@test "sysusers.d and tmpfiles.d make the user and its directories, and nothing else" {
	mkdir -p "$T/root/etc"
	systemd-sysusers --root="$T/root" "$units/spokesync.sysusers"
	grep -q '^spokesync:.*:/var/lib/spokesync:/usr/sbin/nologin$' "$T/root/etc/passwd"
	grep -q '^spokesync:' "$T/root/etc/group"
	systemd-tmpfiles --create --root="$T/root" "$units/spokesync.tmpfiles"
	[ "$(stat -c %a "$T/root/var/lib/spokesync")" = 750 ]
	[ "$(stat -c %a "$T/root/var/log/spokesync")" = 750 ]
	[ "$(stat -c %a "$T/root/etc/spokesync")" = 750 ]
	[ "$(stat -c %a "$T/root/run/spokesync")" = 755 ]
	# The group may read what root puts there; only root may write it.
	[ "$(stat -c %u "$T/root/etc/spokesync")" -eq 0 ]
	[ "$(stat -c %g "$T/root/etc/spokesync")" = "$(awk -F: '$1 == "spokesync" { print $3 }' "$T/root/etc/group")" ]
}
