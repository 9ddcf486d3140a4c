"""The link of faults.py: a TCP proxy, and what a fault does to the connections that go through it.

One thread. Each turn looks at the schedule, takes new connections, moves what may move, and waits until
a socket or the schedule says that there is more to do.
"""
import collections
import json
import os
import select
import socket
import struct
import time

HELD = 64 << 10  # bytes of one direction that are on their way here
UP, DOWN = 0, 1  # from the hub; from the spoke
BREAKS = ("drop", "half", "reset", "corrupt", "away")  # what no connection outlives
OUTAGES = BREAKS + ("stall", "refuse", "move")
stop, cut = [], []  # the signals'


def put(state, name, text):
    with open(state + "/new", "w") as f:
        f.write(text + "\n")
    os.rename(state + "/new", state + "/" + name)


class Side:
    """One socket of a connection."""

    def __init__(self, sock):
        self.sock, self.fd, self.events = sock, sock.fileno(), None


class Pipe:
    """One direction: what came from a side and is not yet handed to the other."""

    def __init__(self, way, src, dst):
        self.way, self.src, self.dst = way, src, dst
        self.queue, self.held = collections.deque(), 0
        self.ended = self.told = False  # src ended; dst was told
        self.came = self.went = self.last = 0


class Link:
    def __init__(self, a, b, now):
        self.sides = [Side(a), Side(b)]
        self.pipes = [Pipe(UP, self.sides[0], self.sides[1]), Pipe(DOWN, self.sides[1], self.sides[0])]
        self.dead, self.hit, self.born = False, False, now
        self.slowed = self.stood = False  # by a fault that it may outlive; by a long one
        self.first = None  # who ended it: the side that this way comes from


class Proxy:
    def __init__(self, faults, target, state):
        self.now = time.monotonic()
        self.target, self.state = target, state
        self.todo, self.on, self.began = collections.deque(faults), [], None
        self.epoll, self.links, self.by_fd = select.epoll(), [], {}
        self.listener, self.where = None, ("127.0.0.1", 0)
        self.credit, self.credit_at = 0.0, 0.0
        self.waits = False  # an outage is over, and no answer has come since
        self.counts = collections.Counter(
            connections=0, up=0, down=0, lost_puts=0, touched=0, failed_clean=0, outages=0, recovered=0, worst_ms=0)
        self.listen()

    # ---- the schedule ----

    def log(self, text):
        at = (self.now - self.began) * 1000 if self.began else 0
        with open(self.state + "/log", "a") as f:
            f.write("%6d %s\n" % (at, text))

    def put(self, name, text):
        put(self.state, name, text)

    def schedule(self):
        if self.began is None:
            if os.path.exists(self.state + "/go"):
                self.began = self.now
            return
        at = (self.now - self.began) * 1000
        for f in [f for f in self.on if at >= f.start + f.length]:
            self.on.remove(f)
            self.end(f)
        while self.todo and at >= self.todo[0].start:
            f = self.todo.popleft()
            self.on.append(f)
            self.begin(f)
        if not self.todo and not self.on and not os.path.exists(self.state + "/over"):
            self.put("over", "")

    def begin(self, f):
        self.log("%s: %d connections" % (str(f).split(None, 2)[2], len(self.links)))
        if f.kind in OUTAGES:
            self.counts["outages"] += 1
        if f.kind in ("refuse", "away"):
            self.deaf()
        if f.kind == "move":
            self.deaf()
            self.where = ("127.0.0.%d" % (1 + f.how["host"]), 0)
            self.listen()
        for link in list(self.links):
            self.strike(f, link)

    def end(self, f):
        if f.kind in ("refuse", "away") and not any(o.kind in ("refuse", "away") for o in self.on):
            self.listen()
        if f.kind in OUTAGES:
            self.waits, self.over_at = True, self.now

    def strike(self, f, link):
        """What a fault does to a connection once: as it begins, or to one that came after a while."""
        if link.dead or link not in self.links or f.kind not in BREAKS + ("move",):
            return
        if f.kind == "move" and f.how["keep"]:
            return
        if not link.hit and link.pipes[UP].came > 100000:
            self.counts["lost_puts"] += 1
        link.hit = True
        if f.kind == "drop":
            link.dead = True
        elif f.kind == "half":
            pipe = link.pipes[UP if f.how["way"] == "up" else DOWN]
            pipe.queue.clear()
            pipe.held, pipe.ended = 0, True
        elif f.kind in ("reset", "away", "move"):
            self.close(link, f.how.get("to", "both"))

    def faults(self, *kinds):
        return [f for f in self.on if f.kind in kinds]

    def stands(self, way):
        return any(f.how["way"] in ("both", ("up", "down")[way]) for f in self.faults("stall"))

    # ---- sockets ----

    def listen(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Short: what is on its way, and lost, is to be countable.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD)
        s.bind(self.where)
        s.listen(64)
        s.setblocking(False)
        self.listener, self.where = s, s.getsockname()
        self.epoll.register(s.fileno(), select.EPOLLIN)
        self.put("port", "%s:%d" % self.where)

    def deaf(self):
        if self.listener:
            self.epoll.unregister(self.listener.fileno())
            self.listener.close()
            self.listener = None

    def accept(self):
        while self.listener:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            b = socket.socket()
            try:
                b.connect(("127.0.0.1", self.target))
            except OSError:
                self.reset(a)
                continue
            for s in (a, b):
                s.setblocking(False)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(a, b, self.now)
            self.links.append(link)
            for side in link.sides:
                self.by_fd[side.fd] = link
                self.epoll.register(side.fd, 0)
            self.counts["connections"] += 1
            for f in self.faults("drop"):
                self.strike(f, link)

    @staticmethod
    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def drop_side(self, link, side, reset=False):
        if side.sock.fileno() < 0:
            return
        self.epoll.unregister(side.fd)
        del self.by_fd[side.fd]
        if reset:
            self.reset(side.sock)
        else:
            side.sock.close()

    def close(self, link, to):
        hub, spoke = link.sides
        self.drop_side(link, hub, to in ("hub", "both"))
        self.drop_side(link, spoke, to in ("spoke", "both"))
        if link in self.links:
            self.links.remove(link)
            self.judge(link)

    def judge(self, link):
        """One that no fault touched brought at least the answer to a handshake, and a request; a hub may
        have nothing to ask any more."""
        if link.pipes[DOWN].went < 1000 and not link.hit and not link.slowed and link.first == DOWN:
            self.counts["failed_clean"] += 1
        self.counts["touched"] += link.hit or link.slowed
        if link.stood and not link.hit and link.pipes[UP].came > 100000:
            self.counts["lost_puts"] += 1

    def answered(self):
        """The first bytes after an outage that can only be an answer: it is over for the daemons, too."""
        if self.waits and not self.faults(*OUTAGES):
            self.waits = False
            self.counts["recovered"] += 1
            took = int((self.now - self.over_at) * 1000)
            self.counts["worst_ms"] = max(self.counts["worst_ms"], took)
            self.log("answered after %d ms" % took)

    # ---- bytes ----

    def receive(self, link, pipe):
        try:
            data = pipe.src.sock.recv(HELD)
        except BlockingIOError:
            return
        except OSError:
            data = None
        if not data and link.first is None:
            link.first = pipe.way
        if data is None:
            self.close(link, "both")
            return
        if not data:
            pipe.ended = True
            return
        pipe.came += len(data)
        self.counts[("up", "down")[pipe.way]] += len(data)
        for f in self.faults("corrupt"):
            if f.how["way"] == ("up", "down")[pipe.way]:
                data = bytearray(data)
                first = -(pipe.came - len(data)) % f.how["every"]
                for i in range(first, len(data), f.how["every"]):
                    data[i] ^= 1 << (i & 7)
                    self.strike(f, link)
        late = max([f.how["ms"] for f in self.faults("delay")], default=0) / 1000
        pipe.last = max(pipe.last, self.now + late)
        pipe.queue.append((pipe.last, memoryview(bytes(data))))
        pipe.held += len(data)

    def most(self, n):
        for f in self.faults("split"):
            n = min(n, f.how["most"])
        for f in self.faults("limit"):
            self.credit = min(self.credit + (self.now - self.credit_at) * f.how["rate"], f.how["rate"] / 10)
            self.credit_at = self.now
            n = min(n, int(self.credit))
        return n

    def hand_on(self, link, pipe):
        while pipe.queue and pipe.queue[0][0] <= self.now:
            due, data = pipe.queue.popleft()
            n = self.most(len(data))
            try:
                n = pipe.dst.sock.send(data[:n]) if n else 0
            except BlockingIOError:
                n = 0
            except OSError:
                self.close(link, "both")
                return
            self.credit -= n
            pipe.held -= n
            pipe.went += n
            if n and pipe.way == DOWN and pipe.went > 1000:
                self.answered()
            if n < len(data):
                pipe.queue.appendleft((due, data[n:]))
                break
        if pipe.ended and not pipe.queue and not pipe.told:
            pipe.told = True
            try:
                pipe.dst.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if all(p.told for p in link.pipes):
            self.close(link, "none")

    def event(self, fd, events):
        link = self.by_fd.get(fd)
        if not link:
            return
        side = link.sides[0] if link.sides[0].fd == fd else link.sides[1]
        if link.dead:
            # The one that goes is let go; the other is not told.
            self.drop_side(link, side)
            if all(s.sock.fileno() < 0 for s in link.sides):
                self.links.remove(link)
                self.judge(link)
        elif events & (select.EPOLLERR | select.EPOLLHUP) and not side.events:
            self.close(link, "both")

    def move_bytes(self, link):
        if link.dead:
            return
        for pipe in link.pipes:
            if not self.stands(pipe.way) and link in self.links:
                if not pipe.ended and pipe.held < HELD:
                    self.receive(link, pipe)
                if link in self.links:
                    self.hand_on(link, pipe)

    def watch(self, link):
        """What may happen next to each side of it. Returns when, if no socket says so."""
        soon = 1.0
        events = {s: 0 for s in link.sides}
        for pipe in link.pipes:
            if link.dead:
                events[pipe.src] = select.EPOLLRDHUP
            elif not self.stands(pipe.way):
                if not pipe.ended and pipe.held < HELD:
                    events[pipe.src] |= select.EPOLLIN
                if pipe.queue and (pipe.queue[0][0] > self.now or not self.most(1)):
                    soon = min(soon, max(pipe.queue[0][0] - self.now, 0.01))
                elif pipe.queue:
                    events[pipe.dst] |= select.EPOLLOUT
        for side in link.sides:
            if side.sock.fileno() >= 0 and events[side] != side.events:
                side.events = events[side]
                self.epoll.modify(side.fd, events[side])
        return soon

    def run(self):
        while not stop:
            self.now = time.monotonic()
            self.schedule()
            self.accept()
            if cut:
                cut.clear()
                for link in list(self.links):
                    link.hit = True
                    self.close(link, "both")
            for f in self.faults(*BREAKS):
                if f.kind != "corrupt":
                    for link in [x for x in self.links if self.now - x.born > 0.1]:
                        self.strike(f, link)
            for link in list(self.links):
                link.slowed |= bool(self.on)
                link.stood |= any(f.length > 700 for f in self.faults("stall", "limit"))
                self.move_bytes(link)
            soon = 0.05
            for link in self.links:
                soon = min(soon, self.watch(link))
            try:
                for fd, events in self.epoll.poll(soon):
                    self.event(fd, events)
            except InterruptedError:
                pass
        for link in list(self.links):
            self.close(link, "both")
        self.deaf()
        self.counts["waits"] = int(self.waits)
        self.put("counts", json.dumps(self.counts))
