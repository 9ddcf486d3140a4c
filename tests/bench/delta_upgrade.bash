# delta_upgrade.bash: for delta.sh: packages installed inside an image, in each container, under the same
# name and a new one, on a LAN and at 20 Mbit/s.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the other files

declare -A VHDX=() # our bytes for the VHDX: what the other containers are held against

case_upgrade() { upgrade_in vhdx; }
case_raw() { upgrade_in img; }
case_qcow2() { upgrade_in qcow2; }
case_vhd() { upgrade_in vhd; }

upgrade_in() { # EXTENSION
	local ext=$1 how rate
	image "one.$ext" "up.$ext"
	rsyncd_on
	if [ "$ext" = vhdx ]; then
		rsync_costs one.vhdx up.vhdx
		bounds one.vhdx up.vhdx
	else
		rsync_run "one.$ext" "up.$ext"
		RSYNC=${R[bytes]} RSYNC_TIME=${R[wall]}
	fi
	rsyncd_off
	fresh
	have "$IMAGES/one.$ext" "disk.$ext"
	for rate in unlimited 20Mbit; do
		for how in new same; do upgrade_once "$ext" "$how" "$rate"; done
	done
	[ "$ext" = vhdx ] || images_drop "one.$ext" "up.$ext"
}

upgrade_once() { # EXTENSION new|same RATE
	local ext=$1 how=$2 rate=$3 row limit
	row="$ext, $([ "$how" = new ] && echo 'new name' || echo 'same name'), $(
		[ "$rate" = unlimited ] && echo LAN || echo "$rate")"
	forget
	speed "$rate"
	if [ "$how" = new ]; then
		run_ours "$IMAGES/up.$ext" "copy.$ext" new
	else
		run_ours "$IMAGES/up.$ext" "disk.$ext" over
	fi
	shown "spokesync, upgrade in $row"
	case $NOW.$how.$rate in
	*.20Mbit) limit=0.85 ;;
	ext4.same.*) limit=0.95 ;;
	*) limit=0.92 ;;
	esac
	if [ "$ext" = vhdx ]; then
		VHDX[$NOW.$how.$rate]=${R[bytes]}
		within "upgrade in $row" "$(over "${R[bytes]}" "$RSYNC")" "$limit" 'of rsync -z'
	elif [ -n "${VHDX[$NOW.$how.$rate]-}" ]; then
		within "upgrade in $row" "$(over "${R[bytes]}" "${VHDX[$NOW.$how.$rate]}")" 1.02 'of the VHDX'
	else # the VHDX was not asked for
		within "upgrade in $row" "$(over "${R[bytes]}" "$RSYNC")" "$limit" 'of rsync -z'
	fi
	if [ "$rate" = unlimited ]; then
		within "upgrade in $row: time" "$(over "${R[wall]}" "$RSYNC_TIME")" \
			"$([ "$NOW" = xfs ] && echo 0.2 || echo 0.7)" 'of rsync -z --fsync'
	fi
	speed unlimited
	if [ "$how" = new ]; then
		take_away "copy.$ext"
	else # back to where the next one starts
		place "$IMAGES/one.$ext" "$T/src/disk.$ext"
		in_sync
		eventually 600 same berlin "disk.$ext" >/dev/null
	fi
}
