"""Samples a hub under load once a second, and judges the samples. For load.sh.

  load_watch.py record HUB_PID PIDS_FILE OUT     until it is ended; a JSON object a line
  load_watch.py judge OUT RATE EDGE DONE         plots and figures; exits 1 where a bound was missed

RATE: bytes a second of each spoke. EDGE, DONE: when the windows opened and when all was there.
What went to a spoke's port are TCP stream bytes: IP bytes less 52 a packet (IPv4 20, TCP 32).
"""
import json
import os
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
HEADERS = 52


def anon_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("RssAnon"):
                return int(line.split()[1])
    return 0


def ticks(pid):
    with open("/proc/%d/stat" % pid) as f:
        w = f.read().rsplit(")", 1)[1].split()
    return int(w[11]) + int(w[12])


def to_ports():
    out = subprocess.run(["nft", "-j", "list", "set", "inet", "load", "to"], capture_output=True, check=True)
    ports = {}
    for o in json.loads(out.stdout)["nftables"]:
        for e in o.get("set", {}).get("elem", []):
            e = e["elem"]
            c = e["counter"]
            ports[str(e["val"])] = c["bytes"] - HEADERS * c["packets"]
    return ports


def record(hub, pids, out):
    next_at = time.time()
    with open(out, "w") as f:
        while True:
            s = {
                "t": time.time(),
                "anon": anon_kb(hub),
                "fds": len(os.listdir("/proc/%d/fd" % hub)),
                "cpu": ticks(hub) / TICK,
                "to": to_ports(),
                "spokes_anon": [anon_kb(p) for p in pids],
                "spokes_fds": max(len(os.listdir("/proc/%d/fd" % p)) for p in pids),
            }
            f.write(json.dumps(s) + "\n")
            f.flush()
            next_at += 1
            time.sleep(max(0, next_at - time.time()))


def plot(title, unit, points, width=72, height=8):
    """Points over time as text: the highest of each column."""
    lo, hi = points[0][0], points[-1][0]
    cols = [None] * width
    for t, v in points:
        i = min(width - 1, int((t - lo) * width / max(hi - lo, 1e-9)))
        cols[i] = v if cols[i] is None else max(cols[i], v)
    top = max(v for _, v in points) or 1
    print("\n%s, %s (over %d s; 0 at the bottom)" % (title, unit, hi - lo))
    for row in range(height, 0, -1):
        mark = top * row / height
        print("%10.1f |%s" % (mark, "".join(
            "#" if v is not None and v > top * (row - 0.5) / height else " " for v in cols)))
    print("%10s +%s" % ("", "-" * width))


failed = False


def bound(what, value, limit, unit=""):
    global failed
    ok = value <= limit
    failed |= not ok
    print("%-4s  %-58s %12.3f  (at most %.3f%s)" % ("ok" if ok else "FAIL", what, value, limit, unit))


def mean(values):
    values = list(values)
    return sum(values) / max(len(values), 1)


def busiest(series, seconds, lo, hi):
    """The largest mean over so many seconds, of (time, bytes so far), between lo and hi."""
    best, j = 0, 0
    for i, (t, b) in enumerate(series):
        if t < lo or t > hi:
            continue
        while series[j][0] < t - seconds - 0.05:
            j += 1
        if t - series[j][0] >= seconds - 0.3 and series[j][0] >= lo:
            best = max(best, (b - series[j][1]) / (t - series[j][0]))
    return best


def judge(out, rate, edge, done):
    with open(out) as f:
        s = [json.loads(line) for line in f]
    total = [(x["t"], sum(x["to"].values())) for x in s]
    plot("hub: anonymous memory", "MB", [(x["t"], x["anon"] / 1000) for x in s])
    plot("hub: descriptors", "open", [(x["t"], x["fds"]) for x in s])
    plot("to all spokes", "Mbit/s", [(b[0], (b[1] - a[1]) * 8e-6 / (b[0] - a[0])) for a, b in zip(total, total[1:])])
    # A byte's cost, over ten seconds each.
    cost = []
    for a, b, p, q in zip(s, s[10:], total, total[10:]):
        if q[1] - p[1] > 2 * rate * len(b["to"]):
            cost.append((b["t"], (b["cpu"] - a["cpu"]) * 1e9 / (q[1] - p[1])))
    plot("hub: processor", "ns a byte, mean of ten seconds", cost)
    plot("spokes: anonymous memory, mean", "MB", [(x["t"], mean(x["spokes_anon"]) / 1000) for x in s])

    ports = sorted(s[-1]["to"])
    series = {p: [(x["t"], x["to"].get(p, 0)) for x in s] for p in ports}
    held, short, long_ = [], [], []
    begins, ends = [], []
    for p in ports:
        at = [v for t, v in series[p] if t <= edge] or [0]
        inside = [(t, v - at[-1]) for t, v in series[p] if t > edge]
        most = inside[-1][1]
        # Small files go first, and cost words and time rather than bytes: from three tenths of what
        # came on there were images, to nine tenths something waited all the time.
        first = next((t, v) for t, v in inside if v >= 0.3 * most)
        last = next((t, v) for t, v in inside if v >= 0.9 * most)
        begins.append(first[0])
        ends.append(last[0])
        held.append((last[1] - first[1]) / (last[0] - first[0]) / rate)
        short.append(busiest(inside, 1, edge, done) / rate)
        long_.append(busiest(inside, 10, edge, done) / rate)
    held.sort()
    print("\n%d spokes, each: mean / rate while images waited %.3f .. %.3f (median %.3f)" % (
        len(ports), held[0], held[-1], held[len(held) // 2]))
    print("busiest second / rate %.3f, busiest ten seconds / rate %.3f; first bytes %.1f s after the edge" % (
        max(short), max(long_),
        max(next(t for t, v in series[p] if v > 20000 + ([w for u, w in series[p] if u <= edge] or [0])[-1]) for p in ports) - edge))
    before = [x for x in s if x["t"] <= edge]
    bound("bytes to the one that got most before its window", max(
        before[-1]["to"].values(), default=0) if before else 0, 65536)
    bound("mean of the fastest / its rate", held[-1], 1.01)
    bound("rate / mean of the slowest", 1 / held[0], 1.1)
    bound("busiest ten seconds of any / its rate", max(long_), 1.02)

    # The time in which all were busy: its second quarter beside its last.
    lo, hi = max(begins), min(ends)
    quarter = lambda n: [x for x in s if lo + (hi - lo) * n / 4 < x["t"] <= lo + (hi - lo) * (n + 1) / 4]
    early, late = quarter(1), quarter(3)
    bound("hub: memory, last quarter less second, MB", mean(x["anon"] for x in late) / 1e3 - mean(
        x["anon"] for x in early) / 1e3, 10)
    bound("hub: peak of memory, MB", max(x["anon"] for x in s) / 1e3, 300)
    bound("hub: descriptors, last quarter less second, means", mean(x["fds"] for x in late) - mean(
        x["fds"] for x in early), 8)
    bound("hub: descriptors when all is done, for each spoke", min(x["fds"] for x in s[-5:]) / len(ports), 3)
    bound("spokes: descriptors of any", max(x["spokes_fds"] for x in s), 64)
    bound("spokes: memory, last quarter less second, MB", mean(mean(x["spokes_anon"]) for x in late) / 1e3 - mean(
        mean(x["spokes_anon"]) for x in early) / 1e3, 5)

    def cost_of(q):
        to = lambda x: sum(x["to"].values())
        return (q[-1]["cpu"] - q[0]["cpu"]) * 1e9 / (to(q[-1]) - to(q[0]))
    print("hub: %.1f ns a byte in the second quarter, %.1f in the last; %.0f %% of one core" % (
        cost_of(early), cost_of(late), 100 * (late[-1]["cpu"] - early[0]["cpu"]) / (late[-1]["t"] - early[0]["t"])))
    bound("hub: processor a byte, last quarter / second", cost_of(late) / cost_of(early), 1.25)
    return failed


if sys.argv[1] == "record":
    with open(sys.argv[3]) as pids:
        record(int(sys.argv[2]), [int(p) for p in pids], sys.argv[4])
else:
    sys.exit(judge(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
