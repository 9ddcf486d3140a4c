#!/usr/bin/env python3
"""Every 20 ms until killed, or both processes are gone: seconds since 1970, bytes that a network device
carried, anonymous kB of two processes, each with its children, bytes that the second one wrote to disk;
a line where one of them changed.

  delta_meter.py DEVICE PID PID    (the device as the second process sees it)
"""
import os
import sys
import time


def anon_of(pid):
    try:
        with open("/proc/%s/status" % pid) as f:
            for line in f:
                if line.startswith("RssAnon"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def children(pid):
    found = []
    try:
        for task in os.listdir("/proc/%s/task" % pid):
            with open("/proc/%s/task/%s/children" % (pid, task)) as f:
                found += f.read().split()
    except OSError:
        pass
    return found


def anon(pid):
    return anon_of(pid) + sum(anon(child) for child in children(pid))


def wrote(pid):
    try:
        with open("/proc/%s/io" % pid) as f:
            n = dict(line.split(": ") for line in f)
        return str(int(n["write_bytes"]) - int(n["cancelled_write_bytes"]))
    except (OSError, KeyError):
        return "0"


def carried(pid, device):
    try:
        with open("/proc/%s/net/dev" % pid) as f:
            for line in f:
                words = line.split()
                if words[0] == device + ":":
                    return str(int(words[1]) + int(words[9]))
    except OSError:
        pass
    return "0"


last = ()
while any(os.path.exists("/proc/" + pid) for pid in sys.argv[2:4]):
    now = (carried(sys.argv[3], sys.argv[1]), anon(sys.argv[2]), anon(sys.argv[3]),
           wrote(sys.argv[3]))
    if now != last:
        print("%.3f" % time.time(), *now, flush=True)
        last = now
    time.sleep(0.02)
