# The control socket: who may what, by the credentials of the process that asks, for each row of the
# command table; limits of requests and clients; nobody waits for a client that does not read.
load lib

setup() {
	world
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	spoke berlin "control_group = games"
	HUB="control_group = games"
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 closed'
	hub
	start berlin hub
	modes=$(stat -c '%a %G' "$T/hub.sock" "$T/berlin.sock")
	# The door itself is open: what is tested is the daemon's own look at who asks.
	chmod 755 "$T"
	chmod 666 "$T/hub.sock" "$T/berlin.sock"
	curl=(curl -s --max-time 2 -o "$T/answer" -w '%{http_code}')
	touch "$T/answer"
	chmod 666 "$T/answer"
}
teardown() { world_end; }

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
member=(setpriv --reuid=65534 --regid=games --clear-groups)

# ask NAME METHOD PATH: its status, as whoever is in $as
ask() {
	local body=()
	[ "$2" = POST ] && body=(-d '{}')
	"${as[@]}" "${curl[@]}" -X "$2" "${body[@]}" --unix-socket "$T/$1.sock" "http://x${3/\{job\}/1}" || true
}

@test "every command, as nobody, as a member of control_group and as root" {
	loaded=$(hubctl config --json | jq -r .loaded)
	n=0
	while read -r _ method path right roles; do
		for name in hub berlin; do
			here=spoke
			[ $name = hub ] && here=hub
			what="$method $path ($right) at the $here"
			as=("${nobody[@]}")
			[ "$(ask $name "$method" "$path")" = 403 ] || {
				echo "nobody: $what: $(cat "$T/answer")"
				false
			}
			as=("${member[@]}")
			got=$(ask $name "$method" "$path")
			echo "member: $what: $got"
			if [ "$right" = change ]; then
				[ "$got" = 403 ]
			elif [[ " $roles " == *" $here "* ]]; then
				[[ $got =~ ^(200|400|404|424|504|000)$ ]]
			else
				[ "$got" = 409 ]
			fi
			n=$((n + 1))
		done
	done < <("$BUILD/tests/docs/list" | grep '^verb ')
	[ "$n" -ge 46 ]
	# Who may only read may wait, but hold no sync-now open.
	[ "$("${member[@]}" "${curl[@]}" -d '{"sync-now":1}' --unix-socket "$T/hub.sock" http://x/v1/wait)" = 403 ]
	# Nothing was changed by any of that.
	[ "$(hubctl config --json | jq -r .loaded)" = "$loaded" ]
	[ "$(hubctl status --json | jq '.overrides | length')" -eq 0 ]
	run grep -c '"event":"command"' "$T/hub.jsonl"
	[ "$output" = 0 ]
	# root may.
	as=()
	[ "$(ask hub POST /v1/reload)" = 200 ]
	[ "$(ask berlin POST /v1/reload)" = 200 ]
}

@test "where the socket's own mode stands, nobody does not even get in" {
	chmod 660 "$T/hub.sock"
	[ "$modes" = $'660 games\n660 games' ]
	run "${nobody[@]}" "$SPOKESYNC" -S "$T/hub.sock" status
	[ "$status" -eq 4 ]
	run "${member[@]}" "$SPOKESYNC" -S "$T/hub.sock" status
	[ "$status" -eq 0 ]
	run "${member[@]}" "$SPOKESYNC" -S "$T/hub.sock" pause --all --for 1h
	[ "$status" -eq 4 ]
}

@test "requests have limits, and end by themselves" {
	as=()
	u=(--unix-socket "$T/hub.sock")
	head -c 17000 /dev/zero | tr '\0' ' ' >"$T/long"
	[ "$("${curl[@]}" "${u[@]}" --data-binary "@$T/long" http://x/v1/pause)" = 413 ]
	[ "$("${curl[@]}" "${u[@]}" "http://x/v1/$(printf 'a%.0s' {1..9000})")" = 414 ]
	[ "$("${curl[@]}" "${u[@]}" -H "A: $(printf 'a%.0s' {1..8000})" -H "B: $(printf 'a%.0s' {1..8000})" \
		-H "C: $(printf 'a%.0s' {1..8000})" http://x/v1/status)" = 431 ]
	for body in '[' '{"for":' '[]' '"x"' '{"for":1}' '{"for":"1h","for":"2h"}' '{"nonsense":"1"}' '{"for":"99999999999999999999h"}' \
		'{"for":"-1h"}' "$(printf '{"a":%.0s' {1..3000})" "$(printf '{"for":"\\u0000"}')"; do
		got=$("${curl[@]}" "${u[@]}" -d "$body" http://x/v1/pause)
		[ "$got" = 400 ] || {
			echo "${body:0:60}: $got"
			false
		}
	done
	for path in /v1/jobs/-1 /v1/jobs/1e9 /v1/jobs/99999999999999999999 /v1/jobs/%00 /v1//jobs /v1/jobs/../status \
		'/v1/log?lines=-1' '/v1/log?lines=99999999999999999999' '/v1/plan?at=x' '/v1/explain?spoke=%ff'; do
		got=$("${curl[@]}" "${u[@]}" --path-as-is "http://x$path")
		[[ $got =~ ^40[04]$ ]] || {
			echo "$path: $got"
			false
		}
	done
	hubctl status
	[ "$(hubctl status --json | jq '.overrides | length')" -eq 0 ]
}

@test "clients that come in numbers, and those that do not read, stop nobody" {
	before=$(find "/proc/${PID[hub]}/fd" -mindepth 1 | wc -l)
	python3 - "$T/hub.sock" "$T/ready" "$(getent group games | cut -d: -f3)" <<-'PY' 3>&- 4>&- &
		import os, socket, sys, time
		kept, refused, ready = [], 0, open(sys.argv[2], "w")
		os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(65534)
		ask = b"GET /v1/config?keys=1 HTTP/1.1\r\nHost: x\r\n\r\n"
		for i in range(60):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    s.settimeout(5)
		    if i < 20:        # asks again and again, and never reads
		        s.setblocking(False)
		        try:
		            for k in range(2000): s.send(ask)
		        except (BlockingIOError, BrokenPipeError): pass
		    elif i < 28:      # half a request
		        s.send(ask[:20])
		    else:
		        try:
		            s.send(ask)
		            refused += b" 503 " in s.recv(100)[:20]
		        except OSError: refused += 1
		    kept.append(s)
		print(refused, file=ready, flush=True)
		time.sleep(60)
	PY
	CROWD=$!
	eventually 20 test -s "$T/ready"
	# Half of all that the socket takes is for one user.
	[ "$(cat "$T/ready")" -ge 28 ]
	for i in 1 2 3 4 5; do timeout 5 "$SPOKESYNC" -S "$T/hub.sock" status >/dev/null; done
	within() { [ "$(find "/proc/${PID[hub]}/fd" -mindepth 1 | wc -l)" -le $((before + 66)) ]; }
	within
	frugal hub 100000
	kill "$CROWD"
	wait "$CROWD" || true
	back() { [ "$(find "/proc/${PID[hub]}/fd" -mindepth 1 | wc -l)" -le $((before + 1)) ]; }
	eventually 15 back
}
