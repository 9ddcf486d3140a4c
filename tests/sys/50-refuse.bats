# Refusals say why, with figures and keys.
load lib

setup() { world; }
teardown() { world_end; }

@test "an unknown hub gets no answer, and the hub says which key is missing where" {
	spoke berlin "hub_key = $NOBODY"
	sed -i "/^hub_key = ${KEY[hub]}/d" "$T/berlin.ini"
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 says_key
	[ -z "$(published berlin)" ]
	run curl -sk --max-time 5 "https://127.0.0.1:${PORT[berlin]}/v1/hello"
	[ "$status" -ne 0 ]
	[ -z "$output" ]
}
says_key() {
	hubctl why berlin a | tr -d '\n ' | grep -qi "${KEY[hub]}"
}

@test "a spoke with another key than the pinned one gets nothing" {
	spoke berlin
	KEY[berlin]=$NOBODY
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	eventually 20 says_wrong
	[ -z "$(published berlin)" ]
}
says_wrong() {
	hubctl why berlin a | grep -qi key
}

@test "over quota: refused before a byte is sent, with figures" {
	spoke berlin "group:staging_quota = 1MiB"
	hub
	random "$T/src/one.img" 8
	start berlin hub
	eventually 20 says_space
	[ -z "$(published berlin)" ]
	[ "$(find "$T/berlin/.spokesync" -type f -size +4M | wc -l)" -eq 0 ]
	spoke berlin "group:staging_quota = 1GiB"
	ctl berlin reload
	hubctl retry "$(job one.img berlin id)"
	hubctl wait --timeout 60s
	same berlin one.img
}
says_space() {
	hubctl why berlin one.img >"$T/why" && grep -qi 'quota' "$T/why" && grep -q '1.* MiB' "$T/why"
}

@test "a spoke that is down is said to be down, and is served when it comes up" {
	spoke berlin
	hub
	echo 1 >"$T/src/a"
	start hub
	eventually 20 says_down
	start berlin
	hubctl wait --timeout 60s
	same berlin a
}
says_down() {
	hubctl spokes --json | jq -e '.spokes[0].up == false' && [ -n "$(hubctl why berlin a)" ]
}
