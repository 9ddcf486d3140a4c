# delta_images.bash: for delta.sh: the disk images, made of this machine's own files and of nothing
# else. Each is made when a case first asks for it (image NAME) and goes when the benchmark ends;
# with --images DIR they stay there for the next run.
#
#   one.img           an ext4 filesystem of $SIZE bytes: files of /usr, dpkg's record, a database, a log
#   up.img            the same after packages were installed in it, through the kernel's ext4
#   churn.img         the same after days of use (DELTA: 108 near-identical files, deletions, log, rows)
#   edits4096.img, edits512.img     random bytes in 0.5 % of its pages
#   relaid.img        another filesystem with 80 % of the same files, in another order
#   one.X, up.X       X = vhdx, qcow2: one.img converted, and the difference committed into a copy, as a
#                     guest writes; X = vhd (dynamic): both converted out of order, so that blocks moved
#   diff.qcow2, merged.qcow2        churn.img as a differencing disk of one.qcow2, and merged into it
# shellcheck shell=bash

MAKE=$(dirname "${BASH_SOURCE[0]}")/delta_make.py
MAKING= # a mount point while an image is being made

image() { # NAME...
	local name
	for name; do
		[ -e "$IMAGES/$name" ] || {
			echo "making $name" >&2
			"image_${name//./_}" "$IMAGES/making"
			rm -rf "$IMAGES/making.d"
			sync "$IMAGES/making"
			mv "$IMAGES/making" "$IMAGES/$name"
		}
		uncache "$IMAGES/$name"
	done
}

# images_drop NAME...: room for others, unless they are to stay.
images_drop() {
	[ -n "$KEEP" ] || (cd "$IMAGES" && rm -f "$@")
}

mib() { echo $((SIZE >> 20)); }

mounted() { # FILE: its filesystem, at $MAKING
	mkdir -p "$IMAGES/mnt"
	mount -o loop "$1" "$IMAGES/mnt"
	MAKING=$IMAGES/mnt
}
unmounted() {
	[ -z "$MAKING" ] || umount "$MAKING"
	MAKING=
}

# The packages that one.img lacks and up.img has: of those that the benchmarks need, in this order,
# about a twentieth of the image.
packages_added() {
	local p kb left=$((SIZE / 1024 / 18))
	for p in rclone cppcheck qemu-utils rsync strace bats xfsprogs clang-tidy-14 libgnutls28-dev; do
		kb=$(dpkg-query -W -f='${db:Status-Status} ${Installed-Size}' "$p" 2>/dev/null) || continue
		[ "${kb% *}" = installed ] && [ "${kb#* }" -le "$left" ] || continue
		left=$((left - ${kb#* }))
		echo "$p"
	done
}
files_added() {
	local f p
	for p in $(packages_added); do dpkg -L "$p"; done | sort -u | while read -r f; do
		[ ! -f "$f" ] || [ -L "$f" ] || echo "$f"
	done
}

# Names of files, without the leading slash, that make up to $1 bytes of an image: whole directories,
# spread over what there is.
files_base() {
	(cd / && find usr/bin usr/include usr/lib usr/sbin usr/share var/lib/dpkg -xdev -type f \
		-printf '%s /%p\n' 2>/dev/null) | LC_ALL=C sort -k2 | grep -vE ' /var/lib/dpkg/status(-old)?$' |
		awk 'NR == FNR { gone[$0]; next }
			{ name = substr($0, index($0, "/")); if (!(name in gone)) print $1, name }' \
			<(echo; files_added) - >"$WORK/all"
	awk -v most="$1" '{ n = int(($1 + 4095) / 4096) * 4096 + 256 } NR == FNR { all += n; next }
		{ name = substr($0, index($0, "/") + 1); dir = name; sub(/\/[^\/]*$/, "", dir); seen += n
		if (dir != last) { last = dir; take = taken * all <= (seen - n) * most }
		if (take && taken + n <= most) { taken += n; print name } }' "$WORK/all" "$WORK/all"
}

# filesystem FILE LIST: an ext4 of $SIZE bytes with the files of LIST under /tree.
filesystem() {
	truncate -s "$((SIZE >> 20 << 20))" "$1"
	mke2fs -q -t ext4 -b 4096 -i 16384 -m 0 "$1" # as larger ones have by themselves
	mounted "$1"
	mkdir -p "$MAKING/tree/var/lib/dpkg"
	tar -C / -T "$2" --no-recursion --ignore-failed-read -cf - 2>/dev/null | tar -C "$MAKING/tree" -xf -
}

image_one_img() {
	mkdir -p "$1.d"
	files_base $((SIZE * 76 / 100)) >"$1.d/files"
	filesystem "$1" "$1.d/files"
	awk -v "gone=$(packages_added | paste -sd' ')" 'BEGIN { RS = ""; ORS = "\n\n"; n = split(gone, g, " ") }
		{ for (i = 1; i <= n; i++) if ($0 ~ "^Package: " g[i] "\n") next; print }' \
		/var/lib/dpkg/status >"$MAKING/tree/var/lib/dpkg/status"
	python3 "$MAKE" fill "$MAKING" "$(mib)"
	[ "$FILL" -le "$((SIZE * 85 / 100))" ] || filler "$(df -B1 --output=avail "$MAKING" | tail -n 1)"
	unmounted
}

# What the machine's files leave free, down to 15 %, as a guest's own data: does not compress.
filler() {
	local n=$(($1 - SIZE * 15 / 100))
	[ "$n" -le 0 ] || openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null |
		head -c "$n" >"$MAKING/var/data" || true
}

altered() { # FILE: one.img again, mounted
	image one.img
	cp --sparse=always "$IMAGES/one.img" "$1"
	mounted "$1"
}

image_up_img() {
	altered "$1"
	mkdir -p "$1.d"
	files_added >"$1.d/files"
	python3 "$MAKE" upgrade "$MAKING" "$1.d/files"
	unmounted
}

image_churn_img() {
	altered "$1"
	python3 "$MAKE" churn "$MAKING" "$(mib)"
	unmounted
}

image_edits4096_img() { edited "$1" 4096; }
image_edits512_img() { edited "$1" 512; }
edited() {
	image one.img
	cp --sparse=always "$IMAGES/one.img" "$1"
	python3 "$MAKE" edits "$1" "$2" 5
}

image_relaid_img() {
	mkdir -p "$1.d"
	files_base $((SIZE * 76 / 100)) | awk 'NR % 5' |
		shuf --random-source=<(yes 7919) >"$1.d/files"
	filesystem "$1" "$1.d/files"
	unmounted
}

# ---- containers -----------------------------------------------------------------------------------

converted() { # RAW FORMAT FILE OPTION...
	local raw=$1 format=$2 to=$3
	shift 3
	image "$raw"
	qemu-img convert "$@" -O "$format" "$IMAGES/$raw" "$to"
}

# overlay RAW BASE FORMAT FILE: a qcow2 on BASE that holds where RAW differs from it.
overlay() {
	qemu-img create -q -f qcow2 -b "$IMAGES/$1" -F raw "$4"
	qemu-img rebase -b "$2" -F "$3" "$4"
}

# committed RAW BASE FORMAT FILE: BASE with RAW's contents, written as a guest would: in place.
committed() {
	image "$1" "$2"
	cp --sparse=always "$IMAGES/$2" "$4"
	overlay "$1" "$4" "$3" "$4.over"
	qemu-img commit -q "$4.over"
	rm "$4.over"
}

image_one_vhdx() { converted one.img vhdx "$1"; }
image_up_vhdx() { committed up.img one.vhdx vhdx "$1"; }
image_one_qcow2() { converted one.img qcow2 "$1"; }
image_up_qcow2() { committed up.img one.qcow2 qcow2 "$1"; }
image_one_vhd() { converted one.img vpc "$1" -o subformat=dynamic; }
image_up_vhd() { converted up.img vpc "$1" -o subformat=dynamic -W -m 16; }

image_diff_qcow2() {
	image churn.img one.qcow2
	overlay churn.img "$IMAGES/one.qcow2" qcow2 "$1"
}
image_merged_qcow2() { committed churn.img one.qcow2 qcow2 "$1"; }
