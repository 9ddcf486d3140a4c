#!/bin/bash
# What changes inside disk images cost, beside rsync, casync and, with both files at hand, xdelta3 and
# zstd --patch-from, which is the bound; each row against its limit, on filesystems made for it.
#
#   delta.sh [--size N] [--fill N] [--fs xfs|ext4|both] [--images DIR] [CASE]...
#
# CASE: upgrade raw qcow2 vhd churn edits4096 edits512 relaid merged first meta reflink unknown spokes
# index (default: all). --size: of an image, 1800M where not given (zstd --patch-from ends at 2 GB),
# 20G at request; --fill: at most so much of it is used (default: what this machine's files give).
# --images: where the images stay for the next run. BENCH_DIR: where the data goes; about 14 times the
# size at 1800M. Root: loop devices and namespaces. Exits 1 where a row misses its limit.
. "$(dirname "$0")/lib.bash"
here=$(dirname "$0")
for part in images measure peers upgrade cases bounds; do
	# shellcheck source=/dev/null
	. "$here/delta_$part.bash"
done

usage() {
	sed -n '5,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
size=1800M fill=0 filesystems=(xfs ext4)
KEEP=""
SHOWN=""
CASES=(upgrade raw qcow2 vhd churn edits4096 edits512 relaid merged first meta reflink unknown spokes index)
cases=()
while [ $# -gt 0 ]; do
	case $1 in
	--size) size=$2 && shift ;;
	--fill) fill=$2 && shift ;;
	--images) KEEP=$2 && shift ;;
	--fs)
		case ${2-} in both) ;; xfs | ext4) filesystems=("$2") ;; *) usage ;; esac
		shift
		;;
	-*) usage ;;
	*)
		case " ${CASES[*]} " in *" $1 "*) cases+=("$1") ;; *) usage ;; esac
		;;
	esac
	shift
done
[ ${#cases[@]} -gt 0 ] || cases=("${CASES[@]}")
SIZE=$(numfmt --from=iec "$size")
# shellcheck disable=SC2034 # delta_images.bash
FILL=$(numfmt --from=iec "$fill")
[ "$SIZE" -ge $((128 << 20)) ] || { echo "an image has 128M or more" >&2; exit 2; }

# shellcheck disable=SC2317 # bench_end calls it
bench_also() {
	set +e # whatever is missing, the rest goes
	meter_end
	rsyncd_off
	unmounted
	fs_down
	rm -rf "$WORK" "$IMAGES/making"*
	[ -n "$SHOWN" ] || table # what there is of it
}
bench_world
WORK=$(mktemp -d "${BENCH_DIR:-/var/tmp}/ssdelta.XXXXXX")
IMAGES=${KEEP:-$WORK/images}
mkdir -p "$IMAGES"
for fs in "${filesystems[@]}"; do
	fs_up "$fs"
	for c in "${cases[@]}"; do
		printf '\n== %s, %s\n' "$c" "$fs"
		"case_$c"
	done
	TMPDIR=${BENCH_DIR:-/var/tmp}
	world_anew
	fs_down
done
table
exit "$FAILED"
