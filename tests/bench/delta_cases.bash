# delta_cases.bash: for delta.sh: the rows about bytes: churn, scattered edits, other layouts, what is
# merged, contents the hub does not know, and what is no change at all.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other files

# raw_pair NEW: bytes of the others for one.img -> NEW.
raw_pair() {
	image one.img "$1"
	rsyncd_on
	rsync_costs one.img "$1"
	rsyncd_off
	bounds one.img "$1"
}

case_churn() {
	raw_pair churn.img
	fresh
	have "$IMAGES/one.img" disk.img
	forget
	run_ours "$IMAGES/churn.img" copy.img new
	shown 'spokesync, churn, new name'
	[ -z "$PATCH" ] ||
		within 'churn, new name' "$(over "${R[bytes]}" "$PATCH")" 1.1 'of zstd -3 --patch-from'
	take_away copy.img
	forget
	run_ours "$IMAGES/churn.img" disk.img over
	shown 'spokesync, churn, overwritten in place'
	if [ "$NOW" = xfs ]; then
		[ -z "$PATCH" ] || within 'churn, overwritten in place' "$(over "${R[bytes]}" "$PATCH")" \
			1.1 'of zstd -3 --patch-from'
	else
		within 'churn, overwritten in place' "$(over "${R[bytes]}" "$RSYNC4")" \
			0.9 'of rsync -B4096 -z'
	fi
}

case_edits4096() {
	local edits=$((SIZE / 4096 / 200 * 4096))
	raw_pair edits4096.img
	fresh
	have "$IMAGES/one.img" disk.img
	run_ours "$IMAGES/edits4096.img" copy.img new
	shown 'spokesync, scattered 4 KiB edits'
	within 'scattered 4 KiB edits' "$(over "${R[bytes]}" $edits)" 1.02 'of the edits'
	within 'scattered 4 KiB edits' "$(over "${R[bytes]}" "$RSYNC")" 0.22 'of rsync -z'
}

case_edits512() {
	raw_pair edits512.img
	fresh
	have "$IMAGES/one.img" disk.img
	run_ours "$IMAGES/edits512.img" copy.img new
	shown 'spokesync, scattered 512-byte edits'
	within 'scattered 512-byte edits' "$(over "${R[bytes]}" "$RSYNC")" 0.05 'of rsync -z'
}

case_relaid() {
	raw_pair relaid.img
	fresh
	have "$IMAGES/one.img" disk.img
	run_ours "$IMAGES/relaid.img" other.img new
	shown 'spokesync, the same files laid out differently'
	[ -z "$PATCH" ] || within 'the same files laid out differently' "$(over "${R[bytes]}" "$PATCH")" \
		1.2 'of zstd -3 --patch-from'
	images_drop relaid.img
}

case_merged() {
	local best other
	image one.qcow2 diff.qcow2 merged.qcow2
	best=$(bound patch one.qcow2 merged.qcow2)
	other=$(bound patch diff.qcow2 merged.qcow2)
	[ -z "$best" ] || [ -z "$other" ] || [ "$best" -lt "$other" ] || best=$other
	fresh
	have "$IMAGES/one.qcow2" disk.qcow2
	have "$IMAGES/diff.qcow2" disk-diff.qcow2
	run_ours "$IMAGES/merged.qcow2" merged.qcow2 new
	printf '      %-44s %10s\n' 'zstd --patch-from, the better base' "${best:+$(mb "$best")}"
	shown "spokesync, merged (${R[bases]} bases)"
	[ -z "$best" ] || within 'merged from base and differencing disk' "$(over "${R[bytes]}" "$best")" \
		1.1 'of the best single-base patch'
	images_drop diff.qcow2 merged.qcow2 one.qcow2
}

# The bytes of a known base without its old bytes: overwritten in place, no generation kept.
case_unknown() {
	local known
	image one.img churn.img
	HUB_MORE='generations_max = 0'
	fresh
	have "$IMAGES/one.img" disk.img
	run_ours "$IMAGES/churn.img" disk.img over
	shown 'spokesync, known base without old bytes'
	known=${R[bytes]}
	world_anew
	hub_key
	spoke berlin 'group:preserve_quota = 0'
	HUB='generations_max = 0'
	hub
	place "$IMAGES/one.img" "$T/berlin/disk.img"
	start berlin hub
	unset HUB_MORE
	uncache "$T/berlin/disk.img"
	run_ours "$IMAGES/churn.img" disk.img new
	shown 'spokesync, unknown preseeded base'
	within 'unknown preseeded base, beyond the known one' \
		"$(over "$((R[bytes] - known))" "$SIZE")" 0.0003 'of the image'
}

# Nothing changed but what is about the file.
case_meta() {
	image one.img
	fresh
	have "$IMAGES/one.img" disk.img
	anew
	meter_on
	touch -d '2026-01-02 03:04:05' "$T/src/disk.img"
	until_published disk.img
	meta_judged 'only the mtime changed'
	anew
	meter_on
	mv "$T/src/disk.img" "$T/src/renamed.img"
	until_published renamed.img
	same berlin renamed.img
	meta_judged renamed
}
anew() { # the next connection needs a handshake
	stop berlin
	start berlin
	uncache "$T/src/disk.img" "$T/berlin/disk.img"
}
meta_judged() {
	shown "spokesync, $1"
	within "$1" "${R[bytes]}" 4095 bytes
	within "$1: read on the spoke" "$(awk -v a="${R[spoke_read]}" -v b="${R[spoke_rchar]}" \
		'BEGIN { printf "%.0f", (a > b ? a : b) }')" 262144 'bytes: its database'
}

# A reflinked copy with changes: found by extents, hence neither read nor written whole.
case_reflink() {
	local changed=$((SIZE / 4096 / 200 * 4096)) wrote
	[ "$NOW" = xfs ] || return 0
	image one.img
	fresh
	have "$IMAGES/one.img" disk.img
	cp --reflink=always "$T/src/disk.img" "$T/new"
	python3 "$MAKE" edits "$T/new" 4096 5
	sync "$T/new"
	uncache "$T/new" "$T"/src/* "$T"/berlin/*
	meter_on
	mv "$T/new" "$T/src/copy.img"
	until_published copy.img
	same berlin copy.img
	shown 'spokesync, reflinked copy, 4 KiB edits'
	within 'reflinked copy, 4 KiB edits' "$(over "${R[bytes]}" $changed)" 1.02 'of the edits'
	within 'reflinked copy: read at the hub' "$(over "${R[hub_read]}" $changed)" 3 'x the changed blocks'
	wrote=$(awk -v l="${R[literal]}" -v s="$SIZE" 'BEGIN { printf "%.0f", 1.1 * l + s / 1024 }')
	within 'reflinked copy: written at the spoke' "$(over "${R[spoke_wrote]}" "$wrote")" 1 \
		'x (1.1 literals + 1 MiB a GiB)'
	within 'reflinked copy: last byte to published' "${R[tail]}" 2 s
	within 'reflinked copy: CPU of the hub' "${R[hub_cpu]}" 5 's, at 20 GB'
}
