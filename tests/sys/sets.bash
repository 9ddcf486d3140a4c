# sets.bash: a store of images with a chain, as an image server has it, and what a reader may see of
# it. For 91-sets.bats and tests/bench/sets.sh.
#
#   chain STEM GENERATION   in $T/src: STEM.vhdx, two differencing disks on it, .pvp, .xml: all of
#                           them say the generation, so that it can be told whether they fit
#   fits DIRECTORY          says what is half a set there; nothing where all fits

# The small files name what they go with, by its content; the images end in what they rest on.
sum_of() { sha256sum "$1" | cut -c1-16; }

chain() { # STEM GENERATION
	local stem=$1 dir=$T/make.$1 i parent
	rm -rf "$dir" && mkdir "$dir"
	qemu-img create -q -f vhdx -o subformat=dynamic "$dir/$stem.vhdx" 4M
	qemu-io -f vhdx -c "write -q -P $(($2 % 200 + 1)) 0 64k" "$dir/$stem.vhdx" >/dev/null
	parent=$stem.vhdx
	for i in 1 2; do
		(cd "$dir" && qemu-img create -q -f qcow2 -b "$parent" -F "${parent##*.}" "$stem.$i.qcow2")
		# What it rests on, behind its end, where no image format looks.
		printf '\nrests %s %s\n' "$parent" "$(sum_of "$dir/$parent")" >>"$dir/$stem.$i.qcow2"
		parent=$stem.$i.qcow2
	done
	for i in "$stem" "$stem.1" "$stem.2"; do echo "properties $i $2" >"$dir/$i.pvp"; done
	{
		printf '<?xml version="1.0" encoding="utf-8"?>\n<versionManifest>\n'
		printf '<diskFileName>%s</diskFileName>\n' "$stem.vhdx" "$stem.1.qcow2" "$stem.2.qcow2"
		printf '<generation>%s</generation>\n</versionManifest>\n' "$2"
	} >"$dir/$stem.xml"
	mv "$dir"/* "$T/src/" && rmdir "$dir"
}

fits() { python3 "$SETS_WATCH" --once "$1"; } # DIRECTORY
SETS_WATCH=${BATS_TEST_DIRNAME:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}/sets_watch.py

# torture N SPOKE...: N publications to them: sets that are replaced in place, new ones, sets and
# children that are deleted; and meanwhile daemons are killed, windows closed. A reader looks at each
# spoke all the time. In the end all is in sync. Prints what was done, and what a reader saw amiss.
torture() {
	local n=$1 i s f watchers=() live=(win)
	declare -A did=()
	shift
	for s; do
		python3 "$SETS_WATCH" "$T/$s" >"$T/$s.seen" 2>&1 3>&- &
		watchers+=($!)
	done
	chain win 0
	for ((i = 1; i < n; i++)); do
		torture_step "$@"
		case $((RANDOM % 6)) in
		0) chain "new$i" "$i" && live+=("new$i") && count new ;;
		1) # A whole set goes, where another one stays.
			if [ ${#live[@]} -gt 1 ]; then
				f=${live[-1]}
				unset 'live[-1]'
				rm -f "$T/src/$f."* && count deleted
			else
				chain win "$i" && count replaced
			fi
			;;
		2) # The last child goes; the manifest no longer lists it.
			if [ -e "$T/src/win.2.qcow2" ]; then
				sed -i '/win.2.qcow2/d' "$T/src/win.xml"
				rm -f "$T/src/win.2".*
				count child
			else
				chain win "$i" && count replaced
			fi
			;;
		*) chain "${live[RANDOM % ${#live[@]}]}" "$i" && count replaced ;;
		esac
		sleep "0.$((RANDOM % 10))"
		[ $((i % 4)) -ne 0 ] || sleep "1.$((RANDOM % 10))"
		[ $((i % 10)) -ne 0 ] || torture_settle
	done
	torture_settle
	for s; do diff <(cd "$T/src" && ls) <(published "$s") || echo "amiss: $s has other names"; done
	for s in "${watchers[@]}"; do kill "$s"; done
	wait "${watchers[@]}" 2>/dev/null
	for s; do sed "s/^/$s: /" "$T/$s.seen"; done
	echo "publications $n:$(for s in "${!did[@]}"; do printf ' %s %s' "$s" "${did[$s]}"; done)"
}

count() { did[$1]=$((${did[$1]-0} + 1)); }

torture_settle() {
	torture_week unlimited
	hubctl resume --all >/dev/null 2>&1
	hubctl wait --timeout 120s >"$T/waited" 2>&1 || { echo "amiss: $(tail -n 2 "$T/waited")"; hubctl jobs; }
}

# The week itself: no window is open from now on, or one always is.
torture_week() { # closed|unlimited
	[ "${WEEK-unlimited}" != "$1" ] || return 0
	WEEK=$1
	sed -i "s/^window = .*/window = mon-sun 00:00-24:00 $1/" "$T/hub.ini"
	hubctl reload >/dev/null 2>&1
}

torture_step() { # SPOKE...: something that goes wrong, or nothing
	local victim=${*:$((RANDOM % $# + 1)):1}
	torture_week unlimited
	case $((RANDOM % 5)) in
	0) stop "$victim" KILL && start "$victim" && count killed-spoke ;;
	1) stop hub KILL && start hub && count killed-hub ;;
	2) hubctl pause "$victim" --for "$((RANDOM % 3 + 1))s" >/dev/null && count paused ;;
	3) torture_week closed && count closed ;;
	esac
}
