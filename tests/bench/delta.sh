#!/bin/bash
# What changes inside an image cost, beside rsync and, with both files at hand, zstd --patch-from,
# which is the bound: a filesystem of real files and a database, in which files are replaced by
# nearly the same ones, rows updated, logs written; and the same image with 4 KiB and 512-byte
# edits scattered over it. SIZE: megabytes of files (default 400); BENCH_DIR: where the data goes.
. "$(dirname "$0")/lib.bash"
[ "$(id -u)" -eq 0 ] || { echo "needs root, for loop devices" >&2; exit 1; }
world
MNT=
over() {
	local rc=$?
	[ -z "$MNT" ] || umount "$MNT"
	# shellcheck disable=SC2034 # world_end reads it
	[ "$rc" -ne 0 ] || BATS_TEST_COMPLETED=1
	world_end
	exit "$rc"
}
trap over EXIT
trap 'exit 130' INT TERM
SIZE=${SIZE:-400}
LARGE=4000 # rsync's blocks grow with the file: beside them only from here on

echo "making the images in $T"
mkdir "$T/mnt"
truncate -s $((SIZE * 3 / 2 + 64))M "$T/one.img"
mke2fs -q -t ext4 "$T/one.img"
mount -o loop "$T/one.img" "$T/mnt"
MNT=$T/mnt
mkdir "$MNT/tree"
(cd / && find usr/lib usr/share usr/bin -xdev -type f -printf '%s %p\n' 2>/dev/null) |
	LC_ALL=C sort -k2 | awk -v "most=$((SIZE * 900000))" \
	'{ n += $1; if (n > most) exit; sub(/^[0-9]+ /, ""); print }' >"$T/files"
tar -C / -T "$T/files" -cf - 2>/dev/null | tar -C "$MNT/tree" -xf -
mkdir "$MNT/var"
rows=$((SIZE * 100))
python3 - "$MNT/var/db" "$rows" <<-'PY'
	import random, sqlite3, sys
	random.seed(1)
	db = sqlite3.connect(sys.argv[1])
	db.execute("create table t (id integer primary key, name text, value blob, note text)")
	db.executemany("insert into t values (?, ?, ?, ?)", ((i, "row %d" % i, random.randbytes(400),
	    "a note on row %d, as they are" % i) for i in range(int(sys.argv[2]))))
	db.commit()
PY
awk 'BEGIN { for (i = 0; i < 40000; i++) print "Nov 22 10:" i % 60 " host daemon[" i % 977 "]: request " i * 7919 % 65521 " done in " i * 31 % 1000 " ms" }' >"$MNT/var/log"
umount "$MNT"
MNT=
cp --sparse=always "$T/one.img" "$T/churn.img"
mount -o loop "$T/churn.img" "$T/mnt"
MNT=$T/mnt
python3 - "$MNT" <<-'PY'
	import os, random, sqlite3, sys
	random.seed(2)
	root = sys.argv[1]
	files = []
	for d, _, names in os.walk(root + "/tree"):
	    files += [os.path.join(d, n) for n in names if not os.path.islink(os.path.join(d, n))]
	files.sort()
	big = [f for f in files if 100000 < os.path.getsize(f) < 4000000]
	for f in random.sample(big, min(60, len(big))):   # near-identical new inodes
	    data = bytearray(open(f, "rb").read())
	    for at in range(6000, len(data), 12800):
	        data[at:at + 8] = random.randbytes(8)
	    at = random.randrange(len(data))
	    data[at:at] = random.randbytes(48)
	    open(f + ".new", "wb").write(data)
	    os.rename(f + ".new", f)
	for f in random.sample(files, min(150, len(files) // 10)):
	    if os.path.exists(f): os.unlink(f)
	for i in range(100):
	    open(root + "/tree/new%d" % i, "wb").write(("a new file, number %d\n" % i).encode() * 50)
	for f in random.sample(files, min(1500, len(files) // 4)):
	    if os.path.exists(f): os.utime(f, (1e9, 1e9 + random.randrange(1000)))
	with open(root + "/var/log", "a") as log:
	    for i in range(20000):
	        log.write("Nov 23 11:%d host daemon[%d]: request %d done in %d ms\n"
	                  % (i % 60, i % 911, i * 7919 % 65521, i * 37 % 1000))
	db = sqlite3.connect(root + "/var/db")
	n = db.execute("select count(*) from t").fetchone()[0]
	for i in range(600):
	    db.execute("update t set value = ? where id = ?", (random.randbytes(400), random.randrange(n)))
	db.commit()
PY
umount "$MNT"
MNT=
for len in 4096 512; do
	cp --sparse=always "$T/one.img" "$T/edits$len.img"
	python3 - "$T/edits$len.img" "$len" <<-'PY'
		import os, random, sys
		random.seed(3)
		size = int(sys.argv[2])
		with open(sys.argv[1], "r+b") as f:
		    pages = os.path.getsize(sys.argv[1]) // 4096
		    for page in random.sample(range(pages), pages // 200):
		        f.seek(page * 4096 + random.randrange(4096 // size) * size)
		        f.write(random.randbytes(size))
	PY
done

spoke berlin
hub
start berlin hub
cp --sparse=always "$T/one.img" "$T/src/one.img"
hubctl wait --timeout 20m >/dev/null

# Both directions of the protocol, as rsync counts them itself.
rsync_costs() { # NEW OPTION...
	local new=$1
	shift
	cp --sparse=always "$T/one.img" "$T/mnt/image"
	rsync --stats --no-whole-file --ignore-times -z --zc=zstd --zl=3 "$@" "$new" "$T/mnt/image" |
		awk '/^Total bytes (sent|received)/ { gsub(/,/, ""); n += $4 } END { print n }'
	cmp "$new" "$T/mnt/image"
	rm "$T/mnt/image"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

printf '%-10s %12s %12s %14s %14s\n' case ours patch-from 'rsync -B4096' rsync
for name in churn edits4096 edits512; do
	new=$T/$name.img
	zstd -q -3 --long=31 --patch-from="$T/one.img" "$new" -o "$T/patch" -f
	bound=$(stat -c %s "$T/patch")
	rsync4=$(rsync_costs "$new" -B4096)
	rsync0=$(rsync_costs "$new")
	cp --sparse=always "$new" "$T/src/$name.img"
	hubctl wait --timeout 20m >/dev/null
	same berlin "$name.img"
	ours=$(summary "$name.img" berlin wire)
	printf '%-10s %12s %12s %14s %14s\n' "$name" "$ours" "$bound" "$rsync4" "$rsync0"
	case $name in
	churn)
		judge 'churn, of zstd -3 --patch-from' "$(ratio "$ours" "$bound")" 1.10
		judge 'churn, of rsync -B4096 -z' "$(ratio "$ours" "$rsync4")" 0.9
		;;
	edits4096)
		edits=$(($(stat -c %s "$new") / 4096 / 200 * 4096))
		judge 'scattered 4 KiB edits, of the edits' "$(ratio "$ours" "$edits")" 1.02
		[ "$SIZE" -lt "$LARGE" ] ||
			judge 'scattered 4 KiB edits, of rsync -z' "$(ratio "$ours" "$rsync0")" 0.22
		;;
	edits512)
		judge 'scattered 512-byte edits, of zstd -3 --patch-from' \
			"$(ratio "$ours" "$bound")" 1.10
		[ "$SIZE" -lt "$LARGE" ] ||
			judge 'scattered 512-byte edits, of rsync -z' "$(ratio "$ours" "$rsync0")" 0.05
		;;
	esac
	rm "$T/src/$name.img"
	hubctl wait --timeout 5m >/dev/null
done
exit $FAILED
