# The hooks of contrib/, as hooks of a real fleet, against real servers.
load lib

setup() { world; }
teardown() {
	local pid
	for pid in "${SINKS[@]}"; do kill "$pid"; done
	world_end
}

SINKS=()
sink() { # NAME KIND PORT
	python3 "$BATS_TEST_DIRNAME/sink.py" "$T/$1" "$2" "$3" 3>&- 4>&- &
	SINKS+=($!)
	eventually 10 grep -q "$(printf ':%04X 0' "$3")" /proc/net/tcp
}

# Catches: an image server that is told of an image that is not everywhere yet, of small files or of
# deletions; a mail that does not say what it is about; a failure that nobody sees.
@test "an image server is told that an image is everywhere, and people by mail" {
	local hooks=$BATS_TEST_DIRNAME/../../contrib/hooks web mail
	web=$(free_port) mail=$(free_port)
	echo 'X-Test: token' >"$T/header"
	printf '%s\n' "URL=http://127.0.0.1:$web/api/auto-update" "HEADER_FILE=$T/header" TRIES=3 >"$T/server.conf"
	printf '#!/bin/sh\ncat >"%s"\n' "$T/sent" >"$T/sendmail"
	chmod 755 "$T/sendmail"
	spoke berlin "group:on_publish = $hooks/mail --to a@example.net --sendmail $T/sendmail"
	spoke paris
	GROUP="on_complete = $hooks/image-server $T/server.conf
on_settled = $hooks/mail --to a@example.net --to b@example.net --from hub@example.net --smtp 127.0.0.1:$mail"
	hub
	# The first time it is asked to come again.
	echo 503 >"$T/web.status"
	sink web http "$web"
	sink mail smtp "$mail"
	start berlin hub
	echo pvp >"$T/src/win.1.pvp"
	random "$T/src/win.1.vhdx" 1
	eventually 30 same berlin win.1.vhdx
	eventually 10 test -s "$T/sent"
	grep -q '^Subject: spokesync on .*: publish: g/win.1' "$T/sent"
	mails() { [ "$(grep -c . "$T/mail")" -eq 2 ]; }
	eventually 20 mails
	jq -es 'map(select(.text | test("Subject: spokesync on .*: settled: g/win.1.vhdx")))[0] |
		(.from | test("hub@example.net")) and (.to | length == 2) and (.text | test("\nsize: 1048576\n"))' "$T/mail"
	# One of two is not everywhere.
	[ ! -e "$T/web" ]
	start paris
	hubctl wait --timeout 60s
	told() { [ "$(grep -c . "$T/web")" -eq 2 ]; }
	eventually 30 told
	jq -es --arg r "$(summary win.1.vhdx paris root)" '.[0].status == 503 and (.[1] |
		.path == "/api/auto-update" and .header == "token" and .body.action == "ApplyAutoUpdate" and
		(.body.event | .path == "win.1.vhdx" and .root == $r and .spokes == ["berlin", "paris"]))' "$T/web"
	rm "$T/src/win.1.vhdx"
	hubctl wait --timeout 60s
	quiet() { hubctl status --json | jq -e '.notices.waiting == 0'; }
	eventually 30 quiet
	[ "$(grep -c . "$T/web")" -eq 2 ]
	# A server that says no: what it said is in the job log.
	echo 403 403 403 >"$T/web.status"
	random "$T/src/win.2.vhdx" 1
	hubctl wait --timeout 60s
	eventually 30 quiet
	jq -es 'map(select(.event == "hook" and .path == "win.2.vhdx" and .on == "complete"))[0] | .exit == 22 and (.output | test("403"))' "$T/hub.jsonl"
}
