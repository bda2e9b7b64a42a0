"""What the bench plays on: peers (kick and the floors) that keep copies of svc alive,
the FIFO on which each copy reports, and the clean-up.

The bench is a child subreaper: what a peer leaves behind becomes its child and is ended
by pid. Nothing is ever found or ended by name."""
import ctypes
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import struct
import tempfile
import time

STARTED = struct.Struct("=Qii")  # svc.c
PR_SET_CHILD_SUBREAPER = 36
F_SETPIPE_SZ = 1031
PATIENCE = 60  # seconds until something "could not be run"
SETTLE = 0.3   # seconds between a start and what is measured next


class Failure(Exception):
    """A metric could not be measured; the others go on."""


class Skip(Exception):
    """It cannot be measured here, for which nobody is to blame."""


def in_turn(items, turn):
    """The same items, another one first in each turn."""
    turn %= len(items)
    return items[turn:] + items[:turn]


# --- processes ------------------------------------------------------------------------

def parents():
    """pid -> ppid of all processes that have not ended."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                stat = f.read()
        except OSError:
            continue
        state, ppid = stat[stat.rindex(b")") + 2:].split(None, 2)[:2]
        if state != b"Z":
            found[int(name)] = int(ppid)
    return found


def below(root):
    """root, if it lives, and all its descendants, parents first."""
    ppid_of = parents()
    children = {}
    for pid, ppid in ppid_of.items():
        children.setdefault(ppid, []).append(pid)
    found, rest = [], [root] if root in ppid_of else []
    while rest:
        pid = rest.pop()
        found.append(pid)
        rest += children.get(pid, ())
    return found


def rollup(pids, *keys):
    """The sum, in KiB, of these fields of smaps_rollup over all pids."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            for line in f:
                key, _, value = line.partition(":")
                if key in keys:
                    total += int(value.split()[0])
    return total


def pss(pids):
    return rollup(pids, "Pss")


def anonymous(pids):
    return rollup(pids, "Pss_Anon")


def private(pids):
    return rollup(pids, "Private_Clean", "Private_Dirty", "Private_Hugetlb")


def switches(pids):
    """How often the processes, all threads of them, have been taken off a processor."""
    total = 0
    for pid in pids:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/status") as f:
                total += sum(int(line.split()[1]) for line in f
                             if "ctxt_switches" in line)
    return total


def run(argv, *actions):
    """Executes argv quietly and awaits it. Returns (seconds, exit status)."""
    begin = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=quiet(*actions))
    _, status = os.waitpid(pid, 0)
    return (time.monotonic_ns() - begin) / 1e9, os.waitstatus_to_exitcode(status)


def quiet(out="/dev/null", err="/dev/null"):
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600)]


class Ends:
    """Awaits the ends of processes through pidfds, without polling."""

    def __init__(self, pids):
        self.epoll = select.epoll()
        self.open = set()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self.open.add(fd)
            self.epoll.register(fd, select.EPOLLIN)

    def wait(self, seconds):
        """When (monotonic, ns) the last one ended; None when some are left."""
        limit = time.monotonic() + seconds
        last = time.monotonic_ns()
        while self.open:
            events = self.epoll.poll(max(0, limit - time.monotonic()), 4096)
            if not events:
                break
            last = time.monotonic_ns()
            for fd, _ in events:
                self.epoll.unregister(fd)
                os.close(fd)
                self.open.discard(fd)
        left = len(self.open)
        for fd in self.open:
            os.close(fd)
        self.epoll.close()
        return None if left else last


# --- the stage ------------------------------------------------------------------------

class Stage:
    """Directories, programs, and the sweeping up of whatever is left."""

    def __init__(self, out):
        self.out = os.path.abspath(out)
        shm = "/dev/shm"
        self.dir = tempfile.mkdtemp(prefix="kick-bench.",
                                    dir=shm if os.access(shm, os.W_OK) else None)
        self.made = 0
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        for name in ("kickd", "kick", "floor", "svc", "web", "client", "init",
                     "orphans"):
            if not os.access(self.program(name), os.X_OK):
                raise SystemExit(f"{self.program(name)} is not there; run: make bench")

    def program(self, name):
        return os.path.join(self.out, name)

    def new_dir(self):
        self.made += 1
        path = os.path.join(self.dir, str(self.made))
        os.mkdir(path, 0o700)
        return path

    def sweep(self):
        """Ends all that was started and is still there."""
        me = os.getpid()
        for _ in range(100):
            pids = [pid for pid in below(me) if pid != me]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            Ends(pids).wait(2)
            if not reap() and not pids:
                break

    def close(self):
        self.sweep()
        shutil.rmtree(self.dir, ignore_errors=True)


def reap():
    """Collects what has ended. False: nothing had."""
    any_ended = False
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return any_ended
        if pid == 0:
            return any_ended
        any_ended = True


class Reports:
    """The FIFO on which the copies of svc say that they are there."""

    def __init__(self, path):
        os.mkfifo(path, 0o600)
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self.fd, F_SETPIPE_SZ, 1 << 20)
        self.poll = select.poll()
        self.poll.register(self.fd, select.POLLIN)
        self.pid = {}
        self.at_ns = {}

    def read(self, seconds):
        if not self.poll.poll(max(0, seconds) * 1000):
            return
        data = os.read(self.fd, STARTED.size * 4096)
        for at_ns, pid, number in STARTED.iter_unpack(data):
            self.pid[number], self.at_ns[number] = pid, at_ns

    def wait(self, reached, what):
        limit = time.monotonic() + PATIENCE
        while not reached():
            if time.monotonic() > limit:
                raise Failure(what)
            self.read(limit - time.monotonic())

    def close(self):
        os.close(self.fd)


# --- peers ----------------------------------------------------------------------------

class Peer:
    """One supervisor with n copies of its worker below it, from start() to stop()."""
    worker = "svc"
    session = False  # whether the first process has one of its own

    def __init__(self, stage, n=0):
        self.stage = stage
        self.n = n
        self.dir = stage.new_dir()
        self.reports = Reports(self.path("fifo"))
        self.root = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends what is left. Only what is below our own child: pids are not reused
        while their parent has not reaped them."""
        if self.root:
            pids = below(self.root) + list(self.reports.pid.values())
            mine = set(below(os.getpid()))
            for pid in mine.intersection(pids):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            Ends(pids).wait(PATIENCE)
            reap()
        self.reports.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def svc(self, number):
        return [self.stage.program(self.worker), self.reports.path, str(number)]

    def start(self):
        """Seconds from the launch to the last of the workers' main()."""
        argv = self.argv()
        begin = time.monotonic_ns()
        self.root = os.posix_spawn(
            argv[0], argv, os.environ, setsid=self.session,
            file_actions=quiet(self.path("out"), self.path("out")))
        self.await_workers(self.n)
        return (max(self.reports.at_ns.values(), default=begin) - begin) / 1e9

    def await_workers(self, n):
        self.reports.wait(lambda: len(self.reports.pid) >= n,
                          f"{self.name}: not all of {n} workers came up")

    def restart(self, number):
        """Seconds from SIGKILL to the successor's main()."""
        r = self.reports
        old = r.pid[number]
        begin = time.monotonic_ns()
        os.kill(old, signal.SIGKILL)
        r.wait(lambda: r.pid[number] != old, f"{self.name}: no successor came up")
        return (r.at_ns[number] - begin) / 1e9

    def stop(self):
        """Seconds from the order to the end of the last process."""
        ends = Ends(below(self.root))
        begin = time.monotonic_ns()
        os.kill(self.root, signal.SIGTERM)
        last = ends.wait(PATIENCE)
        if last is None:
            raise Failure(f"{self.name}: not all processes ended")
        self.root = 0
        reap()
        return (last - begin) / 1e9

    def processes(self):
        """The supervisor's own processes, without the workers."""
        workers = set(self.reports.pid.values())
        return [pid for pid in below(self.root) if pid not in workers]


class Floor(Peer):
    name = "floor"
    flags = ()

    def argv(self):
        return [self.stage.program("floor"), *self.flags, str(self.n),
                self.stage.program(self.worker), self.reports.path]


class SerialFloor(Floor):
    """Stops in reverse order, each stop awaited."""
    name = "floor-serial"
    flags = ("-s",)


class PlainFloor(Floor):
    """Holds no pidfds."""
    name = "floor-plain"
    flags = ("-p",)


class Kick(Peer):
    name = "kick"
    logged = False  # workers with a log pipe each

    def child(self, number):
        to = "log" if self.logged else "null"
        return {"id": f"w{number}", "start": self.svc(number),
                "stdout": to, "stderr": to}

    def children(self):
        return [self.child(i) for i in range(self.n)]

    def top(self):
        """Further keys of the application."""
        return {}

    def argv(self):
        with open(self.path("bench.json"), "w") as f:
            json.dump({"name": "bench", "max_restarts": "infinity", **self.top(),
                       "children": self.children()}, f)
        return [self.stage.program("kickd"), "-R", self.path("run"),
                self.path("bench.json")]

    def command(self, *words):
        return [self.stage.program("kick"), "-R", self.path("run"), *words]

    def ask(self, *words):
        """Runs kick. Returns the seconds that it took."""
        seconds, status = run(self.command(*words))
        if status != 0:
            raise Failure(f"kick {words[0]} ended with status {status}")
        return seconds

    def settle(self):
        self.ask("wait", "--timeout", f"{PATIENCE}s")


class LoggedKick(Kick):
    name = "kick, logged"
    logged = True


class NestedKick(Kick):
    """n supervisors with one worker each."""

    def children(self):
        return [{"id": f"s{i}", "type": "supervisor", "children": [self.child(i)]}
                for i in range(self.n)]


class DynamicKick(Kick):
    """A dynamic supervisor, to which n workers are added while it runs."""

    def children(self):
        return [{"id": "jobs", "type": "dynamic_supervisor",
                 "max_restarts": "infinity"}]

    def start(self):
        n, self.n = self.n, 0
        super().start()
        self.settle()
        for i in range(n):
            self.ask("add", "jobs", json.dumps(self.child(i)))
        self.n = n
        self.await_workers(n)
