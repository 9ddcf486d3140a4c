"""A link that fails: TCP between a hub and a spoke, broken by a schedule that a seed makes.

faults.py plan SEED              prints the schedule: start and length in milliseconds, kind, how
faults.py run SEED TARGET STATE  from any port of 127.0.0.1, told in STATE/port, to the spoke's at TARGET;
                                 the schedule begins when STATE/go is there
faults.py weather SEED MGMT STATE
                                 no link of its own: what a link by vde2 does, told to wirefilter's socket

STATE/port is ADDRESS:PORT, written anew where the address changes. STATE/log has a line for each fault,
STATE/over says that all are over, and STATE/counts at the end, by SIGTERM, how it went (JSON). SIGUSR1
resets all connections, once. A schedule depends on its seed alone.

What a fault does to the connections that there are, and to those that come while it lasts:
  stall    nothing moves, in one direction or both; then it goes on
  drop     nothing moves, and never will: no end of theirs is told to the other side
  half     one direction comes to an orderly end, the other goes on
  reset    reset, towards one side or both (SO_LINGER 0), what was on its way is gone
  corrupt  a bit of every so manieth byte is another, in one direction
  refuse   nobody listens; connections that are there go on
  away     nobody listens, and all are reset
  move     another address and port, for good; those that are there go on, or are reset
  delay    every byte comes later
  limit    so many bytes a second
  split    a few bytes at a time
"""
import collections
import json
import os
import random
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
import fault_link


class Fault:
    def __init__(self, start, length, kind, **how):
        self.start, self.length, self.kind, self.how = start, length, kind, how

    def __str__(self):
        how = " ".join("%s=%s" % h for h in sorted(self.how.items()))
        return "%5d %5d %s %s" % (self.start, self.length, self.kind, how)


def plan(seed):
    """Only random() of the library: that is the same in every version of it."""
    r = random.Random(seed).random

    def some(least, most):
        return int(least + r() * (most - least + 1))

    def one(*these):
        return these[int(r() * len(these))]

    def ways():
        return one("up", "down", "both")

    faults, at = [], some(100, 900)
    for _ in range(some(3, 5)):
        kind = one("stall", "stall", "drop", "drop", "half", "reset", "corrupt", "refuse", "away", "move")
        how, length = {}, some(100, 700)
        if kind == "stall":
            how, length = {"way": ways()}, one(some(100, 700), some(1200, 2600))
        elif kind == "half":
            how = {"way": one("up", "down")}
        elif kind == "reset":
            how = {"to": one("hub", "spoke", "both")}
        elif kind == "corrupt":
            how = {"way": one("up", "down"), "every": some(1, 40000)}
        elif kind == "move":
            how, length = {"keep": one(0, 1), "host": some(1, 9)}, 0
        faults.append(Fault(at, length, kind, **how))
        at += length + some(300, 1500)
    for _ in range(some(0, 2)):
        kind = one("delay", "limit", "split")
        how = {"delay": {"ms": some(5, 150)}, "limit": {"rate": some(100000, 2000000)}, "split": {"most": some(1, 900)}}
        faults.append(Fault(some(0, at), some(300, 1500), kind, **how[kind]))
    return sorted(faults, key=lambda f: f.start)


def weather(seed):
    """(milliseconds, commands): delay, loss and packets that come twice, and outages: all are lost."""
    r = random.Random(seed).random

    def some(least, most):
        return int(least + r() * (most - least + 1))

    loss = "loss %.1f" % (3 * r())
    at, told = 0, [(0, ["delay %d+%d" % (some(1, 60), some(0, 20)), loss, "dup %d" % some(0, 2)])]
    for _ in range(some(2, 4)):
        at += some(500, 2000)
        told.append((at, ["loss 100"]))
        at += some(100, 600) if r() < 0.5 else some(1200, 3000)
        told.append((at, [loss]))
    return told


def tell(seed, mgmt, state):
    """As the proxy's schedule, with what can be counted of it: each outage may have cut a PUT."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(mgmt)
    todo, outages = collections.deque(weather(seed)), 0
    while not fault_link.stop and not os.path.exists(state + "/go"):
        time.sleep(0.02)
    began = time.monotonic()
    while not fault_link.stop:
        at = (time.monotonic() - began) * 1000
        while todo and at >= todo[0][0]:
            for command in todo.popleft()[1]:
                outages += command == "loss 100"
                s.sendall((command + "\n").encode())
                while b"1000 " not in s.recv(4096):
                    pass
                with open(state + "/log", "a") as f:
                    f.write("%6d %s\n" % (at, command))
        if not todo and not os.path.exists(state + "/over"):
            fault_link.put(state, "over", "")
        time.sleep(0.02)
    fault_link.put(state, "counts", json.dumps({
        "outages": outages, "connections": 0, "lost_puts": outages, "touched": 0, "failed_clean": 0, "waits": 0, "worst_ms": 0}))


signal.signal(signal.SIGTERM, lambda *_: fault_link.stop.append(1))
signal.signal(signal.SIGUSR1, lambda *_: fault_link.cut.append(1))
verb, args = sys.argv[1], sys.argv[2:]
if verb == "plan":
    print(*plan(int(args[0])), sep="\n")
elif verb == "weather":
    tell(int(args[0]), args[1], args[2])
else:
    fault_link.Proxy(plan(int(args[0])), int(args[1]), args[2]).run()
