# A join code makes a hub and a spoke known to each other: one paste, no key copied by hand.
load lib

setup() { world; }
teardown() { world_end; }

# strangers: a spoke without a hub's key, and a hub without a spoke; each includes a directory.
strangers() {
	spoke berlin "include = berlin.d/*.ini"
	sed -i '/^hub_key = /d' "$T/berlin.ini"
	SPOKE=()
	HUB="include = hub.d/*.ini"
	hub
	sed -i 's/^spokes = .*/spokes = .*/' "$T/hub.ini"
	start berlin hub
	curl=(curl -sk --max-time 5 --cert "$T/hub.key" --key "$T/hub.key")
	url=https://127.0.0.1:${PORT[berlin]}
}

# offer [ARGUMENT...]: `pair` on the spoke, in the background; the code is in $CODE.
offer() {
	: >"$T/code"
	"$SPOKESYNC" -S "$T/berlin.sock" pair "$@" >"$T/code" 2>"$T/offer.err" 3>&- 4>&- &
	OFFER=$!
	eventually 10 grep -q ^spk: "$T/code"
	CODE=$(head -n 1 "$T/code")
}

# ended PID STATUS: that program ends, with this status
ended() {
	local status=0
	eventually 10 gone "$1"
	wait "$1" || status=$?
	[ "$status" -eq "$2" ] || {
		echo "exit status $status, not $2"
		return 1
	}
}

# show SECRET: what a hub that is not known shows; prints the status, 000 where it got no answer
show() {
	"${curl[@]}" -o "$T/answer" -w '%{http_code}' -d "{\"secret\":\"$1\"}" "$url/v1/pair" || true
}
wrong=00000000000000000000000000000000

@test "one paste: both sides are written, in force, and images go over" {
	strangers
	echo 1 >"$T/src/a"
	run "${curl[@]}" "$url/v1/hello"
	[ "$status" -ne 0 ]
	offer
	[ "$(wc -l <"$T/code")" -eq 1 ]
	run hubctl pair "$CODE" --name berlin
	echo "$output"
	[ "$status" -eq 0 ]
	ended "$OFFER" 0
	grep -q '^hub_key = '"${KEY[hub]}" "$T"/berlin.d/hub-*.ini
	grep -qx '\[spoke berlin\]' "$T/hub.d/spoke-berlin.ini"
	grep -qx "key = ${KEY[berlin]}" "$T/hub.d/spoke-berlin.ini"
	hubctl wait --timeout 60s
	same berlin a
	# It was good once.
	[ "$(show $wrong)" != 200 ]
	run hubctl pair "$CODE" --name again
	[ "$status" -eq 4 ]
	# The files are what a start reads, too.
	stop hub
	stop berlin
	start berlin hub
	echo 2 >"$T/src/b"
	hubctl wait --timeout 60s
	same berlin b
}

@test "while a code lives, an unknown key reaches that one request only" {
	strangers
	offer
	for path in / /v1/hello /v1/groups/g/inventory /v1/groups/g/offers /v1/transfers/g/00 /v1/pair /v1/pair/x; do
		run "${curl[@]}" -w '%{http_code}' "$url$path"
		echo "$path: $output"
		[ "$output" = 000 ]
	done
	run "${curl[@]}" -w '%{http_code}' -X PUT -T "$T/hub.ini" "$url/v1/pair"
	[ "$output" = 000 ]
	# Its body is bounded, and nothing follows on its connection.
	head -c 5000 /dev/zero | tr '\0' ' ' >"$T/long"
	[ "$("${curl[@]}" -o "$T/answer" -w '%{http_code}' --data-binary "@$T/long" "$url/v1/pair")" = 413 ]
	run "${curl[@]}" -w '%{http_code} %{num_connects}\n' -d '{}' "$url/v1/pair" "$url/v1/pair"
	echo "$output"
	[ "$(grep -c '400 1$' <<<"$output")" -eq 2 ]
	# No key at all does not even reach that.
	run curl -sk --max-time 5 -d '{}' -w '%{http_code}' "$url/v1/pair"
	[ "$output" = 000 ]
	kill -INT "$OFFER"
	eventually 10 is 000 show $wrong
}

@test "five wrong secrets end a code" {
	strangers
	offer
	for i in 1 2 3 4 5; do
		[ "$(show $wrong)" = 403 ] || {
			echo "try $i"
			false
		}
	done
	ended "$OFFER" 1
	grep -q 'no longer good' "$T/offer.err"
	[ "$(show $wrong)" = 000 ]
	run hubctl pair "$CODE" --name berlin
	[ "$status" -eq 4 ]
	[[ $output == *"no join code waits there"* ]]
	[ ! -e "$T/hub.d" ]
}

@test "mistyped codes are found before anything is sent; what cannot be is refused in words" {
	strangers
	offer
	run hubctl pair "${CODE%?????}AAAAA" --name berlin
	[ "$status" -eq 2 ]
	[[ $output == *mistyped* ]]
	run hubctl pair
	[ "$status" -eq 2 ]
	run hubctl pair "$CODE"
	[ "$status" -eq 2 ]
	[[ $output == *--name* ]]
	run ctl berlin pair "$CODE"
	[ "$status" -eq 2 ]
	run ctl berlin pair
	[ "$status" -eq 4 ]
	run ctl berlin pair --address 'no place'
	[ "$status" -ne 0 ]
	# Written as people do: small letters, other dashes, digits that look like letters.
	CODE=$(sed 's/-//g; s/O/0/g; s/I/1/g' <<<"${CODE,,}")
	hubctl pair "$CODE" --name berlin
	ended "$OFFER" 0
	offer
	run hubctl pair "$CODE" --name munich
	[ "$status" -eq 4 ]
	[[ $output == *"[spoke berlin]"* ]]
}

@test "by hand: where no directory is included the lines are printed" {
	strangers
	sed -i '/^include = /d' "$T/berlin.ini" "$T/hub.ini"
	ctl berlin reload
	hubctl reload
	offer
	hubctl pair "$CODE" --name berlin 2>"$T/hub.said" &
	HAND=$!
	eventually 10 grep -q "^hub_key = " "$T/offer.err"
	sed -i "s/^role = spoke/&\n$(grep '^hub_key = ' "$T/offer.err")/" "$T/berlin.ini"
	ctl berlin reload
	ended "$OFFER" 0
	ended "$HAND" 5
	sed -n '/^\[spoke/,/^key/p' "$T/hub.said" >>"$T/hub.ini"
	echo 1 >"$T/src/a"
	hubctl reload
	hubctl wait --timeout 60s
	same berlin a
}

@test "a configuration that is refused is as it was" {
	strangers
	offer
	echo nonsense >>"$T/hub.ini"
	run hubctl pair "$CODE" --name berlin
	[ "$status" -eq 5 ]
	[[ $output == *"[spoke berlin]"* ]]
	[ -z "$(ls "$T/hub.d")" ]
}

# Catches: the program as it was, which had four places for keys that it does not know, and kept them for
# whoever came first.
@test "strangers who keep their connections open stand in nobody's way" {
	local i idle=()
	strangers
	printf '[daemon]\nrole = hub\nstate_dir = %s\nkey = %s\n' "$T" "$T/other.key" >"$T/other.ini"
	"$SPOKESYNCD" -c "$T/other.ini" --print-key >"$T/other"
	offer
	mkfifo "$T/fifo"
	exec 8<>"$T/fifo" # nothing comes from it, and no end
	for i in 1 2 3 4 5 6; do
		openssl s_client -connect "127.0.0.1:${PORT[berlin]}" -cert "$T/other.key" -key "$T/other.key" \
			<"$T/fifo" >"$T/idle$i" 2>&1 3>&- 4>&- &
		idle+=($!)
		eventually 10 grep -q 'Cipher is TLS_' "$T/idle$i"
	done
	run hubctl pair "$CODE" --name berlin
	echo "$output"
	kill "${idle[@]}" 2>/dev/null || true
	exec 8>&-
	[ "$status" -eq 0 ]
	ended "$OFFER" 0
}
