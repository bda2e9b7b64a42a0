#!/usr/bin/env python3
"""Measures kick against the bare kernel, side by side in one run.

  make bench                          about six minutes
  OUT=build tests/bench/bench.py [--quick] [--only restart,stop] [--logged]

Times belong to this machine and this minute; read the ratios. The peers take turns, in
another order each round; what is printed is the median. All samples go to
OUT/bench.json."""
import argparse
import json
import os
import platform
import signal
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import reaping  # noqa: E402
import stage  # noqa: E402
import web  # noqa: E402
from stage import (SETTLE, DynamicKick, Failure, Floor, Kick,  # noqa: E402
                   LoggedKick, NestedKick, PlainFloor, SerialFloor, Skip, in_turn)

STEADY_AGE = 1.2    # seconds a worker has been up when it is killed
STEADY_WORKERS = 20
LOOP_AGE = 0.01     # the same in a crash loop
BUSY = 0.5          # load at the start, above which others disturb

# --- rows -----------------------------------------------------------------------------
# name, unit, what is judged ("ratio" to the floor, or the "value"), must, aim.

ROWS = {
    "restart": ("restart, steady", "ms", "ratio", 1.20, 1.10),
    "restart_loop": ("restart in a crash loop", "ms", "ratio", 1.20, 1.20),
    "restart_many": ("restart of one of {n}", "ms", "ratio", 1.20, 1.10),
    "start": ("start of {n}", "ms", "ratio", 1.25, None),
    "start_plain": ("start of {n}, floor without pidfds", "ms", "ratio", 1.45, 1.0),
    "stop": ("ordered stop of {n}", "ms", "ratio", 1.3, 1.1),
    "stop_dynamic": ("stop of {n}, dynamic supervisor", "ms", "ratio", 1.3, 1.1),
    "memory_anon": ("memory with one worker, anonymous", "KiB", "value", 400, 200),
    "memory_pss": ("memory with one worker, PSS", "KiB", "value", 1536, 820),
    "memory_worker": ("PSS of a further worker", "KiB", "value", 1.0, 0.6),
    "memory_sup": ("private memory of a further supervisor", "KiB", "value", 64, 40),
    "idle": ("context switches at rest, {idle} s", "", "value", 0, 0),
    "status": ("kick status, {n} workers", "ms", "value", 6.0, 3.0),
    "status_one": ("kick status NAME", "ms", "value", 1.2, 0.9),
    "http_refused": ("HTTP refused, killed every 0.2 s", "", "value", 0, 0),
    "http_gap": ("longest gap between answers", "ms", "ratio", 1.5, 1.0),
    "http_request": ("a request to a kept socket", "us", "ratio", 1.05, 1.0),
    "reap_one_command": ("{orphans} orphans, kickd -- CMD", "ms", "ratio", 1.05, 1.02),
    "reap_one_tree": ("{orphans} orphans, kickd CONFIG", "ms", "ratio", 1.05, 1.02),
    "reap_all_command": ("{half} at once, kickd -- CMD", "ms", "ratio", 1.15, 1.05),
    "reap_all_tree": ("{half} at once, kickd CONFIG", "ms", "ratio", 1.15, 1.05),
    "command_memory": ("private memory of kickd -- CMD", "KiB", "value", 200, 120),
}


def verdict(judged, must, aim):
    if aim is not None and judged <= aim:
        return "aim"
    return "ok" if judged <= must else "MUST MISSED"


class Results:
    """Samples by row and peer."""

    def __init__(self):
        self.samples = {}
        self.failed = {}
        self.skipped = {}

    def add(self, row, kick=None, floor=None):
        r = self.samples.setdefault(row, {"kick": [], "floor": []})
        if kick is not None:
            r["kick"].append(kick)
        if floor is not None:
            r["floor"].append(floor)

    def summary(self, row):
        name, unit, judge, must, aim = ROWS[row]
        samples = self.samples[row]
        kick = statistics.median(samples["kick"])
        floor = statistics.median(samples["floor"]) if samples["floor"] else None
        ratio = kick / floor if floor else None
        judged = ratio if judge == "ratio" else kick
        return {"name": name, "unit": unit, "judged": judge, "kick": kick,
                "floor": floor, "ratio": ratio, "must": must, "aim": aim,
                "verdict": verdict(judged, must, aim)}


# --- metrics --------------------------------------------------------------------------

def ms(seconds):
    return seconds * 1000


def kick_class(o):
    return LoggedKick if o.logged else Kick


def measure_steady(st, o, res, row, n):
    """Each worker has been up for a while, as services are."""
    with kick_class(o)(st, n) as kick, Floor(st, n) as floor:
        peers = [("kick", kick), ("floor", floor)]
        for _, peer in peers:
            peer.start()
        killed = [time.monotonic()] * n
        for i in range(o.kills):
            number = i % n
            time.sleep(max(0, killed[number] + STEADY_AGE - time.monotonic()))
            killed[number] = time.monotonic()
            for name, peer in in_turn(peers, i):
                time.sleep(0.003)
                res.add(row, **{name: ms(peer.restart(number))})


def measure_restart(st, o, res):
    measure_steady(st, o, res, "restart", STEADY_WORKERS)


def measure_restart_many(st, o, res):
    measure_steady(st, o, res, "restart_many", o.n)


def measure_restart_loop(st, o, res):
    """The first of each series does not count: the worker has been up for long."""
    with kick_class(o)(st, 1) as kick, Floor(st, 1) as floor:
        peers = [("kick", kick), ("floor", floor)]
        for _, peer in peers:
            peer.start()
        for i in range(o.kills // 5):
            for name, peer in in_turn(peers, i):
                for k in range(6):
                    seconds = peer.restart(0)
                    if k > 0:
                        res.add("restart_loop", **{name: ms(seconds)})
                    time.sleep(LOOP_AGE)


def one_life(peer, res, start, stop):
    """start and stop: what the two samples are called, [(row, column)]."""
    with peer:
        seconds = peer.start()
        for row, column in start:
            res.add(row, **{column: ms(seconds)})
        time.sleep(SETTLE)
        if not stop:
            return
        seconds = peer.stop()
        for row, column in stop:
            res.add(row, **{column: ms(seconds)})


def measure_lives(st, o, res):
    lives = [
        (kick_class(o), [("start", "kick"), ("start_plain", "kick")],
         [("stop", "kick")]),
        (SerialFloor, [("start", "floor")], [("stop", "floor")]),
        (PlainFloor, [("start_plain", "floor")], []),
    ]
    for i in range(o.rounds):
        for cls, start, stop in in_turn(lives, i):
            one_life(cls(st, o.n), res, start, stop)


def measure_dynamic(st, o, res):
    with DynamicKick(st, o.n) as kick:
        kick.start()
        time.sleep(SETTLE)
        with Floor(st, o.n) as floor:
            floor.start()
            time.sleep(SETTLE)
            res.add("stop_dynamic", floor=ms(floor.stop()))
        res.add("stop_dynamic", kick=ms(kick.stop()))


def measure_dynamics(st, o, res):
    for _ in range(max(1, o.rounds // 2)):
        measure_dynamic(st, o, res)


def memory_of(peer, measure):
    with peer:
        peer.start()
        time.sleep(SETTLE)
        return measure(peer.processes())


def measure_memory(st, o, res):
    def both(pids):
        return stage.anonymous(pids), stage.pss(pids)

    for name, cls in (("kick", kick_class(o)), ("floor", Floor)):
        anon, pss = memory_of(cls(st, 1), both)
        few = memory_of(cls(st, 100), stage.pss)
        many = memory_of(cls(st, o.n), stage.pss)
        res.add("memory_anon", **{name: anon})
        res.add("memory_pss", **{name: pss})
        res.add("memory_worker", **{name: (many - few) / (o.n - 100)})
    few = memory_of(NestedKick(st, 10), stage.private)
    many = memory_of(NestedKick(st, 100), stage.private)
    res.add("memory_sup", kick=(many - few) / 90)


def measure_idle(st, o, res):
    with LoggedKick(st, 100) as kick, Floor(st, 100) as floor:
        kick.start()
        kick.settle()
        floor.start()
        time.sleep(2)
        begin = [stage.switches(peer.processes()) for peer in (kick, floor)]
        time.sleep(o.idle)
        end = [stage.switches(peer.processes()) for peer in (kick, floor)]
        res.add("idle", kick=end[0] - begin[0], floor=end[1] - begin[1])


def measure_status(st, o, res):
    """The floor is to run a program that does nothing."""
    nothing = [st.program("svc")]
    with kick_class(o)(st, o.n) as kick:
        kick.start()
        kick.settle()
        for _ in range(o.asks):
            res.add("status", kick=ms(kick.ask("status")),
                    floor=ms(stage.run(nothing)[0]))
            res.add("status_one", kick=ms(kick.ask("status", f"w{o.n // 2}")),
                    floor=ms(stage.run(nothing)[0]))


METRICS = {
    "restart": (measure_restart, ("restart",)),
    "many": (measure_restart_many, ("restart_many",)),
    "loop": (measure_restart_loop, ("restart_loop",)),
    "start,stop": (measure_lives, ("start", "start_plain", "stop")),
    "dynamic": (measure_dynamics, ("stop_dynamic",)),
    "memory": (measure_memory, ("memory_anon", "memory_pss", "memory_worker",
                                "memory_sup")),
    "idle": (measure_idle, ("idle",)),
    "status": (measure_status, ("status", "status_one")),
    **web.METRICS,
    **reaping.METRICS,
}


# --- the table ------------------------------------------------------------------------

def number(value):
    if value is None:
        return "-"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def cells(row, res, o):
    name = ROWS[row][0].format(n=f"{o.n:,}", idle=f"{o.idle:g}",
                               orphans=f"{o.orphans:,}", half=f"{o.orphans // 2:,}")
    if row in res.skipped:
        return [name, "-", "-", "-", "-", "-", "skipped: " + res.skipped[row]]
    if row in res.failed or row not in res.samples:
        return [name, "-", "-", "-", "-", "-",
                "could not be run: " + res.failed.get(row, "no sample")]
    s = res.summary(row)
    unit = "x" if s["judged"] == "ratio" else " " + s["unit"] if s["unit"] else ""
    value = " " + s["unit"] if s["unit"] else ""
    return [name, number(s["kick"]) + value,
            number(s["floor"]) + value if s["floor"] is not None else "-",
            f"{s['ratio']:.2f}x" if s["ratio"] else "-", number(s["must"]) + unit,
            number(s["aim"]) + unit if s["aim"] is not None else "-", s["verdict"]]


def print_table(rows):
    head = ["metric", "kick", "floor", "ratio", "must", "aim", "verdict"]
    last = len(head) - 1
    width = [max(len(r[i]) for r in [head] + rows) for i in range(last)]
    for r in [head] + rows:
        line = [r[0].ljust(width[0])]
        line += [r[i].rjust(width[i]) for i in range(1, last)]
        print("  ".join(line + [r[last]]).rstrip())


def write_json(path, res, rows, o):
    about = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
             "kernel": platform.release(), "machine": platform.machine(),
             "cpus": os.cpu_count(), "load": os.getloadavg()[0], "n": o.n,
             "logged": o.logged, "quick": o.quick}
    done = {row: {**res.summary(row), "samples": res.samples[row]}
            for row in rows if row in res.samples and row not in res.failed}
    with open(path, "w") as f:
        json.dump({"about": about, "metrics": done, "failed": res.failed,
                   "skipped": res.skipped}, f, indent=1)
        f.write("\n")


# --- main -----------------------------------------------------------------------------

def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--quick", action="store_true", help="a minute, fewer samples")
    p.add_argument("--only", metavar="A,B", default="",
                   help="of: " + ",".join(METRICS))
    p.add_argument("--logged", action="store_true",
                   help="give each worker a log pipe, as is the default in kick.json")
    p.add_argument("-n", type=int, help="how many workers are many (1000)")
    o = p.parse_args()
    o.only = [w for w in o.only.split(",") if w]
    known = ",".join(METRICS).split(",")
    for word in o.only:
        if word not in known:
            p.error(f"no metric is called {word}")
    o.n = o.n or (300 if o.quick else 1000)
    if o.n <= 100:
        p.error("-n must be more than 100")
    o.kills = 40 if o.quick else 300
    o.rounds = 3 if o.quick else 15
    o.idle = 4 if o.quick else 20
    o.asks = 9 if o.quick else 41
    o.web = 3 if o.quick else 12
    o.reap = 2 if o.quick else 5
    o.orphans = 4000 if o.quick else 20000
    return o


def chosen(o):
    return [(words, run, rows) for words, (run, rows) in METRICS.items()
            if not o.only or set(words.split(",")) & set(o.only)]


def leave(*_):
    """Once is enough: the clean-up must run to its end."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)
    sys.exit(130)


def measure(st, o, res, metrics):
    for words, run, rows in metrics:
        print(f"{words} ...", file=sys.stderr, flush=True)
        try:
            run(st, o, res)
        except (Failure, OSError) as e:
            res.failed.update((row, str(e)) for row in rows)
        except Skip as e:
            res.skipped.update((row, str(e)) for row in rows)
        st.sweep()


def main():
    o = options()
    res = Results()
    metrics = chosen(o)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, leave)
    load = os.getloadavg()[0]
    st = stage.Stage(os.environ.get("OUT", "build"))
    try:
        measure(st, o, res, metrics)
    finally:
        st.close()
    rows = [row for _, _, rows in metrics for row in rows]
    print_table([cells(row, res, o) for row in rows])
    if load > BUSY:
        print(f"The machine was busy (load {load:.1f}): the ratios are uncertain.")
    write_json(os.path.join(st.out, "bench.json"), res, rows, o)
    return 1 if res.failed else 0


if __name__ == "__main__":
    sys.exit(main())
