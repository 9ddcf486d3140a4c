# A hub that lies, with the key that the spoke knows: nothing is written, read or removed outside of
# what the group is, and the spoke goes on.
#
# Seen to catch: frame_decode.c giving a compressed body the room that it asks for; store.c taking offers
# however many there are.
load lib

setup() {
	world
	spoke berlin "group:protect_local = \\.lok$"
	mkdir "$T/outside" "$T/berlin/d"
	echo outside >"$T/outside/x"
	echo mine >"$T/berlin/a.lok"
	echo one >"$T/berlin/one"
	echo deep >"$T/berlin/d/x"
	ln -s "$T/outside" "$T/berlin/link"
	ln -s "$T/outside/x" "$T/berlin/flink"
	start berlin
	url=https://127.0.0.1:${PORT[berlin]}
	zero=$(printf '%064d' 0)
	eventually 20 known
	one=$(root_of one)
	long=$(printf 'x%.0s' {1..256})
	deep=$(printf 'dddddddddd/%.0s' {1..400})
}
teardown() { world_end; }

# hub_says METHOD PATH [BODY]: as the hub; the status, the answer is in $T/answer
hub_says() {
	local body=()
	[ $# -lt 3 ] || body=(--data-binary "$3")
	: >"$T/answer"
	curl -sk --max-time 20 --path-as-is --cert "$T/hub.key" --key "$T/hub.key" -o "$T/answer" -w '%{http_code}' \
		-X "$1" "${body[@]}" "$url$2" || true
}
known() {
	hub_says GET "/v1/groups/g/inventory?since=0" >/dev/null
	jq -e '[.entries[].path] | contains(["one", "d/x"])' "$T/answer"
}
root_of() { jq -r --arg p "$1" '.entries[] | select(.path == $p) | .root' "$T/answer"; }
publish() { hub_says POST /v1/groups/g/publish "{\"ops\":[$1]}"; }
# What may not change, whatever the hub says: all that lies there, and beside it.
picture() {
	(cd "$T" && find berlin outside -name .spokesync -prune -o -printf '%p %y %s %m %l\n' | sort
		find outside berlin -name .spokesync -prune -o -type f -exec sha256sum {} + | sort)
}
unharmed() {
	[ "$(hub_says GET /v1/hello)" = 200 ] && diff <(picture) "$T/before"
}

bad_paths() {
	printf '%s\n' '../outside/x' '/etc/passwd' 'a/../../outside/y' '..' '.' '' 'a//b' 'a/' './a' '.spokesync/x' 'a/.spokesync/b' \
		'.spokesync' "$long" "a/$long/b" "$deep" 'new.lok' 'a.lok' 'link/x' 'link/new' 'flink/x'
	printf 'a\\u0000b\na\\nb\na\\u001bb\n\\ud800\n'
}

@test "no name leads out of the group, into the store, or onto what is the spoke's own" {
	picture >"$T/before"
	mtime='"mtime":{"sec":1,"nsec":0},"mode":420'
	n=0
	while IFS= read -r p; do
		for op in "{\"op\":\"copy-of\",\"path\":\"$p\",\"from\":\"one\",\"root\":\"$one\",\"size\":4,$mtime}" \
			"{\"op\":\"rename\",\"path\":\"$p\",\"from\":\"one\",\"root\":\"$one\",\"size\":4,$mtime}" \
			"{\"op\":\"put\",\"path\":\"$p\",\"root\":\"$one\",\"size\":4,$mtime}" \
			"{\"op\":\"meta\",\"path\":\"$p\",$mtime}" \
			"{\"op\":\"delete\",\"path\":\"$p\"}" \
			"{\"op\":\"copy-of\",\"path\":\"new\",\"from\":\"$p\",\"root\":\"$zero\",\"size\":4,$mtime}" \
			"{\"op\":\"rename\",\"path\":\"new\",\"from\":\"$p\",\"root\":\"$zero\",\"size\":4,$mtime}"; do
			got=$(publish "$op")
			if [ "$got" = 200 ]; then
				# What is not there is deleted already; anything else is refused in words.
				jq -e '.results[0] | (.done | not) and (.error != null)' "$T/answer" >/dev/null ||
					[[ $op == *'"delete"'* ]] || {
					echo "$op: $(cat "$T/answer")"
					false
				}
			else
				[[ $got =~ ^(400|403)$ ]] && jq -e '.detail | length > 5' "$T/answer" >/dev/null || {
					echo "$op: $got $(cat "$T/answer")"
					false
				}
			fi
			n=$((n + 1))
		done
		got=$(hub_says POST /v1/groups/g/offers "{\"path\":\"$p\",\"root\":\"$zero\",\"size\":4,\"nonzero\":4096,$mtime,\"bases\":[],\"literal\":4}")
		[[ $got =~ ^(400|403)$ || $p == *link/* ]] || {
			echo "offer of $p: $got $(cat "$T/answer")"
			false
		}
	done < <(bad_paths)
	echo "$n operations"
	[ "$n" -ge 160 ]
	unharmed
}

@test "a directory that becomes a symlink while it is written to leads nowhere" {
	cat >"$T/swap.py" <<-'PY'
		import ctypes, os, sys
		libc = ctypes.CDLL(None)
		a, b = (os.path.join(sys.argv[1], n).encode() for n in ("berlin/swap", "other"))
		os.mkdir(a)
		os.symlink(sys.argv[1] + "/outside", b)
		print("ready", flush=True)
		while True:
		    libc.renameat2(-100, a, -100, b, 2)  # RENAME_EXCHANGE
	PY
	python3 "$T/swap.py" "$T" >"$T/swapping" 2>&1 3>&- 4>&- &
	SWAP=$!
	eventually 10 grep -q ready "$T/swapping"
	mtime='"mtime":{"sec":1,"nsec":0},"mode":420'
	for i in $(seq 100); do
		publish "{\"op\":\"copy-of\",\"path\":\"swap/new$i\",\"from\":\"one\",\"root\":\"$one\",\"size\":4,$mtime},
			{\"op\":\"meta\",\"path\":\"swap/x\",$mtime},{\"op\":\"delete\",\"path\":\"swap/x\"}" >/dev/null
	done
	kill "$SWAP"
	wait "$SWAP" 2>/dev/null || true
	[ "$(ls "$T/outside")" = x ]
	[ "$(cat "$T/outside/x")" = outside ]
	[ "$(stat -c %Y "$T/outside/x")" -gt 1 ]
	[ "$(hub_says GET /v1/hello)" = 200 ]
}

@test "numbers, lists and bodies beyond all limits are refused before room is made for them" {
	picture >"$T/before"
	hub_says GET /v1/hello
	before=$(memory_of berlin)
	offer='"path":"x","mtime":{"sec":1,"nsec":0},"mode":420'
	for body in "{$offer,\"root\":\"$zero\",\"size\":9223372036854775808,\"nonzero\":0,\"bases\":[],\"literal\":0}" \
		"{$offer,\"root\":\"$zero\",\"size\":9223372036854775807,\"nonzero\":9223372036854775807,\"bases\":[],\"literal\":0}" \
		"{$offer,\"root\":\"$zero\",\"size\":-1,\"nonzero\":0,\"bases\":[],\"literal\":0}" \
		"{$offer,\"root\":\"$zero\",\"size\":4,\"nonzero\":999999999999,\"bases\":[],\"literal\":0}" \
		"{$offer,\"root\":\"xyz\",\"size\":4,\"nonzero\":0,\"bases\":[],\"literal\":0}" \
		"{$offer,\"root\":\"$zero\",\"size\":4,\"nonzero\":0,\"bases\":[$(yes "\"$zero\"," | head -n 1000 | tr -d '\n')\"$zero\"],\"literal\":0}" \
		"{$offer,\"root\":\"$zero\",\"size\":4,\"nonzero\":0,\"bases\":[],\"literal\":0,\"partial\":{\"root\":\"$zero\",\"same\":[0,4611686018427387904]}}" \
		'' '[]' '{' 'null' '"x"' "$(printf '[%.0s' {1..5000})"; do
		got=$(hub_says POST /v1/groups/g/offers "$body")
		[ "$got" = 400 ] || {
			echo "${body:0:100}: $got"
			false
		}
	done
	# A size that may be, on a disk that has not got it: refused with figures.
	got=$(hub_says POST /v1/groups/g/offers "{$offer,\"root\":\"$zero\",\"size\":17592186044416,\"nonzero\":17592186044416,\"bases\":[],\"literal\":17592186044416}")
	echo "$got $(cat "$T/answer")"
	[ "$got" != 200 ]
	jq -e '.text | test("needs .*(free|quota)")' "$T/answer"
	# More than a body may have, announced and not.
	head -c 5000000 /dev/zero | tr '\0' ' ' >"$T/long"
	for verb in offers publish tree; do
		[ "$(hub_says POST /v1/groups/g/$verb "@$T/long")" = 413 ]
		got=$(curl -sk --max-time 20 --cert "$T/hub.key" --key "$T/hub.key" -o "$T/answer" -w '%{http_code}' \
			-X POST -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$T/long" "$url/v1/groups/g/$verb" || true)
		[[ $got =~ ^(413|000)$ ]]
	done
	for group in ../g .. h "$long" %00 'g%2f..' G; do
		got=$(hub_says GET "/v1/groups/$group/inventory")
		[[ $got =~ ^40[04]$ ]]
	done
	frugal berlin $((before + 40000))
	unharmed
}

@test "bundles of nonsense, a wrong root, positions that are not: each is that transfer's own error" {
	picture >"$T/before"
	root=$(printf 'ab%.0s' {1..32})
	mtime='"mtime":{"sec":1,"nsec":0},"mode":420'
	offer="{\"path\":\"x\",\"root\":\"$root\",\"size\":1048576,\"nonzero\":1048576,$mtime,\"bases\":[],\"literal\":1048576}"
	t=/v1/transfers/g/$root
	[ "$(hub_says POST /v1/groups/g/offers "$offer")" = 200 ]
	# Not begun, so not staged: nothing to publish.
	publish "{\"op\":\"put\",\"path\":\"x\",\"root\":\"$root\",\"size\":1048576,$mtime}" >/dev/null
	jq -e '.results[0].done | not' "$T/answer"
	for q in '' '?bundle=x&offset=0' "?bundle=$root" "?bundle=$root&offset=-1" "?bundle=$root&offset=9223372036854775808" \
		"?bundle=$root&offset=5"; do
		got=$(hub_says PUT "$t$q" x)
		[[ $got =~ ^4 ]] || {
			echo "$q: $got"
			false
		}
	done
	# Bytes that are no bundle; a head that promises gigabytes.
	head -c 300000 /dev/urandom >"$T/noise"
	printf 'SSYNCB01\xff\xff\xff\x7f' | cat - "$T/noise" >"$T/head"
	for f in noise head long empty; do
		[ -e "$T/$f" ] || : >"$T/$f"
		got=$(hub_says PUT "$t?bundle=$root&offset=0" "@$T/$f")
		echo "$f: $got $(head -c 200 "$T/answer")"
		[ "$got" != 200 ] || jq -e '.staged | not' "$T/answer"
	done
	[ "$(hub_says GET "$t")" = 200 ]
	jq -e '(.staged | not) and .proven_bytes == 0' "$T/answer"
	publish "{\"op\":\"put\",\"path\":\"x\",\"root\":\"$root\",\"size\":1048576,$mtime}" >/dev/null
	jq -e '.results[0].done | not' "$T/answer"
	# As many as it likes: those that rest are closed, so descriptors have an end; and they can go.
	for i in $(seq 100); do
		[ "$(hub_says POST /v1/groups/g/offers "${offer/$root/$(printf '%064x' "$i")}")" = 200 ]
		[ "$(find "/proc/${PID[berlin]}/fd" -mindepth 1 | wc -l)" -lt 450 ]
	done
	for i in $(seq 100); do
		[ "$(hub_says DELETE "/v1/transfers/g/$(printf '%064x' "$i")")" = 200 ]
	done
	[ "$(hub_says DELETE "$t")" = 200 ]
	[ -z "$(ls "$T/berlin/.spokesync/staging")" ]
	unharmed
}

# lying KIND: a transfer of a megabyte, and a bundle for it that lies (lies.c): $got, $T/answer
lying() {
	local id
	n=$((n + 1))
	root=$(printf '%064x' "$n")
	offer="{\"path\":\"x\",\"root\":\"$root\",\"size\":1048576,\"nonzero\":1048576,$mtime,\"bases\":[],\"literal\":1048576}"
	[ "$(hub_says POST /v1/groups/g/offers "$offer")" = 200 ]
	id=$("$BUILD/tests/sys/lies" "$1" "$root" "$T/bundle")
	got=$(hub_says PUT "/v1/transfers/g/$root?bundle=$id&offset=0" "@$T/bundle")
	echo "$1: $got $(head -c 300 "$T/answer")"
}

@test "frames that lie: of what they hold, how much it becomes, what it is made of, whose it is" {
	picture >"$T/before"
	mtime='"mtime":{"sec":1,"nsec":0},"mode":420'
	hub_says GET /v1/hello
	before=$(memory_of berlin)
	n=0
	for kind in hashes bomb claim; do
		# It costs its nodes, which are to come as plain literals, and nothing else.
		lying $kind
		[ "$got" = 200 ]
		jq -e '.complete and .failed == [0, 2] and .proven_bytes == 0 and (.staged | not)' "$T/answer"
	done
	for kind in longer ops; do
		lying $kind
		[ "$got" = 422 ] || jq -e '.failed == [0, 2] and .proven_bytes == 0' "$T/answer"
		jq -e '.staged | not' "$T/answer"
	done
	# Every node is proven, but they are not those of the root: the transfer is void.
	lying root
	jq -e '.staged | not' "$T/answer"
	for ((i = 1; i <= n; i++)); do
		root=$(printf '%064x' "$i")
		publish "{\"op\":\"put\",\"path\":\"x\",\"root\":\"$root\",\"size\":1048576,$mtime}" >/dev/null
		jq -e '.results[0].done | not' "$T/answer"
		[ "$(hub_says DELETE "/v1/transfers/g/$root")" = 200 ]
	done
	frugal berlin $((before + 40000))
	unharmed
}

@test "transfers begun and never ended are bounded in number, and said to be too many" {
	stop berlin
	# Names are what is counted; links of one file are quickly made.
	python3 - "$T/berlin/.spokesync/staging" <<-'PY'
		import os, sys
		one = sys.argv[1] + "/%064x" % 0
		open(one, "w").close()
		for i in range(1, 16384):
		    os.link(one, sys.argv[1] + "/%064x" % i)
	PY
	start berlin
	mtime='"mtime":{"sec":1,"nsec":0},"mode":420'
	offer="{\"path\":\"x\",\"root\":\"${zero//0/a}\",\"size\":4,\"nonzero\":4096,$mtime,\"bases\":[],\"literal\":4}"
	[ "$(hub_says POST /v1/groups/g/offers "$offer")" = 503 ]
	jq -e '.error == "busy" and (.text | test("16384 transfers"))' "$T/answer"
	# One that is taken away, by the hub or by hand, makes room for one.
	rm "$T/berlin/.spokesync/staging/$zero"
	[ "$(hub_says POST /v1/groups/g/offers "$offer")" = 200 ]
	[ "$(hub_says POST /v1/groups/g/offers "${offer//aa/bb}")" = 503 ]
	[ "$(hub_says DELETE "/v1/transfers/g/${zero//0/a}")" = 200 ]
	[ "$(hub_says POST /v1/groups/g/offers "${offer//aa/bb}")" = 200 ]
}

@test "names of a million groups, and words without end, cost a spoke nothing" {
	hub_says GET /v1/hello
	before=$(memory_of berlin)
	# Over one connection, as a hub would; each is refused by itself.
	got=$(curl -sk --max-time 60 --cert "$T/hub.key" --key "$T/hub.key" -o /dev/null -w '%{http_code}\n' \
		"$url/v1/groups/g[1-3000]/inventory" | sort | uniq -c | tr -s ' ')
	echo "$got"
	[ "$got" = " 3000 404" ]
	frugal berlin $((before + 10000))
	[ "$(hub_says GET /v1/hello)" = 200 ]
}
