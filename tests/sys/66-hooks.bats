# Who is told what happened: hooks and webhooks, over crashes and servers that are gone.
load lib

setup() { world; }
teardown() {
	[ -z "${SINK-}" ] || kill "$SINK"
	world_end
}

# sink KIND PORT [CERT KEY]: a server that writes what it gets to $T/sink
sink() {
	python3 "$BATS_TEST_DIRNAME/sink.py" "$T/sink" "$@" 3>&- 4>&- &
	SINK=$!
	eventually 10 listens "$2"
}
listens() { grep -q "$(printf ':%04X 0' "$1")" /proc/net/tcp; }

# told NAME: the lines that the hooks wrote, sorted where the order is not ours to promise
told() { cat "$T/told" 2>/dev/null || true; }
hook_script() {
	cat >"$T/hook" <<-'SH'
		#!/bin/sh
		# The same facts on both ways; a path is a path, whatever is in it.
		jq -r --arg p "$SPOKESYNC_PATH" --arg e "$SPOKESYNC_EVENT" --arg k "$SPOKESYNC_KIND" \
			'select(.path == $p and .event == $e and .kind == $k) | [.event, .kind, .path, (.spoke // (.spokes // [] | join(",")))] | join(" ")' \
			>>"${0%/*}/told"
		echo "said by $SPOKESYNC_EVENT"
	SH
	chmod 755 "$T/hook"
}

# Catches: a hook that is not called, or before its turn, or with other facts; output that is lost; a
# webhook that ignores its list of events, its header, or an answer that says later.
@test "hooks and webhooks are told each step with its facts" {
	local name='a b;$(c).img' port
	hook_script
	port=$(free_port)
	echo 'X-Test: secret' >"$T/header"
	spoke berlin "group:on_publish = $T/hook" "group:staging_quota = 64MiB"
	GROUP=$(printf 'on_%s = '"$T/hook"'\n' settled staged complete fail)
	GROUP+=$'\n'"webhook = http://127.0.0.1:$port/x?y=1"$'\n'"webhook_header = $T/header"
	hub
	echo 503 >"$T/sink.status"
	sink http "$port"
	start berlin hub
	random "$T/src/$name" 1
	eventually 30 grep -q ^complete "$T/told"
	is "$(printf '%s\n' "settled put $name " "staged put $name berlin" "publish put $name " \
		"complete put $name berlin" | sort)" eval 'told | sort'
	# Told by the server that it was to come later, it came again: the same event.
	twice() { jq -es 'map(.body.id) | length == 2 and .[0] == .[1]' "$T/sink"; }
	eventually 10 twice
	jq -es --arg n "$name" --arg r "$(summary "$name" berlin root)" --arg f "$T/src/$name" '.[1] |
		.path == "/x?y=1" and .header == "X-Test: secret"[8:] and .type == "application/json" and
		(.body | .event == "complete" and .path == $n and .root == $r and .file == $f and .size == 1048576 and
			.group == "g" and .version == 1 and .host and .time)' "$T/sink"
	echo stays >"$T/src/small" # without it the group would be empty, and stand still
	eventually 30 same berlin small
	rm "$T/src/$name"
	eventually 30 grep -q "^complete delete $name" "$T/told"
	# What does not fit there until somebody acts.
	random "$T/src/big.img" 80
	eventually 30 grep -q '^fail put big.img berlin' "$T/told"
	failed() { jq -es 'map(.body) | any(.event == "fail" and .path == "big.img" and .spoke == "berlin" and (.why | test("quota")))' "$T/sink"; }
	eventually 10 failed
	hubctl log | grep -q 'hook .*complete'
	jq -es 'map(select(.event == "hook" and .on == "settled"))[0] | .exit == 0 and .output == "said by settled\n"' "$T/hub.jsonl"
	! grep -rq secret "$T/hub.err" "$T/hub.jsonl"
}

# Catches: an event that a kill -9 of the hub or the spoke forgets, or that comes with another id.
@test "a hook that a kill cut off is run again, with the same event" {
	local pid event
	cat >"$T/hook" <<-'SH'
		#!/bin/sh
		echo "$SPOKESYNC_ID $SPOKESYNC_PATH" >>"${0%/*}/told.$SPOKESYNC_EVENT"
		[ -e "${0%/*}/go" ] || { echo $$ >>"${0%/*}/pids"; exec sleep 600; }
	SH
	chmod 755 "$T/hook"
	spoke berlin "group:on_publish = $T/hook"
	GROUP="on_complete = $T/hook"
	hub
	start berlin hub
	echo 1 >"$T/src/a"
	both() { [ "$(grep -c . "$T/pids")" -eq 2 ]; }
	eventually 30 both
	# They do not hold up what comes after them.
	echo 2 >"$T/src/b"
	hubctl wait --timeout 60s
	for event in hub berlin; do ctl "$event" status --json | jq -e '.notices.waiting == 2'; done
	stop hub KILL
	stop berlin KILL
	while read -r pid; do kill "$pid"; done <"$T/pids"
	touch "$T/go"
	start berlin hub
	for event in complete publish; do
		eventually 20 is "$(printf '%s\n' '1 a' '1 a' '2 b')" cat "$T/told.$event"
	done
	none() { hubctl status --json | jq -e '.notices.waiting == 0'; }
	eventually 10 none
}

# Catches: a server that anybody could be, a webhook that is dropped while its server is away.
@test "a webhook goes to the server whose key is pinned, and to no other" {
	local port pin
	port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-keyout "$T/web.key" -out "$T/web.pem" 2>/dev/null
	pin=sha256:$(openssl pkey -in "$T/web.key" -pubout -outform DER | sha256sum | cut -d' ' -f1)
	spoke berlin
	GROUP="webhook = https://localhost:$port/"
	hub
	start berlin hub
	echo 1 >"$T/src/a"
	hubctl wait --timeout 60s
	problem() { hubctl status --json | jq -re '.notices.problem'; }
	eventually 10 problem
	sink https "$port" "$T/web.pem" "$T/web.key"
	# Nobody vouches for it.
	refused() { problem | grep -q 'webhook_key'; }
	eventually 20 refused
	run hubctl status --check
	[ "$status" -eq 1 ]
	GROUP+=$'\n'"webhook_key = ${pin/sha256:??/sha256:00}"
	hub
	hubctl reload
	wrong() { problem | grep -q "not one of webhook_key"; }
	eventually 20 wrong
	[ ! -e "$T/sink" ]
	GROUP+=$'\n'"webhook_key = $pin"
	hub
	hubctl reload
	eventually 30 test -s "$T/sink"
	jq -es 'length == 1 and .[0].body.path == "a"' "$T/sink"
}

# Catches: hook_time that does not come to the hook, or ends only the shell and not what it started.
@test "a hook whose time is over is ended with all that it started, and what it printed is kept" {
	printf '#!/bin/sh\necho before\nsleep 600 &\necho $! >"%s"\nwait\n' "$T/sleeper" >"$T/hook"
	chmod 755 "$T/hook"
	spoke berlin
	HUB="hook_time = 1s"
	GROUP="on_settled = $T/hook"
	hub
	echo 1 >"$T/src/a"
	start berlin hub
	late() { jq -es '[.[] | select(.event == "hook")][0] | .output == "before\n" and (.why | test("its time was over"))' "$T/hub.jsonl"; }
	eventually 30 late
	eventually 10 gone "$(<"$T/sleeper")"
}

# Catches: a group that stops and tells nobody, or tells again at each look.
@test "on_fail tells of a group that stands still, once, with the reason" {
	printf '#!/bin/sh\necho "$SPOKESYNC_EVENT $SPOKESYNC_KIND [$SPOKESYNC_PATH] $SPOKESYNC_WHY" >>"${0%%/*}/told"\n' >"$T/hook"
	chmod 755 "$T/hook"
	spoke berlin
	GROUP=$(printf 'max_delete = 1\non_fail = %s' "$T/hook")
	hub
	echo 1 | tee "$T/src/a" "$T/src/b" "$T/src/c" >"$T/src/d"
	start berlin hub
	hubctl wait --timeout 60s
	[ ! -e "$T/told" ]
	rm "$T/src/a" "$T/src/b"
	eventually 20 test -s "$T/told"
	grep -q '^fail group \[\] .*confirm' "$T/told"
	sleep 2
	is 1 grep -c . "$T/told"
	[ -e "$T/berlin/a" ]
}

# Catches: a spoke that reads the key and tells nobody.
@test "a spoke's own webhook is told what it published" {
	port=$(free_port)
	spoke berlin "group:webhook = http://127.0.0.1:$port/branch" "group:webhook_events = publish"
	hub
	sink http "$port"
	random "$T/src/image" 1
	start berlin hub
	hubctl wait --timeout 60s
	published_there() { jq -es --arg f "$T/berlin/image" 'length == 1 and (.[0] | .path == "/branch" and (.body | .event == "publish" and .path == "image" and .file == $f and .kind == "put"))' "$T/sink"; }
	eventually 20 published_there
}
