#!/usr/bin/env python3
"""A reader of a store of images (sets.bash makes it) who looks all the time for half a set: a manifest
without its images, or beside properties of another generation; properties without their image; a
child without the very parent that it was made on. A look counts where names and identities are the
same before and after it: then it is a state that was there. Ends at SIGTERM, and says how many looks
there were.

sets_watch.py DIRECTORY      prints each half set once
sets_watch.py --once DIRECTORY
"""
import hashlib
import os
import re
import signal
import sys
import time

stop = False
sums = {}  # identity -> sum of a parent


def names(top):
    found = {}
    with os.scandir(top) as entries:
        for e in entries:
            if e.name.startswith(".") or not e.is_file(follow_symlinks=False):
                continue
            s = os.stat(os.path.join(top, e.name))
            found[e.name] = (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
    return found


def read(top, name):
    with open(os.path.join(top, name), "rb") as f:
        return f.read()


def sum_of(top, name, identity):
    if identity not in sums:
        sums[identity] = hashlib.sha256(read(top, name)).hexdigest()[:16]
    return sums[identity]


def look(top, found):
    for name in found:
        stem, dot = os.path.splitext(name)
        if dot == ".xml":
            text = read(top, name).decode()
            for image in re.findall("<diskFileName>(.*?)<", text):
                if image not in found:
                    yield f"{name} without {image}"
                    continue
                pvp = os.path.splitext(image)[0] + ".pvp"
                if pvp not in found:
                    yield f"{name} without {pvp}"
                elif read(top, pvp).split()[-1].decode() != re.search("<generation>(.*?)<", text)[1]:
                    yield f"{name} and {pvp} are of two generations"
        elif dot == ".pvp":
            if stem + ".vhdx" not in found and stem + ".qcow2" not in found:
                yield f"{name} without its image"
        elif dot == ".qcow2":
            _, parent, made_on = read(top, name).splitlines()[-1].decode().split()
            if parent not in found:
                yield f"{name} without {parent}"
            elif sum_of(top, parent, found[parent]) != made_on:
                yield f"{name} and a {parent} that it does not rest on"


def judge(top):
    """None: something changed meanwhile."""
    try:
        before = names(top)
        said = list(look(top, before))
        return said if names(top) == before else None
    except FileNotFoundError:
        return None


def end(*_):
    global stop
    stop = True


def main():
    top = sys.argv[-1]
    told, looks, moved = set(), 0, 0
    signal.signal(signal.SIGTERM, end)
    parent = os.getppid()
    while not stop and os.getppid() == parent:
        said = judge(top)
        time.sleep(0.0005)
        if said is None:
            moved += 1
            continue
        looks += 1
        for line in said:
            if line not in told:
                told.add(line)
                print("half a set:", line, flush=True)
        if sys.argv[1] == "--once":
            break
    if sys.argv[1] != "--once":
        print(f"looks {looks}, and {moved} in which something changed", flush=True)


main()
