# Which version is where.
load lib

setup() { world; }
teardown() { world_end; }

cell() { # SPOKE PATH [FIELD]
	hubctl matrix --json | jq -r --arg s "$1" --arg p "$2" --arg f "${3-state}" \
		'.groups[0].files[] | select(.path == $p) | .at[$s][$f]'
}

# Seen to catch: cell_state() that calls it moving.
@test "what is all there and waits for the rest of its set is staged in the matrix" {
	spoke berlin
	# shellcheck disable=SC2034
	GROUP='publish = spoke'
	hub
	echo image >"$T/src/win.img"
	echo properties >"$T/src/win.pvp"
	touch "$T/src/win.pvp.lok"
	start berlin hub
	eventually 30 is staged cell berlin win.img
	[[ $(hubctl matrix) == *win.img*staged* ]]
	rm "$T/src/win.pvp.lok"
	eventually 30 is published cell berlin win.img
}

# Catches: a cell that takes a job's word for a state of the file, an older version that is called
# absent without saying so, a change made by hand that is called published.
@test "a cell of the matrix is absent, moving, staged, published or drifted" {
	spoke berlin
	spoke paris
	SPOKE[berlin]="rate = 8Mbit"
	hub
	echo 1 >"$T/src/a"
	random "$T/src/b" 4
	start berlin hub
	eventually 30 is published cell berlin a
	is absent cell paris a
	eventually 30 is moving cell berlin b
	half() { [ "$(cell berlin b percent)" -ge 1 ] && [ "$(cell berlin b eta)" != null ]; }
	eventually 30 half
	run hubctl matrix
	[[ ${lines[0]} == g\ *VERSION*SIZE*berlin*paris ]]
	[[ ${lines[1]} == a\ *published*absent* ]]
	[[ ${lines[2]} == b\ *moving*%* ]]
	start paris
	hubctl wait --timeout 60s
	is published cell berlin b
	# What was there stays in use until the new one comes.
	was=$(hubctl matrix --json | jq '.groups[0].files[] | select(.path == "a") | .version')
	hubctl pause --all --for 1h
	echo 2 >"$T/src/a"
	eventually 30 is "$was" cell berlin a holds
	is absent cell berlin a
	# Somebody writes on the spoke itself.
	stop berlin
	echo mine >"$T/berlin/b"
	stop hub
	start berlin
	eventually 30 grep -q "b is known now" "$T/berlin.err"
	start hub
	eventually 30 is drifted cell berlin b
	is null cell berlin b holds
	hubctl resume --all
	hubctl wait --timeout 60s
	is published cell berlin b
	same berlin b
}

spoke_fact() { hubctl spokes --json | jq -r ".spokes[0].$1"; }

# Catches: a first copy whose progress is that of single files; what failed for good counted as there; a
# delta announced with the size of its file.
@test "a first copy is watched as a whole, and what is to be sent is the delta, not the file" {
	spoke berlin
	SPOKE[berlin]="rate = 8Mbit"
	hub
	for k in 1 2 3 4; do random "$T/src/$k" 2; done
	start hub
	eventually 20 is 4 spoke_fact jobs
	is 0 spoke_fact bytes_there
	is $((8 << 20)) spoke_fact bytes
	is $((8 << 20)) spoke_fact to_send
	start berlin
	part() {
		there=$(spoke_fact bytes_there)
		[ "$there" -ge $((2 << 20)) ] && [ "$there" -lt $((8 << 20)) ]
	}
	eventually 30 part
	[[ $(hubctl spokes) == *berlin\ *[0-9]\ %* ]]
	hubctl wait --timeout 60s
	is $((8 << 20)) spoke_fact bytes_there
	[[ $(hubctl spokes) == *berlin\ *100\ %* ]]
	# A part of a file is another: once that is known, no more is announced.
	hubctl pause --all --for 1h
	sed -i 's/^rate = .*/rate = 64kbit/' "$T/hub.ini"
	ctl hub reload
	dd if=/dev/urandom of="$T/src/1" bs=64k count=1 conv=notrunc status=none
	eventually 20 is 1 spoke_fact jobs
	hubctl resume --all
	small() { [ "$(spoke_fact to_send)" -le $((80 << 10)) ]; }
	eventually 20 small
	[[ $(hubctl backlog) == *"1 file, 2 MiB missing, "*" to send"* ]]
}
