# Who is not known gets in nowhere, at no cost; who is known no longer is put out.
#
# Seen to catch: any key taken for a known one (tests/broken 7); a handshake closed without an alert.
load lib

setup() {
	world
	spoke berlin
	printf '[daemon]\nrole = hub\nstate_dir = %s\nkey = %s\n' "$T" "$T/other.key" >"$T/other.ini"
	"$SPOKESYNCD" -c "$T/other.ini" --print-key >"$T/other"
	start berlin
	port=${PORT[berlin]}
	url=https://127.0.0.1:$port
	curl=(curl -sk --max-time 10)
	known=(--cert "$T/hub.key" --key "$T/hub.key")
	other=(--cert "$T/other.key" --key "$T/other.key")
}
teardown() { world_end; }

status_of() { # CURL-ARGUMENT...: 000 where there was no answer
	"${curl[@]}" -o "$T/answer" -w '%{http_code}' "$@" || true
}
descriptors() { find "/proc/${PID[berlin]}/fd" -mindepth 1 | wc -l; }
at_most() { [ "$(descriptors)" -le "$1" ]; }

@test "an unknown key ends in the handshake, whatever it asks for" {
	root=$(printf '%064d' 0)
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
	for request in "GET /v1/hello" "GET /" "GET /v1/groups/g/inventory" "POST /v1/groups/g/offers" \
		"POST /v1/groups/g/publish" "POST /v1/groups/g/tree" "GET /v1/transfers/g/$root" \
		"PUT /v1/transfers/g/$root?bundle=$root&offset=0" "DELETE /v1/transfers/g/$root" \
		"POST /v1/pair" "OPTIONS *" "GET /v1/../../etc/passwd"; do
		for key in "${other[*]}" ""; do
			# shellcheck disable=SC2086
			rm -f "$T/answer"
			got=$(status_of $key --path-as-is -X "${request%% *}" -d '{}' "$url${request#* }")
			[ "$got" = 000 ] && [ ! -s "$T/answer" ] || {
				echo "$request: $got"
				false
			}
		done
	done
	# It is an alert of TLS, no close in silence, and not one byte of HTTP comes before it.
	(printf 'GET /v1/hello HTTP/1.1\r\nHost: x\r\n\r\n' && sleep 2) |
		openssl s_client -connect "127.0.0.1:$port" -cert "$T/other.key" -key "$T/other.key" -msg \
			>"$T/said" 2>&1 || true
	grep -aq '^<<< TLS 1.3, Alert .*fatal access_denied' "$T/said"
	run grep -a '^HTTP/' "$T/said"
	[ "$status" -eq 1 ]
}

@test "TLS 1.2 is refused; there are no tickets and no early data" {
	for v in 1 1_1 1_2; do
		run openssl s_client "-tls$v" -cipher 'ALL:@SECLEVEL=0' -connect "127.0.0.1:$port" \
			-cert "$T/hub.key" -key "$T/hub.key" </dev/null
		[ "$status" -ne 0 ]
		[[ $output == *"Cipher is (NONE)"* ]]
	done
	(printf 'GET /v1/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' && sleep 1) |
		openssl s_client -tls1_3 -connect "127.0.0.1:$port" -cert "$T/hub.key" -key "$T/hub.key" \
			-msg -sess_out "$T/session" >"$T/said" 2>&1
	grep -aq '^HTTP/1.1 200' "$T/said"
	run grep -aE 'NewSessionTicket|New Session Ticket arrived|Max Early Data: [1-9]' "$T/said"
	[ "$status" -eq 1 ]
	[ ! -s "$T/session" ]
}

# Catches: a hub that takes what curl takes by default. It is the right key, and by TLS 1.3 the question comes.
@test "a hub asks nothing of a spoke that has TLS 1.2 alone, though the key is the right one" {
	stop berlin
	SETTLE=0s RETRY=200ms
	hub
	echo 1 >"$T/src/a"
	tls() { # VERSION
		openssl s_server "-tls$1" -accept "127.0.0.1:$port" -cert "$T/berlin.key" -key "$T/berlin.key" \
			>"$T/served" 2>&1 3>&- 4>&- <"$T/fifo" &
		SERVER=$!
	}
	mkfifo "$T/fifo"
	exec 8<>"$T/fifo" # nothing comes from it, and no end
	start hub
	tls 1_2
	eventually 20 grep -aiE 'unsupported protocol|protocol version' "$T/served"
	run grep -a 'GET /v1/hello' "$T/served"
	kill "$SERVER"
	wait "$SERVER" || true
	[ "$status" -eq 1 ]
	is false eval 'hubctl spokes --json | jq ".spokes[0].up"'
	tls 1_3
	eventually 20 grep -a 'GET /v1/hello' "$T/served"
	kill "$SERVER"
	wait "$SERVER" || true
	exec 8>&-
}

# Catches: a connection that may wait for ever before, within or after its handshake (SERVER_HEAD_S).
@test "who does not get on with the handshake, or with the first request, is put out in half a minute" {
	quiet() { # NAME COMMAND...: what it says is sent, and then nothing; ends when the other side does
		local said=$1
		shift
		"$@" >"$T/$said" 2>&1 3>&- 4>&- &
		WAITING+=("$!")
	}
	raw() { # BYTES
		exec 9<>"/dev/tcp/127.0.0.1/$port"
		head -c "$1" "$T/hello" >&9
		cat <&9
	}
	half() { openssl s_client -quiet -connect "127.0.0.1:$port" -cert "$T/hub.key" -key "$T/hub.key" <"$T/fifo"; }
	mkfifo "$T/fifo"
	exec 8<>"$T/fifo"
	printf 'GET /v1/hello HTTP/1.1\r\nHost' >&8
	WAITING=()
	printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' >"$T/hello"
	quiet none raw 0
	quiet part raw 9
	quiet head half
	eventually 60 ended
	exec 8>&-
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
}
ended() {
	local w
	for w in "${WAITING[@]}"; do gone "$w" || return 1; done
}

@test "200 unknown keys, half-open handshakes and lumps of garbage cost nothing" {
	# The first ones warm up what is kept for good.
	for i in 1 2 3 4 5; do status_of "${other[@]}" "$url/v1/hello" >/dev/null; done
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
	eventually 10 at_most "$(descriptors)"
	files=$(descriptors)
	before=$(memory_of berlin)
	seq 200 | xargs -P 8 -I{} curl -sk --max-time 20 -o /dev/null -w '%{http_code}\n' \
		"${other[@]}" "$url/v1/hello?{}" >"$T/said" 2>&1 || true
	[ "$(grep -cx 000 "$T/said")" -eq 200 ]
	for i in $(seq 20); do
		head -c 3000 /dev/urandom | timeout 2 openssl s_client -connect "127.0.0.1:$port" >/dev/null 2>&1 || true
		exec {raw}<>"/dev/tcp/127.0.0.1/$port"
		head -c 300 /dev/urandom >&"$raw"
		exec {raw}>&-
	done
	eventually 20 at_most "$files"
	frugal berlin $((before + 4096))
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
}

@test "a key file that others may read is refused, by the daemon and by --print-key" {
	stop berlin
	for mode in 0640 0604 0660 0601; do
		chmod "$mode" "$T/berlin.key"
		run "$SPOKESYNCD" -c "$T/berlin.ini" --print-key
		[ "$status" -ne 0 ]
		[[ $output == *"mode $mode lets others read"* ]]
		run timeout 10 "$SPOKESYNCD" -c "$T/berlin.ini"
		[ "$status" -eq 1 ]
		[[ $output == *"mode $mode lets others read"* ]]
	done
	chmod 0600 "$T/berlin.key"
	start berlin
	# One that is made is nobody else's.
	[ "$(stat -c %a "$T/other.key")" = 600 ]
}

@test "two pins while a key is replaced, on either side; then the old one is out" {
	sed -i "s/^hub_key = .*/&\nhub_key = $(cat "$T/other")/" "$T/berlin.ini"
	ctl berlin reload
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
	[ "$(status_of "${other[@]}" "$url/v1/hello")" = 200 ]
	# The hub has the spoke's old key and its next one, and replication goes on.
	SPOKE[berlin]="key = $(cat "$T/other")"
	hub
	start hub
	echo 1 >"$T/src/a"
	hubctl wait --timeout 60s
	same berlin a
	# The spoke comes back with the other key: the hub knows it already.
	stop berlin
	mv "$T/other.key" "$T/berlin.key"
	sed -i "/^hub_key = $(cat "$T/other")/d" "$T/berlin.ini"
	start berlin
	echo 2 >"$T/src/b"
	hubctl wait --timeout 60s
	same berlin b
}

@test "a reload that takes a pin away closes its connections, resting ones and running ones" {
	sed -i "s/^hub_key = .*/&\nhub_key = $(cat "$T/other")/" "$T/berlin.ini"
	ctl berlin reload
	# A resting connection, a request that never ends, and one of the key that stays.
	root=$(printf '%064d' 1)
	hold() {
		(printf 'GET /v1/hello HTTP/1.1\r\nHost: x\r\n\r\n' && tail -f /dev/null --pid="$BASHPID" 2>/dev/null) |
			openssl s_client -quiet -connect "127.0.0.1:$port" -cert "$1" -key "$1"
	}
	hold "$T/other.key" >"$T/rest" 2>&1 3>&- 4>&- &
	REST=$!
	hold "$T/hub.key" >"$T/stay" 2>&1 3>&- 4>&- &
	STAY=$!
	tail -f /dev/null | "${curl[@]}" --max-time 60 "${other[@]}" -T - "$url/v1/groups/g/offers" -X POST \
		>"$T/run" 2>&1 3>&- 4>&- &
	RUN=$!
	eventually 10 grep -aq '200 OK' "$T/rest"
	eventually 10 grep -aq '200 OK' "$T/stay"
	connections() { grep -c " 0100007F:$(printf %04X "$port") .* 01 " /proc/net/tcp; }
	eventually 10 is 3 connections
	sed -i "/^hub_key = $(cat "$T/other")/d" "$T/berlin.ini"
	ctl berlin reload
	eventually 10 is 1 connections
	[ "$(status_of "${other[@]}" "$url/v1/hello")" = 000 ]
	[ "$(status_of "${known[@]}" "$url/v1/hello")" = 200 ]
	kill "$REST" "$STAY" "$RUN" 2>/dev/null || true
}
