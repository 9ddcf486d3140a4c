#!/usr/bin/env python3
"""What delta_images.bash cannot say in shell: a database, churn, scattered edits. Same seeds, same bytes.

  delta_make.py fill ROOT MB        a database of about 1/20 of MB and a log, under ROOT/var
  delta_make.py churn ROOT MB       days of use: the mix of files, rows and lines, scaled to MB
  delta_make.py upgrade ROOT LIST   the files of LIST as a package manager unpacks them
  delta_make.py edits FILE LEN PERMILLE   LEN random bytes, aligned to LEN, in PERMILLE of the pages
"""
import os
import random
import shutil
import sqlite3
import sys


def fill(root, mb):
    os.makedirs(root + "/var/log")
    random.seed(1)
    db = sqlite3.connect(root + "/var/db")
    db.execute("create table t (id integer primary key, name text, value blob, note text)")
    db.executemany("insert into t values (?, ?, ?, ?)", (
        (i, "row %d" % i, random.randbytes(400), "a note on row %d, as they are" % i)
        for i in range(mb * 100)))
    db.commit()
    with open(root + "/var/log/daemon", "w") as log:
        for i in range(mb * 50):
            log.write("Nov 22 10:%d host daemon[%d]: request %d done in %d ms\n"
                      % (i % 60, i % 977, i * 7919 % 65521, i * 31 % 1000))


def near_copies(files, n):
    """New inodes with nearly the old bytes: 8 bytes every 12,800, and 48 bytes put in."""
    for f in random.sample(files, min(n, len(files))):
        with open(f, "rb") as old:
            data = bytearray(old.read())
        for at in range(6000, len(data), 12800):
            data[at:at + 8] = random.randbytes(8)
        at = random.randrange(len(data))
        data[at:at] = random.randbytes(48)
        with open(f + ".new", "wb") as new:
            new.write(data)
        os.rename(f + ".new", f)


def churn(root, mb):
    random.seed(2)
    n = mb / 1900  # the study's image
    files = sorted(os.path.join(d, name) for d, _, names in os.walk(root + "/tree") for name in names
                   if not os.path.islink(os.path.join(d, name)))
    near_copies([f for f in files if 100000 < os.path.getsize(f) < 4000000], int(108 * n) + 1)
    for f in random.sample(files, min(int(300 * n) + 1, len(files) // 10)):
        os.unlink(f)
    files = [f for f in files if os.path.exists(f)]
    for i in range(int(200 * n) + 1):
        with open(root + "/tree/new%d" % i, "wb") as new:
            new.write(b"a new file, number %d\n" % i * 50)
    for f in random.sample(files, min(int(3000 * n), len(files) // 4)):
        os.utime(f, (1e9, 1e9 + random.randrange(1000)))
    with open(root + "/var/log/daemon", "a") as log:
        for i in range(int(40000 * n)):
            log.write("Nov 23 11:%d host daemon[%d]: request %d done in %d ms\n"
                      % (i % 60, i % 911, i * 7919 % 65521, i * 37 % 1000))
    db = sqlite3.connect(root + "/var/db")
    rows = db.execute("select count(*) from t").fetchone()[0]
    for i in range(int(1200 * n) + 1):
        db.execute("update t set value = ? where id = ?",
                   (random.randbytes(400), random.randrange(rows)))
    db.commit()


def upgrade(root, listing):
    """Each file under a name of its own first, then renamed: as dpkg does."""
    with open(listing) as names, open(root + "/var/log/dpkg.log", "a") as log:
        for name in names.read().splitlines():
            to = root + "/tree" + name
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy2(name, to + ".dpkg-new")
            os.rename(to + ".dpkg-new", to)
            log.write("2026-11-22 10:00:00 unpacked %s\n" % name)
    status = root + "/tree/var/lib/dpkg/status"
    shutil.copy2("/var/lib/dpkg/status", status + "-new")
    os.rename(status, status + "-old")
    os.rename(status + "-new", status)


def edits(path, length, permille):
    random.seed(3)
    with open(path, "r+b") as f:
        pages = os.path.getsize(path) // 4096
        for page in random.sample(range(pages), pages * permille // 1000):
            f.seek(page * 4096 + random.randrange(4096 // length) * length)
            f.write(random.randbytes(length))


VERBS = {"fill": fill, "churn": churn, "upgrade": upgrade, "edits": edits}
VERBS[sys.argv[1]](sys.argv[2], *(int(a) if a.isdigit() else a for a in sys.argv[3:]))
