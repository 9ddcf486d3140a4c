# A file that changes while it is sent: the new content comes at once, and what arrived is used.
load lib

setup() { world; }
teardown() { world_end; }

arrived() { [ "$(job one.img berlin proven)" -ge $((17 << 20)) ]; }

@test "a change while it is sent: starts over, and uses what arrived" {
	spoke berlin
	SPOKE[berlin]="rate = 60Mbit"
	hub
	random "$T/src/one.img" 80
	start berlin hub
	eventually 30 arrived
	# Scattered over the first quarter, which is there, and one at the end.
	for i in 1 2 3 4; do
		dd if=/dev/urandom of="$T/src/one.img" bs=4096 count=1 seek=$((i * 1000)) \
			conv=notrunc status=none
	done
	dd if=/dev/urandom of="$T/src/one.img" bs=4096 count=1 seek=20479 conv=notrunc status=none
	hubctl wait --timeout 60s
	same berlin one.img
	grep '"event":"summary"' "$T/hub.jsonl" | head -n 1 | jq -e '.result == "superseded"'
	# All but what was proven: with what changed of that.
	[ "$(summary one.img berlin wire)" -lt $((68 << 20)) ]
	[ -z "$(ls "$T/berlin/.spokesync/staging")" ]
}
