#!/usr/bin/env python3
"""Runs OUT/actors and prints libkick's numbers against the bare kernel's of the same
run, and beside them Erlang's, where it is installed. All samples' medians go to
OUT/libkick.json."""
import json
import os
import shutil
import subprocess
import sys

OUT = os.environ.get("OUT", "build")
HERE = os.path.dirname(os.path.abspath(__file__))
ALIVE = "5000"

# what, where it is, unit, most times the floor
ROWS = [
    ("call, both on one processor", ("one_cpu", "call"), "us", 3.0),
    ("call, on two", ("two_cpus", "call"), "us", 3.0),
    ("casts, both on one processor", ("one_cpu", "cast"), "/s", 3.0),
    ("casts, on two", ("two_cpus", "cast"), "/s", 3.0),
    ("spawn_link to its exit signal", ("spawn",), "us", 1.5),
    ("whereis", ("whereis",), "us", 3.0),
]


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=300)
    return json.loads(done.stdout)


def erlang():
    if not shutil.which("escript"):
        return None
    return run(["escript", os.path.join(HERE, "actors.escript"), ALIVE])


def dig(tree, keys):
    for key in keys:
        tree = tree.get(key) if tree else None
    return tree


def main():
    kick, erl = run([os.path.join(OUT, "actors"), ALIVE]), erlang()
    name = {"call": "call_us", "cast": "cast_per_s", "spawn": "spawn_us",
            "whereis": "whereis_us"}
    print(f"\n{'libkick':<32}{'kick':>15}{'floor':>15}{'ratio':>7}{'must':>6}"
          f"{'Erlang':>15}")
    for what, keys, unit, must in ROWS:
        row = dig(kick, keys)
        if not row:
            continue
        k = row.get("kick_us", row.get("kick_per_s"))
        f = row.get("floor_us", row.get("floor_per_s"))
        e = f"{erl[name[keys[-1]]]:,.1f}" if erl else "-"
        mark = "" if row["ratio"] <= must else "  MUST MISSED"
        print(f"{what:<32}{k:>12,.1f} {unit:<2}{f:>12,.1f} {unit:<2}"
              f"{row['ratio']:>7.2f}{must:>6}{e:>15}{mark}")
    private, alive = kick["idle_private_kib"], kick["alive"]
    print(f"{'private memory, idle process':<32}{private:>11.0f} KiB"
          f"{'must 64':>28}{erl['idle_kib'] if erl else 0:>11.1f} KiB"
          f"{'' if private <= 64 else '  MUST MISSED'}")
    print(f"{'alive in one tree':<32}{alive['active']:>12}, start "
          f"{alive['start_ms']:,.0f} ms, stop {alive['stop_ms']:,.0f} ms"
          + (f"; Erlang {erl['start_ms']:,.0f}, {erl['stop_ms']:,.0f} ms" if erl else "")
          + ("" if alive["works"] else "  MUST MISSED"))
    print("Erlang's processes share one emulator; kick's are Unix processes."
          if erl else "Erlang is not installed: not compared.")
    with open(os.path.join(OUT, "libkick.json"), "w", encoding="utf-8") as out:
        json.dump({"kick": kick, "erlang": erl}, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
