# spokesync-dfsr(7): every line of it is so: each command runs, each key and option there is exists,
# and nothing that DFS Replication offered is left out.
load lib

setup() { world; }
teardown() { world_end; }

PAGE=$BATS_TEST_DIRNAME/../../scheduler/spokesync-dfsr.7.scd

# Catches: a command, option or key that was renamed; a promise of the page that the program refuses.
@test "each command of the page does what it says" {
	local id line code
	# The page is not read in vain.
	[ "$(grep -oE '\*spokesync [^*]+\*' "$PAGE" | sort -u | wc -l)" -ge 40 ]
	# No command is torn apart by an end of line.
	if grep -nE '\*spokesync[^*]*$' "$PAGE"; then false; fi
	spoke berlin
	spoke away
	POLICY=$'timezone = UTC\nwindow = mon-sun 00:00-24:00 unlimited'
	hub
	sed -i 's/policy p\b/policy nights/; s/^policy = p$/policy = nights/' "$T/hub.ini"
	random "$T/src/win11.vhdx" 1
	start berlin hub
	eventually 30 same berlin win11.vhdx
	edit "$T/src/win11.vhdx" 1
	hubctl wait --spoke berlin --timeout 60s
	eventually 30 is waiting job win11.vhdx away state
	id=$(job win11.vhdx away id)
	grep -oE '\*spokesync [^*]+\*' "$PAGE" | sed 's/^\*spokesync //; s/\*$//; s/\\//g' |
		sed "s/\bvdisks\b/g/g; s/\b17\b/$id/g; s/^probe$/probe berlin/; s/^probe --json$/probe berlin --json/; s/^probe --group g$/probe berlin --group g/" |
		sort -u >"$T/all"
	# Before anything is paused, and last what makes them differ.
	grep -E '^(probe|verify)' "$T/all" >"$T/lines"
	grep -vE '^(probe|verify|restore)' "$T/all" >>"$T/lines"
	grep ^restore "$T/all" >>"$T/lines"
	while read -r line; do
		code=0
		case $line in
		"pair"*) continue ;; # two sides of it: 52-pair
		"preserved"* | "restore"* | "adopt"*) # of the spoke's own
			# shellcheck disable=SC2086
			ctl berlin $line >"$T/out" 2>&1 || code=$?
			;;
		*"--watch" | *"--follow" | "events"*)
			# shellcheck disable=SC2086
			timeout 2 "$SPOKESYNC" -S "$T/hub.sock" $line >"$T/out" 2>&1 || code=$?
			[ "$code" -eq 124 ] && code=0
			;;
		*)
			# shellcheck disable=SC2086
			hubctl $line >"$T/out" 2>&1 || code=$?
			;;
		esac
		# What is wrong is a line of its own there, and an exit status.
		[ "$line" = "status --check" ] && [ "$code" -le 2 ] && code=0
		# Nothing was paused, opened or stopped when its turn came.
		[[ $line == "confirm "* ]] && [ "$code" -eq 4 ] && grep -q "nothing is to be confirmed" "$T/out" && code=0
		case $line in "resume "* | "stop-now "*) [ "$code" -eq 1 ] && grep -q "there is no" "$T/out" && code=0 ;; esac
		[ "$code" -eq 0 ] || {
			echo "spokesync $line: exit status $code"
			cat "$T/out"
			false
		}
	done <"$T/lines"
}

# section SECTION LINE BASE...: that section, with the line, and what else it needs.
section() {
	local line=$2 base
	printf '[%s]\n%s\n' "$1" "$line"
	shift 2
	for base; do [ "${base%% *}" = "${line%% *}" ] || echo "$base"; done
}
# taken ROLE KIND LINE: that daemon takes the line in a section of that kind.
taken() {
	local daemon='' policy='' group='' spoke='' key=sha256:$(printf '%064d' "$RANDOM")
	declare "$2=$3"
	{
		section daemon "$daemon" "role = $1" "state_dir = $T/state"
		if [ "$1" = hub ]; then
			section 'policy nights' "$policy" 'window = sun 00:00-24:00 unlimited'
			section 'policy berlin-nights' '' 'window = sun 00:00-24:00 unlimited'
			section 'group vdisks' "$group" 'path = /srv/x' 'spokes = berlin' 'policy = always'
			section 'spoke berlin' "$spoke" 'url = https://b.example.net' "key = $key"
			section 'spoke paris' '' 'url = https://p.example.net' "key = ${key/sha256:0/sha256:1}"
		else
			[[ $daemon == listen* ]] || echo 'listen = :4480'
			section 'group vdisks' "$group" 'path = /srv/x'
		fi
	} >"$T/check.ini"
	"$SPOKESYNCD" --check "$T/check.ini" >>"$T/said" 2>&1
}

# Seen to catch: a key that is not there, a value that the program refuses (scrub without a rate).
@test "each line of configuration on the page is taken by a daemon, each option of it exists" {
	local list line key kind ok
	list=$("$BUILD/tests/docs/list")
	grep -oE '\*[a-z_]+ = [^*]+\*' "$PAGE" | tr -d '*' | sed "s/\\\\\\\\/\\\\/g; s/96 digits/$(printf '%096d' 0)/" |
		sort -u >"$T/keys"
	[ "$(wc -l <"$T/keys")" -ge 40 ]
	while read -r line; do
		ok=
		: >"$T/said"
		for kind in $(awk -v k="${line%% *}" '$1 == "key" && $3 == k { print $2 }' <<<"$list" | sort -u); do
			if taken hub "$kind" "$line" || taken spoke "$kind" "$line"; then ok=1; fi
		done
		[ -n "$ok" ] || {
			echo "$line"
			cat "$T/said"
			false
		}
	done <"$T/keys"
	# Options of the daemon.
	for key in $(grep -oE '\*spokesyncd [^*]+\*' "$PAGE" | grep -oE -- '--[a-z-]+'); do
		"$SPOKESYNCD" --help | grep -qe "$key"
	done
}

# Catches: a subcommand, cmdlet or row that is left out, or has no verdict.
@test "all that DFS Replication offered is there" {
	local name i verdict='(have it|better|not for us)'
	for name in SyncNow StopNow PollAD DumpAdCfg StaticRPC Backlog GUID2NAME PropagationTest PropagationReport FileHash \
		IDRecord ReplicationState; do
		grep -qE "^\*dfsrdiag $name\*: $verdict$" "$PAGE"
	done
	for name in Add-DfsrConnection Add-DfsrMember ConvertFrom-DfsrGuid Export-DfsrClone Get-DfsrBacklog Get-DfsrCloneState \
		Get-DfsrConnection Get-DfsrConnectionSchedule Get-DfsrDelegation Get-DfsReplicatedFolder Get-DfsReplicationGroup \
		Get-DfsrFileHash Get-DfsrGroupSchedule Get-DfsrIdRecord Get-DfsrMember Get-DfsrMembership Get-DfsrPreservedFiles \
		Get-DfsrServiceConfiguration Get-DfsrState Grant-DfsrDelegation Import-DfsrClone New-DfsReplicatedFolder \
		New-DfsReplicationGroup Remove-DfsrConnection Remove-DfsReplicatedFolder Remove-DfsReplicationGroup \
		Remove-DfsrMember Remove-DfsrPropagationTestFile Reset-DfsrCloneState Restore-DfsrPreservedFiles \
		Revoke-DfsrDelegation Set-DfsrConnection Set-DfsrConnectionSchedule Set-DfsReplicatedFolder \
		Set-DfsReplicationGroup Set-DfsrGroupSchedule Set-DfsrMember Set-DfsrMembership Set-DfsrServiceConfiguration \
		Start-DfsrPropagationTest Suspend-DfsReplicationGroup Sync-DfsReplicationGroup Update-DfsrConfigurationFromAD \
		Write-DfsrHealthReport Write-DfsrPropagationReport; do
		grep -qE "^\*$name\*: $verdict$" "$PAGE" || {
			echo "$name"
			false
		}
	done
	for name in S:23 R:23 G:14 T:26 O:11 V:12; do
		for ((i = 1; i <= ${name#*:}; i++)); do
			grep -qE "^\*${name%:*}$i [^*]+\*: $verdict$" "$PAGE" || {
				echo "${name%:*}$i"
				false
			}
		done
	done
}
