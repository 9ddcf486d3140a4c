# What a spoke keeps in preserved/, by the limits of its configuration.
load lib

setup() { world; }
teardown() { world_end; }

total() { ctl berlin preserved --json | jq .total; }
on_disk() { find "$T/berlin/.spokesync/preserved" -type f | wc -l; }
replace() { # MIB
	random "$T/src/image" "$1"
	hubctl wait --timeout 60s
}

# Catches: a limit that is read and never asked, or only at the next start; rows without their files and
# files without their rows.
@test "preserved versions go by count, by bytes between two marks, and by age" {
	local most=0 least=99 n
	spoke berlin "group:preserve_count = 2"
	hub
	random "$T/src/image" 1
	start berlin hub
	hubctl wait --timeout 60s
	for n in 1 2 3 4; do replace 1; done
	eventually 10 is 2 total
	is 2 on_disk
	# 80 % of ten are four of 2 MiB; when there are more, the oldest go until 4 MiB are left.
	spoke berlin "group:preserve_quota = 10MiB" "group:preserve_high = 80" "group:preserve_low = 40"
	ctl berlin reload
	for n in $(seq 8); do
		replace 2
		n=$(total)
		[ "$n" -eq "$(on_disk)" ]
		[ "$n" -le "$most" ] || most=$n
		[ "$most" -lt 4 ] || [ "$n" -ge "$least" ] || least=$n
	done
	[ "$most" -ge 4 ]
	[ "$most" -le 5 ] # the two of 1 MiB were there before
	[ "$least" -eq 2 ]
	spoke berlin "group:preserve_age = 1s"
	ctl berlin reload
	sleep 1.2
	replace 1
	eventually 10 is 1 total
	is 1 on_disk
}
