# SPDX-License-Identifier: MIT
"""The workers of a campaign: real processes of `riacho run --log kafka`, each with a folder and a port of its own."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SESSION_SECONDS = 3
STOP_SECONDS = 60
FAULT_EXIT = 137  # runtime/fault.c
# cmd/command.h: no broker answered while it started, or hung up as one that speaks another protocol does; whoever runs it tries again.
NO_BROKER_EXITS = (69, 78)
PROPERTIES = {
    "session.timeout.ms": SESSION_SECONDS * 1000,
    "heartbeat.interval.ms": 500,
    "max.poll.interval.ms": 10000,
    "metadata.max.age.ms": 5000,
}


class Worker:
    """One name with its folder; the process comes and goes. What ends it is noted in `ends`."""

    def __init__(self, group, name, folder=None):
        self.group, self.name = group, name
        self.data = folder or os.path.join(group.folder, name)
        self.port = group.take_port()
        self.log = os.path.join(group.folder, name + ".log")
        self.process = None
        self.site = None          # a crash point that its process was given
        self.frozen = False
        self.stopping = None      # since when it has been told to stop
        self.free_at = 0.0        # a fault has it until then
        self.tolerated = None     # why it may end by itself
        self.damaged = False      # the campaign spoilt its folder: it may be moved aside
        self.starts = 0

    def start(self, site=None):
        assert not self.running()
        environment = {name: text for name, text in os.environ.items() if not name.startswith("RIACHO_")}
        if site:
            environment["RIACHO_FAULT"] = site
        command = [self.group.riacho, "run", os.path.join(HERE, "totals.yaml"), "--log", "kafka", "--bootstrap", self.group.bootstrap,
                   "--name", self.name, "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--threads", str(self.group.threads),
                   "--standbys", str(self.group.standbys), "--schemas", os.path.join(HERE, "schemas"), "--libraries", self.group.libraries,
                   "--memory", "64MiB", "--reads-per-second", "0",
                   "--kafka-properties", ",".join(f"{name}={value}" for name, value in self.group.properties.items())]
        with open(self.log, "ab") as log:
            log.write(f"---- start {self.starts} at {time.time():.3f} {site or ''}\n".encode())
            log.flush()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.starts += 1
        self.site, self.frozen, self.stopping, self.tolerated = site, False, None, None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def available(self, now):
        """A fault may have it."""
        return self.running() and not self.frozen and not self.stopping and now >= self.free_at

    def kill(self):
        if self.running():
            self.process.kill()
        if self.process:
            self.process.wait()
        self.process, self.frozen, self.stopping = None, False, None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        if self.running():
            self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def ask_to_stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.stopping = time.monotonic()

    def was_ready(self):
        """Whether the process that ran last had started."""
        with open(self.log, "rb") as log:
            return b"\nready http" in log.read().rpartition(b"---- start ")[2]

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return " | ".join(line.strip()[:300] for line in log.readlines()[-3:])

    def look_after(self, now):
        """What became of the process since the last look: None, or (what, exit code)."""
        if self.process is None:
            return None
        if self.running():
            if self.stopping and now - self.stopping > STOP_SECONDS:
                self.kill()
                return "did not stop", None
            return None
        code, self.process = self.process.returncode, None
        if self.stopping:
            self.stopping = None
            return ("stopped", code) if code == 0 else ("stopped badly", code)
        if self.site and code == FAULT_EXIT:
            return "site", code
        if self.tolerated:
            return "tolerated", code
        if code in NO_BROKER_EXITS and not self.was_ready():
            return "found no broker", code
        return "ended by itself", code

    # REST

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as reply:
            return json.load(reply)

    def tasks(self):
        """{task: state}, or nothing when it does not answer."""
        try:
            return {item["task"]: item["state"] for item in self.get("/v1/tasks")["items"]}
        except (OSError, ValueError, urllib.error.URLError):
            return {}

    def scan(self, store):
        return {item["key"]: (item["value"]["count"], item["value"]["sum"]) for item in self.get(f"/v1/stores/{store}/range?limit=1000")["items"]}

    def ranking(self, store, key):
        items = self.get(f"/v1/stores/{store}/top?key={urllib.parse.quote(key)}&limit=1000")["items"]
        assert [item["rank"] for item in items] == list(range(1, len(items) + 1)) and sorted(items, key=lambda item: -item["score"]) == items
        return {item["member"]: item["score"] for item in items}

    # Its folder

    def state_folders(self):
        """{path below the data folder: inode} of every task's folder, also of those that were moved aside."""
        found = {}
        for path, folders, files in os.walk(self.data):
            if "STORE_ID" in files or ".damaged-" in os.path.basename(path):
                found[os.path.relpath(path, self.data)] = os.stat(path).st_ino
                folders.clear()
        return found

    def state_files(self):
        return sorted(os.path.join(path, name) for path in self.state_folders() if ".damaged-" not in path
                      for name in os.listdir(os.path.join(self.data, path)) if name not in ("LOCK", "LOG") and not name.startswith("LOG.")
                      for path in [os.path.join(self.data, path)])


class Group:
    def __init__(self, riacho, libraries, bootstrap, folder, ports, workers=3, standbys=1, threads=1, transaction_seconds=4):
        self.riacho, self.libraries, self.bootstrap, self.folder = riacho, libraries, bootstrap, folder
        self.ports, self.standbys, self.threads = list(ports), standbys, threads
        self.transaction_seconds = transaction_seconds
        self.properties = {**PROPERTIES, "transaction.timeout.ms": transaction_seconds * 1000}
        self.workers = [Worker(self, f"w{number}") for number in range(1, workers + 1)]
        self.guests = []  # who comes and goes beside them

    def take_port(self):
        return self.ports.pop()

    def all(self):
        return self.workers + self.guests

    def kill(self):
        for worker in self.all():
            worker.kill()
