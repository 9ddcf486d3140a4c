# A spoke that lies: each lie ends in a clear error for that spoke alone. The other one is served, and
# the hub grows neither in memory nor in descriptors. In the first test there is a third, rome, which
# drops its answers in byte by byte all the time.
load lib

setup() {
	world
	spoke berlin
	spoke paris
	HUB=$'stall = 1s\nretry_min = 100ms\nretry_max = 1s'
	hub
	sed -i '/^retry_min = 1s$/d; /^retry_max = 2s$/d' "$T/hub.ini"
	echo hello-garbage >"$T/lie"
	LIARS=()
	liar berlin "$T"
}
teardown() {
	for l in "${LIARS[@]}"; do
		kill "$l" 2>/dev/null || true
		wait "$l" 2>/dev/null || true
	done
	world_end
}
liar() { # NAME DIRECTORY
	python3 "$BATS_TEST_DIRNAME/liar.py" "${PORT[$1]}" "$T/$1.key" "$2" 2>>"$T/liar.err" 3>&- 4>&- &
	LIARS+=($!)
}

problem() { hubctl spokes --json | jq -r --arg n "${1-berlin}" '.spokes[] | select(.name == $n) | .problem // ""'; }
says() { # REGEX [NAME]: what the hub says of berlin now
	local p
	p=$(problem "${2-berlin}")
	echo "problem: $p"
	grep -qiE -- "$1" <<<"$p"
}
# tell NAME: the lie from now on, whole or not at all
tell() {
	echo "$1" >"$T/lie.new"
	mv "$T/lie.new" "$T/lie"
}
# lie NAME REGEX: from now on; the hub has met it, and says what is wrong
lie() {
	tell "$1"
	met() { grep -q "^$1 " "$T/log"; }
	eventually 20 met "$1"
	eventually 40 says "$2"
	[ "$(hubctl spokes --json | jq -r '.spokes[] | select(.name == "paris") | .up')" = true ]
}
descriptors() { find "/proc/${PID[hub]}/fd" -mindepth 1 | wc -l; }

@test "what a spoke says of itself and of what it holds" {
	spoke rome
	hub
	sed -i '/^retry_min = 1s$/d; /^retry_max = 2s$/d' "$T/hub.ini"
	mkdir "$T/drip"
	echo raw-drip >"$T/drip/lie"
	liar rome "$T/drip"
	start paris hub
	lie hello-garbage 'not JSON'
	files=$(descriptors)
	for l in hello-empty hello-deep hello-nul; do lie $l 'not JSON|control'; done
	lie hello-array 'object'
	lie hello-version 'version 99'
	lie hello-negative 'seq'
	lie hello-seq-2-63 'seq|JSON'
	lie hello-float 'version'
	lie hello-zone 'zone'
	lie hello-epoch 'epoch'
	lie hello-name 'name'
	lie hello-million 'groups|larger'
	lie inventory-garbage 'not JSON'
	for l in up absolute store long; do lie inventory-$l 'path'; done
	lie inventory-size 'size|JSON'
	lie inventory-root 'root'
	lie inventory-still 'nothing came'
	lie inventory-back 'seq'
	lie inventory-many 'entries'
	lie inventory-circle 'forward'
	lie inventory-endless 'more files in a group than are remembered'
	few() { [ "$(descriptors)" -le $((files + 2)) ]; }
	eventually 10 few
	echo 1 >"$T/src/a"
	eventually 20 same paris a
	# Thirty times as long as nothing may move, whatever drops in meanwhile.
	eventually 60 says 'did not come to an end' rome
	frugal hub 150000
}

@test "answers without end, without sense, and to somewhere else" {
	export https_proxy=http://127.0.0.1:9 http_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9
	start paris hub
	lie raw-endless 'larger than'
	lie raw-heads 'header|head|large'
	lie raw-length 'terminated|moved|end|larger|closed|transfer'
	lie raw-half 'terminated|closed|transfer|end|eof|recv'
	lie raw-none 'HTTP/0.9|unsupported|HTTP|nonsense|answer'
	lie raw-silent 'nothing moved'
	lie raw-redirect 'HTTP 302'
	lie raw-encoded 'not JSON'
	# Nobody followed the redirect.
	run grep -c elsewhere "$T/log"
	[ "$output" = 0 ]
	echo 1 >"$T/src/a"
	eventually 20 same paris a
	frugal hub 150000
}

# Seen to catch: results of a publication that are fewer or more than what was asked for.
@test "positions that cannot be, and results that are none, are that job's own error" {
	random "$T/src/x" 1
	start paris hub
	# Each lie is met where it is told, and its own words are what the job says.
	while read -r l words; do
		tell "$l"
		# An answer of the lie before may have come last, and have ended the job.
		met() {
			grep -q "^$l .*/${l%-*}" "$T/log" && return
			[ "$(job x berlin state)" != failed ] || hubctl retry "$(job x berlin id)"
			return 1
		}
		eventually 30 met
		told() { hubctl why berlin x | tr -s '\n ' ' ' | grep -q "failed.*$words"; }
		eventually 30 told
		[ "$(job x berlin state)" != published ]
		hubctl retry "$(job x berlin id)" || true
	done <<-LIES
		offers-garbage not JSON
		offers-refusal error
		offers-offset "offset"
		offers-runs "proven": runs are out
		offers-proven not JSON: .*integer
		transfers-garbage not JSON: .*byte 0xff
		transfers-ahead does not come forward
		transfers-other does not come forward
		transfers-failed "failed": runs are out
		publish-none the publication makes no sense
		publish-more the publication makes no sense
		publish-garbage "results"
	LIES
	# Whatever it answered, no byte of it is believed to be there.
	hubctl matrix --json | jq -e '.groups[0].files[] | select(.path == "x") | .at.berlin.state != "published"'
	echo 1 >"$T/src/a"
	eventually 30 same paris a
	same paris x
	frugal hub 150000
}

# Catches: a job that is tried as often as the spoke can answer, because it says so or its disk changes.
@test "a spoke that has no room, and says all the time that there is some" {
	tell room-always
	random "$T/src/x" 1
	start paris hub
	offers() { grep -c '^room-always .*/offers' "$T/log"; }
	some() { [ "$(offers)" -ge 5 ]; }
	eventually 30 some
	sleep 3 # so long is looked at, nothing is waited for
	echo "$(offers) offers"
	[ "$(offers)" -le 30 ]
	is "no space at the spoke" job x berlin waits_text
	same paris x
}
