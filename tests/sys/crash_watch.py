#!/usr/bin/env python3
"""A reader of a spoke's directory that looks all the time, for crash.bash: what lies there is one of the
contents that are known, whole, under the names that were given; and one name, which a file says (an
empty one: none), is never missing. What is as it was at the last look, by its identity, is not read
again. Prints what is amiss; ends with its parent, or at SIGTERM.

crash_watch.py DIRECTORY FILE-THAT-SAYS-THE-NAME NAME,NAME... CONTENT...
"""
import os
import sys
import time


def read(path):
    with open(path, "rb") as f:
        return f.read()


def look(top, names, known, seen):
    for e in os.scandir(top):
        if e.name == ".spokesync":
            continue
        if e.name not in names:
            yield f"name: {e.name}"
            continue
        try:
            fd = os.open(e.path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with open(fd, "rb") as f:  # once: another may take its place meanwhile
            s = os.fstat(fd)
            identity = (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
            if identity in seen:
                continue
            if f.read() not in known:
                yield f"{e.name} is none of them"
            s = os.fstat(fd)
            if identity == (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns):
                seen.add(identity)


def main():
    top, says, names = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
    known = [read(k) for k in sys.argv[4:]]
    parent, seen = os.getppid(), set()
    while os.getppid() == parent:
        there = read(says)
        missing = there and not os.path.exists(os.path.join(top, there.decode()))
        for words in look(top, names, known, seen):
            print(words, flush=True)
        if missing and read(says) == there:
            print(f"{there.decode()} is missing", flush=True)
        time.sleep(0.01)


main()
