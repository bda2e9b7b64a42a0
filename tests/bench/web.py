"""HTTP: a server that is killed again and again, and requests through a kept socket."""
import json
import socket
import subprocess
import time

import stage
from stage import Failure, Floor, Kick, Peer

EVERY = 0.2      # seconds between two kills
KILLS = 4        # in one run of the client: one disturbance spoils one run
BURST_MS = 100   # one run of the client without kills


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class WebKick(Kick):
    """kick, which keeps the socket."""
    worker = "web"

    def __init__(self, st):
        super().__init__(st, 1)
        self.port = free_port()

    def child(self, number):
        return {**super().child(number), "listen": ["web"]}

    def top(self):
        return {"listen": {"web": f"tcp://127.0.0.1:{self.port}"}}


class WebFloor(Floor):
    """The floor, which keeps it too."""
    worker = "web"

    def __init__(self, st):
        super().__init__(st, 1)
        self.port = free_port()
        self.flags = ("-l", str(self.port))


class WebAlone(Peer):
    """The server with a port of its own; nobody above it."""
    name = "alone"
    worker = "web"
    session = True  # as kick's workers are: it matters to the scheduler

    def __init__(self, st):
        super().__init__(st, 1)
        self.port = free_port()

    def argv(self):
        return [*self.svc(0), str(self.port)]


class Client:
    def __init__(self, st, port, milliseconds):
        argv = [st.program("client"), str(port), str(int(milliseconds))]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)

    def result(self):
        out, _ = self.process.communicate(timeout=stage.PATIENCE)
        found = json.loads(out)
        if not found["answered"]:
            raise Failure("the server answered nobody")
        return found


def killed(peer, st):
    with peer:
        peer.start()
        time.sleep(stage.SETTLE)
        client = Client(st, peer.port, (KILLS + 1) * EVERY * 1000)
        begin = time.monotonic()
        for i in range(1, KILLS + 1):
            time.sleep(max(0, begin + i * EVERY - time.monotonic()))
            peer.restart(0)
        found = client.result()
        if found["broken"] > KILLS:
            raise Failure(f"{peer.name}: {found['broken']} requests were broken off by "
                          f"{KILLS} kills")
        return found


def measure_killed(st, o, res):
    peers = [("kick", WebKick), ("floor", WebFloor)]
    refused = {name: 0 for name, _ in peers}
    for i in range(o.web):
        for name, cls in stage.in_turn(peers, i):
            found = killed(cls(st), st)
            refused[name] += found["refused"]
            res.add("http_gap", **{name: found["gap_ns"] / 1e6})
    res.add("http_refused", **refused)


def one_request(st, peer):
    """Microseconds."""
    found = Client(st, peer.port, BURST_MS).result()
    return found["elapsed_ns"] / 1000 / found["answered"]


def measure_requests(st, o, res):
    """One server after the other has to answer; all are there all the time."""
    with WebKick(st) as kick, WebAlone(st) as alone:
        peers = [("kick", kick), ("floor", alone)]
        for _, peer in peers:
            peer.start()
        time.sleep(stage.SETTLE)
        for i in range(o.web * 5):
            for name, peer in stage.in_turn(peers, i):
                res.add("http_request", **{name: one_request(st, peer)})


METRICS = {
    "http": (measure_killed, ("http_refused", "http_gap")),
    "requests": (measure_requests, ("http_request",)),
}
