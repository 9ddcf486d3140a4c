#!/bin/bash
# What a successor of a real image costs, beside rsync: a VHDX of 2 GB or more from a real file
# tree, and the same after package changes. The limits are those of issue 1: under a new name less
# than 10 % of `rsync -z` (which has no base then), and at most 1.05 times rsync for the same name.
. "$(dirname "$0")/lib.bash"
bench_world

echo "making the images"
# Packages that the first image lacks and the second has, with their files and dpkg's record of them.
added=()
for p in cppcheck qemu-utils rsync strace bats xfsprogs libsqlite3-dev libgnutls28-dev; do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] && added+=("$p")
	[ ${#added[@]} -lt 6 ] || break
done
dpkg -L "${added[@]}" | sort -u | while read -r f; do
	[ -f "$f" ] && [ ! -L "$f" ] && echo "${f#/}"
done >"$T/added"
(cd / && find bin/. sbin/. etc lib/. usr/bin usr/sbin usr/lib usr/share var/lib/dpkg -xdev -type f 2>/dev/null) |
	grep -vxF -f "$T/added" | LC_ALL=C sort |
	(cd / && xargs -d '\n' stat -c '%s %n' 2>/dev/null) |
	awk '{ n += $1; if (n > 2.6e9) exit; sub(/^[0-9]+ /, ""); print }' >"$T/files"
mkdir "$T/tree"
tar -C / -T "$T/files" --ignore-failed-read -cf - 2>/dev/null | tar -C "$T/tree" -xf -
cp /var/lib/dpkg/status "$T/status.new"
mkdir -p "$T/tree/var/lib/dpkg"
awk -v "gone=${added[*]}" 'BEGIN { RS = ""; ORS = "\n\n"; n = split(gone, g, " ") }
	{ for (i = 1; i <= n; i++) if ($0 ~ "^Package: " g[i] "\n") next; print }' \
	/var/lib/dpkg/status >"$T/tree/var/lib/dpkg/status"
truncate -s 5G "$T/disk"
mke2fs -q -t ext4 -d "$T/tree" "$T/disk"
rm -rf "$T/tree"
qemu-img convert -O vhdx "$T/disk" "$T/one.vhdx"
{
	sed 's#/[^/]*$##' "$T/added" | sort -u | awk -F/ '
		{ p = ""; for (i = 1; i <= NF; i++) { p = p "/" $i; if (!seen[p]++) print "mkdir " p } }'
	while read -r f; do printf 'write "/%s" "/%s"\n' "$f" "$f"; done <"$T/added"
	printf 'rm /var/lib/dpkg/status\nwrite %s /var/lib/dpkg/status\n' "$T/status.new"
} >"$T/edit"
debugfs -w -f "$T/edit" "$T/disk" >/dev/null 2>&1
qemu-img convert -O vhdx "$T/disk" "$T/two.vhdx"
rm "$T/disk"
printf 'image %s, successor with %s: %s bytes of new files\n' \
	"$(mb "$(stat -c %s "$T/one.vhdx")")" "${added[*]}" \
	"$(cd / && xargs -d '\n' stat -c %s <"$T/added" | awk '{ n += $1 } END { print n }')"

# rsync, from the hub's namespace into a daemon in the spoke's.
mkdir "$T/rsync"
cat >"$T/rsyncd.conf" <<-CONF
	use chroot = no
	uid = 0
	gid = 0
	[m]
	path = $T/rsync
	read only = no
CONF
ip netns exec "${NET}s" rsync --daemon --no-detach --port=8730 --config="$T/rsyncd.conf" &
rsyncd=$!
eventually 10 ip netns exec "${NET}h" bash -c 'exec 3<>/dev/tcp/10.77.0.2/8730'
rsync_costs() { # FILE NAME OPTION...: prints the wire bytes
	local before file=$1 name=$2
	shift 2
	before=$(wire)
	ip netns exec "${NET}h" rsync "$@" "$file" "rsync://10.77.0.2:8730/m/$name" >&2
	sleep 1
	echo $(($(wire) - before))
}
rsync_new=$(rsync_costs "$T/two.vhdx" new -z)
cmp "$T/two.vhdx" "$T/rsync/new"
rm "$T/rsync/new"
cp "$T/one.vhdx" "$T/rsync/same"
rsync_same=$(rsync_costs "$T/two.vhdx" same -z --zc=zstd --zl=3 --no-whole-file --ignore-times)
cmp "$T/two.vhdx" "$T/rsync/same"
kill "$rsyncd"
wait "$rsyncd" 2>/dev/null || true
rm -rf "$T/rsync"

# spokesync: the first image goes over, then the successor under a new name.
spoke berlin
hub
start berlin hub
mv "$T/one.vhdx" "$T/src/"
before=$(wire)
hubctl wait --timeout 20m
first=$(($(wire) - before))
before=$(wire)
mv "$T/two.vhdx" "$T/src/"
hubctl wait --timeout 20m
ours=$(($(wire) - before))
same berlin one.vhdx
same berlin two.vhdx

printf '\n%-44s %14s\n' 'first copy, spokesync' "$(mb "$first")"
printf '%-44s %14s\n' 'successor, rsync -z, a new name' "$(mb "$rsync_new")" \
	'successor, rsync -z (zstd 3), the same name' "$(mb "$rsync_same")" \
	'successor, spokesync, a new name' "$(mb "$ours")"
logged=$(summary two.vhdx berlin wire)
judge "of rsync -z, new name" "$(awk "BEGIN { printf \"%.4f\", $ours / $rsync_new }")" 0.10
judge "of rsync, same name" "$(awk "BEGIN { printf \"%.3f\", $ours / $rsync_same }")" 1.05
judge "our log, off the counters by" \
	"$(awk "BEGIN { d = $logged / $ours - 1; printf \"%.4f\", d < 0 ? -d : d }")" 0.02
exit $FAILED
