"""PID 1: orphans that are reaped in a PID namespace of their own, and what kickd takes
for itself beside one command."""
import json
import os
import shutil
import subprocess
import time

import stage
from stage import Failure, Skip

NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def floor(st, _, command):
    return [st.program("init"), *command]


def of_command(st, _, command):
    return [st.program("kickd"), "--", *command]


def of_tree(st, path, command):
    """Ends with its only child."""
    config = os.path.join(path, "init.json")
    child = {"id": "orphans", "start": command, "restart": "temporary",
             "significant": True, "stdout": "null"}
    with open(config, "w") as f:
        json.dump({"name": "init", "auto_shutdown": "any_significant",
                   "children": [child]}, f)
    return [st.program("kickd"), "-R", os.path.join(path, "run"), config]


def check_allowed():
    if not shutil.which("unshare"):
        raise Skip("there is no unshare(1)")
    done = subprocess.run([*NAMESPACE, "true"], stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Skip("no PID namespace for us: " +
                   done.stderr.decode(errors="replace").strip())


def reaped(st, first, kind, n):
    """Milliseconds until the last of n orphans had been reaped."""
    path = st.new_dir()
    result, log = os.path.join(path, "result"), os.path.join(path, "log")
    argv = NAMESPACE + first(st, path, [st.program("orphans"), kind, str(n), result])
    try:
        with open(log, "wb") as f:
            status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                    timeout=3 * stage.PATIENCE, check=False).returncode
        if not os.path.exists(result):
            with open(log, errors="replace") as f:
                raise Failure(f"status {status}: {f.read().strip()[-200:]}")
        with open(result) as f:
            return int(f.read()) / 1e6
    except subprocess.TimeoutExpired as e:
        raise Failure("not all were reaped") from e
    finally:
        shutil.rmtree(path, ignore_errors=True)


FIRST = {"floor": floor, "command": of_command, "tree": of_tree}
# How they end, its row, the part of the orphans, and how often in a round: what is over
# in a moment varies more.
KINDS = (("one", "reap_one", 1, 1), ("all", "reap_all", 2, 4))


def measure_reaping(st, o, res):
    check_allowed()
    for i in range(o.reap):
        for kind, row, part, times in KINDS:
            for name, first in stage.in_turn(list(FIRST.items()) * times, i):
                took = reaped(st, first, kind, o.orphans // part)
                if name == "floor":
                    res.add(row + "_command", floor=took)
                    res.add(row + "_tree", floor=took)
                else:
                    res.add(f"{row}_{name}", kick=took)


def private_of(st, argv):
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=stage.quiet())
    try:
        time.sleep(0.5)
        return stage.private([pid])
    finally:
        pids = [p for p in stage.below(pid) if p != pid]
        for p in [pid] + pids:
            os.kill(p, 9)
        stage.Ends([pid] + pids).wait(stage.PATIENCE)
        stage.reap()


def measure_command(st, _, res):
    path = st.new_dir()
    command = [shutil.which("sleep"), "1000"]
    for _ in range(3):
        res.add("command_memory", kick=private_of(st, of_command(st, path, command)))
    shutil.rmtree(path, ignore_errors=True)


METRICS = {
    "reaping": (measure_reaping, ("reap_one_command", "reap_one_tree",
                                  "reap_all_command", "reap_all_tree")),
    "command": (measure_command, ("command_memory",)),
}
