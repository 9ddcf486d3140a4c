# crash.bash: one image comes, a changed one takes its place, it is renamed over another file, it is
# deleted (a small one stays); a set comes, is replaced in place, and goes; and a daemon is killed at a
# durable step of that (fault.c counts them), or once more while it recovers; it is started again, and all
# must be as in a run without a fault.
# For 85-crash.bats, which takes a part of the steps, and tests/bench/crash.sh, which takes all.
#
#   crash_begin            the library, the images: $CRASH
#   crash_trace SIDE       a run without a fault: $CRASH/SIDE.steps, a line each, and SIDE.left
#   crash_at SIDE N [half|whole [M]]  in a world of its own, and again at step M of the next start; says
#                          on one line what happened, fails where wrong (CRASH_KEEP=DIR keeps that world)
#   crash_all EVERY JOBS   every so many steps of both, so many worlds at a time

crash_begin() {
	CRASH=$(mktemp -d "${TMPDIR:-/tmp}/crash.XXXXXX")
	PYTHON=$(python3 -c 'import sys; print(sys.executable)') # without what may lie in between
	cc -shared -fPIC -O1 -o "$CRASH/fault.so" "$BATS_TEST_DIRNAME/fault.c" -ldl
	# Random bytes, zeros in the middle; then blocks anew, blocks emptied, and an odd end.
	head -c 16M /dev/urandom >"$CRASH/one"
	dd if=/dev/zero of="$CRASH/one" bs=1M seek=7 count=3 conv=notrunc status=none
	cp "$CRASH/one" "$CRASH/two"
	edit "$CRASH/two" 60
	dd if=/dev/zero of="$CRASH/two" bs=4096 seek=300 count=200 conv=notrunc status=none
	head -c 300001 /dev/urandom >>"$CRASH/two"
	head -c 5000 "$CRASH/one" >"$CRASH/small"
	echo stays >"$CRASH/stays" # a group from which the last file goes stands still
	local k
	for k in 1 2; do
		head -c 300000 /dev/urandom >"$CRASH/disk$k"
		echo "of $k" >"$CRASH/pvp$k"
	done
}

crash_end() { rm -rf "$CRASH"; }

# The daemon, counted: AT 0 for never.
crash_prefix() { # SIDE AT HALF STEPS-FILE
	local below=$T/$1:$T/$1.state:$T/$1.jsonl
	[ "$1" != hub ] || below=$T/src:$T/hub.state:$T/hub.jsonl
	PREFIX[$1]="env ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 LD_PRELOAD=$CRASH/fault.so
		FAULT_BELOW=$below FAULT_LOG=$T/$4 FAULT_KILL=$2"
	[ "$3" != half ] || PREFIX[$1]+=" FAULT_HALF=1"
}

# What a reader sees is whole: one of the contents, under the names that were given, of which the one
# that $T/there says is never missing. crash_watch.py looks all the time; here, where a daemon was just
# killed and after each step, it is certain that somebody looked. A file is opened once: another may
# take its place while it is compared.
crash_whole() {
	local f bad='' there=$(<"$T/there")
	[ ! -s "$T/amiss" ] || { cat "$T/amiss"; return 1; }
	[ -z "$there" ] || [ -e "$T/berlin/$there" ] || { echo "$there is missing"; return 1; }
	for f in $(published berlin); do
		[[ $f = @(one|old|stays).img || $f = win.@(img|pvp) ]] || { echo "name: $f"; return 1; }
		{ crash_known || bad=$f; } 2>/dev/null 9<"$T/berlin/$f" || true # it is gone meanwhile
	done
	[ -z "$bad" ] || { echo "$bad is none of them"; return 1; }
	crash_set_whole
}
crash_known() {
	local of
	for of in one two small stays disk1 disk2 pvp1 pvp2; do cmp -s /proc/self/fd/9 "$CRASH/$of" && return; done
	return 1
}
# The .pvp is never there without its image. Looked at before and after: a publication may go on meanwhile.
crash_set_whole() {
	local pvp
	pvp=$(crash_pvp) || return 0
	[ -e "$T/berlin/win.img" ] || [ "$pvp" != "$(crash_pvp)" ] || { echo "half a set: a .pvp without its image"; return 1; }
}
crash_pvp() { cat "$T/berlin/win.pvp" 2>/dev/null; }

# Started again where it was killed; without the fault.
crash_revive() { # SIDE
	gone "${PID[$1]}" || return 0
	local rc=0
	wait "${PID[$1]}" || rc=$?
	[ "$rc" -eq 137 ] && [ "$DEATHS" -gt 0 ] || { echo "$1 ended by itself: $rc"; return 1; }
	DEATHS=$((DEATHS - 1))
	[ -n "$KILLED" ] && AGAIN_AT=$(tail -n 1 "$T/again") || KILLED=$(tail -n 1 "$T/steps")
	unset "PREFIX[$1]"
	[ "$DEATHS" -eq 0 ] || crash_prefix "$1" "$AGAIN" whole again
	crash_whole || return 1
	crash_start "$1"
}

crash_start() { # NAME
	# shellcheck disable=SC2086
	${PREFIX[$1]-} "$SPOKESYNCD" -c "$T/$1.ini" >>"$T/$1.err" 2>&1 3>&- 4>&- &
	PID[$1]=$!
}

# Until all is in sync; what a reader sees is looked at all the time.
crash_wait() { # SIDE
	local end=$((SECONDS + 90)) waiter
	while :; do
		hubctl wait --timeout 60s >"$T/waited" 2>&1 3>&- &
		waiter=$!
		while ! gone "$waiter"; do
			crash_revive "$1" && [ ! -s "$T/amiss" ] || { kill "$waiter"; crash_whole; return 1; }
			read -rt 0.04 -u "$NEVER" || true
		done
		if wait "$waiter"; then return 0; fi
		[ "$SECONDS" -lt "$end" ] || { echo "not in sync: $(cat "$T/waited")"; return 1; }
		crash_revive "$1" || return 1
		read -rt 0.04 -u "$NEVER" || true
	done
}

# Files that are left behind, the ones of a spoke's store that may have any number named as one.
crash_left() {
	(cd "$T" && find berlin berlin.state src hub.state -type f -o -type d) |
		sed -E 's/[0-9]+\.[0-9]+\.[0-9]+\.([a-z]+)\.(img|pvp)/KEPT \1/; s,(gen/)[0-9]+,\1N,' |
		grep -v '^hub.state/bundles/' | sort |
		awk '$0 != last ".anchors"; { last = $0 }' # of an index that is there: made when it was a base
}
crash_merged() { ! find "$T/berlin/.spokesync/index" -name '*.delta' | grep -q .; }
crash_published() { cmp -s "$T/berlin/$1.img" "$2"; }

crash_run() { # SIDE
	local end NEVER watcher
	exec {NEVER}<> <(:) # nothing comes from it: to wait without starting anything
	: >"$T/there"
	"$PYTHON" "$BATS_TEST_DIRNAME/crash_watch.py" "$T/berlin" "$T/there" \
		one.img,old.img,stays.img,win.img,win.pvp \
		"$CRASH"/{one,two,small,stays,disk1,disk2,pvp1,pvp2} >"$T/amiss" 2>&1 3>&- &
	watcher=$!
	crash_steps "$1" || { kill "$watcher"; return 1; }
	kill "$watcher"
	[ ! -s "$T/amiss" ] || { cat "$T/amiss"; return 1; }
	exec {NEVER}<&-
}

crash_steps() { # SIDE
	local end
	cp "$CRASH/one" "$T/src/one.img"
	cp "$CRASH/small" "$T/src/old.img"
	cp "$CRASH/stays" "$T/src/stays.img"
	crash_start berlin
	crash_start hub
	crash_wait "$1" && crash_whole || return 1
	crash_published one "$CRASH/one" || { echo "the first is not there"; return 1; }
	cp "$CRASH/two" "$T/new"
	echo -n one.img >"$T/there"
	mv "$T/new" "$T/src/one.img"
	crash_wait "$1" || return 1
	crash_published one "$CRASH/two" || { echo "the second is not there"; return 1; }
	echo -n old.img >"$T/there"
	mv "$T/src/one.img" "$T/src/old.img"
	crash_wait "$1" || return 1
	crash_published old "$CRASH/two" || { echo "it is not renamed"; return 1; }
	[ ! -e "$T/berlin/one.img" ] || { echo "the first name is there yet"; return 1; }
	: >"$T/there"
	rm "$T/src/old.img"
	crash_wait "$1" || return 1
	is stays.img published berlin || { echo "it is not deleted"; return 1; }
	crash_set "$1" || return 1
	end=$((SECONDS + 20))
	until crash_merged; do # what is done when nobody waits any more is done as well
		crash_revive "$1" && [ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
	kill "${PID[$1]}"
	eventually 20 gone "${PID[$1]}" || return 1
	if ! wait "${PID[$1]}"; then
		# killed in its orderly end, or by the last words before it
		crash_revive "$1" || return 1
		crash_wait "$1" || return 1
	fi
	stop hub
	stop berlin
}

# An image and what belongs to it: new, in place of each other, and gone.
crash_set() { # SIDE
	local k
	for k in 1 2; do
		touch "$T/src/win.lok" # the hub sees both, or none
		cp "$CRASH/disk$k" "$T/new" && mv "$T/new" "$T/src/win.img"
		cp "$CRASH/pvp$k" "$T/new" && mv "$T/new" "$T/src/win.pvp"
		rm "$T/src/win.lok"
		crash_wait "$1" && crash_whole || return 1
		is "of $k" crash_pvp || { echo "set $k is not there"; return 1; }
	done
	rm "$T/src/win.img" "$T/src/win.pvp"
	crash_wait "$1" || return 1
	is stays.img published berlin || { echo "the set is not deleted"; return 1; }
}

crash_kept() { # DIRECTORY: what is in it, in the order of $CRASH's
	local of f
	for of in one two small disk1 disk2 pvp1 pvp2; do
		for f in "$1"/*; do ! cmp -s "$f" "$CRASH/$of" || sha256sum <"$f"; done
	done
}

crash_judge() { # SIDE
	local db f was copied='' kept=$T/berlin/.spokesync/preserved
	for db in "$T/hub.state/hub.db" "$T/berlin/.spokesync/spoke.db"; do
		is ok sqlite3 "$db" 'PRAGMA integrity_check' || return 1
	done
	is 0 sqlite3 "$T/berlin/.spokesync/spoke.db" 'SELECT count(*) FROM intents' || return 1
	# What was replaced and deleted is there, all of it, and can be found by where it was.
	is "$(ls -A "$kept")" sqlite3 "$T/berlin/.spokesync/spoke.db" \
		'SELECT path FROM preserved ORDER BY path' || return 1
	# And once more what was renamed, where the hub could not have it renamed (as when it is told of the
	# new name before the old one is gone): then it is copied there, and what is deleted is preserved.
	was=$(sqlite3 "$T/berlin/.spokesync/spoke.db" 'SELECT was FROM preserved ORDER BY was')
	[[ $was != *one.img*one.img* ]] || copied=$CRASH/two
	is $'old.img\nold.img\none.img'"${copied:+$'\none.img'}"$'\nwin.img\nwin.img\nwin.pvp\nwin.pvp' \
		echo "$was" || return 1
	is "$(for f in "$CRASH"/{one,two} $copied "$CRASH"/{small,disk1,disk2,pvp1,pvp2}; do sha256sum <"$f"; done)" \
		crash_kept "$kept" || return 1
	crash_left | awk -v once="${copied:+1}" '/KEPT one$/ && once { once = ""; next } 1' >"$T/left"
	# Less may be left: a start removes what nothing needs any more.
	[ ! -e "$CRASH/$1.left" ] || is "" comm -13 "$CRASH/$1.left" "$T/left"
}

crash_in_world() { # SIDE AT [half|whole [AGAIN]]
	local rc=0 said KILLED='' AGAIN_AT='' AGAIN=${4:-0} DEATHS=$(($2 > 0))
	[ "$AGAIN" -eq 0 ] || DEATHS=2
	world
	# shellcheck disable=SC2034
	SETTLE=0s RETRY=100ms GROUP='publish = spoke'
	spoke berlin
	hub
	crash_prefix "$1" "$2" "${3:-whole}" steps
	{ crash_run "$1" && crash_judge "$1"; } >"$T/said" 2>&1 || rc=1
	said=$(grep -v ' Killed ' "$T/said" | tail -n 8 | tr '\n' ' ')
	[ "$AGAIN" -eq 0 ] || [ -z "$KILLED" ] || KILLED+=" and again: ${AGAIN_AT:-not reached}"
	[ "$2" -eq 0 ] && [ $rc = 0 ] || echo "$1 $2 ${3:-whole}: ${KILLED:-not reached}: $([ $rc = 0 ] && echo good || echo "WRONG $said")"
	[ $rc = 0 ] || [ -z "${CRASH_KEEP-}" ] || cp -a "$T" "$CRASH_KEEP/$1.$2${3-}${4-}"
	BATS_TEST_COMPLETED=1 # what the daemons said is in CRASH_KEEP
	[ "$2" -ne 0 ] || [ $rc != 0 ] || { mv "$T/steps" "$CRASH/$1.steps"; mv "$T/left" "$CRASH/$1.left"; }
	world_end
	return $rc
}

crash_trace() { (crash_in_world "$1" 0); }
crash_at() { (crash_in_world "$@"); }

# A worker takes one run after the other from the list. The order of steps is not the same each time, nor
# how many there are: one that is not reached is tried twice more.
crash_worker() { # LIST NUMBER OF
	local i=0 side at how again line
	while read -r side at how again; do
		[ $((i++ % $3)) -eq "$2" ] || continue
		for _ in 1 2 3; do
			line=$(crash_at "$side" "$at" "$how" ${again:+"$again"}) || true
			[[ $line == *"not reached"*good ]] || break
		done
		echo "$line"
	done <"$1" >"$CRASH/said.$2" 3>&-
}

# crash_all EVERY JOBS: every so many steps of both sides, and each by which a name that readers see
# changes what it stands for; writes also cut in the middle; and at a fifth of them the next start is
# killed as well, at one of its first forty steps. Prints what was found wrong, and how many of what were
# killed; fails where anything was wrong or little was met.
crash_all() {
	local side w pids=() bad
	for side in berlin hub; do
		awk -v s="$side" -v k="$1" '$2 ~ /write/ && n++ % k == 0 { print s, $1, "half" }
			NR % k == 0 || ($2 == "renameat" && $3 ~ "/berlin/[a-z]*[.](img|pvp)$") {
				print s, $1, "whole"
				if (m % 5 == 0) print s, $1, "whole", 1 + int(m / 5) % 40
				m++
			}' "$CRASH/$side.steps"
	done >"$CRASH/list"
	for ((w = 0; w < $2; w++)); do
		crash_worker "$CRASH/list" "$w" "$2" &
		pids+=($!)
	done
	for w in "${pids[@]}"; do wait "$w"; done
	cat "$CRASH"/said.* >"$CRASH/said"
	grep -v ': good$' "$CRASH/said" || true
	bad=$(grep -vc ': good$' "$CRASH/said") || true
	for side in berlin hub; do
		echo "$side: $(wc -l <"$CRASH/$side.steps") durable steps," \
			"killed at $(grep "^$side [0-9]* whole: [0-9]" "$CRASH/said" | grep -vc 'and again') of them," \
			"in the middle of $(grep -c "^$side [0-9]* half: [0-9]" "$CRASH/said") writes," \
			"and again in the recovery from $(grep -c "^$side .* and again: [0-9]" "$CRASH/said")," \
			"$(grep -c "^$side .*not reached" "$CRASH/said") not reached"
	done
	[ "$bad" -eq 0 ] && [ "$(wc -l <"$CRASH/said")" -eq "$(wc -l <"$CRASH/list")" ] &&
		[ "$(grep -c 'not reached' "$CRASH/said")" -le $(($(wc -l <"$CRASH/list") / 100 + 1)) ]
}
