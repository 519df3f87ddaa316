#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills riacho under load and compares what it serves with the clients' ledger (README.md beside this file)."""

import argparse
import base64
import collections
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PETS = [f"pet-{i}" for i in range(12)]
ACTIONS = {"feed": "FEED", "pet": "PET", "bathe": "BATHE"}
SITES = ["record", "beforeCommit", "stateWritten", "outputsWritten", "afterCommit", "recovery"]


class Server:
    """One data folder; the process on it comes and goes."""

    def __init__(self, program, folder):
        self.program, self.folder, self.process, self.port = program, folder, None, None
        self.errors = open(os.path.join(folder, "stderr"), "ab")

    def start(self, fault=None):
        environment = dict(os.environ)
        environment.pop("RIACHO_FAULT", None)
        if fault:
            environment["RIACHO_FAULT"] = fault
        self.process = subprocess.Popen(
            [self.program, "run", os.path.join(ROOT, "topology/apps/tamaghost.yaml"), "--data", os.path.join(self.folder, "data"),
             "--listen", "127.0.0.1:0", "--writes-per-second", "0", "--reads-per-second", "0", "--connections-per-address", "1000"],
            stdout=subprocess.PIPE, stderr=self.errors, env=environment, cwd=ROOT, text=True)
        for line in self.process.stdout:
            if line.startswith("ready http://"):
                self.port = int(line.rsplit(":", 1)[1])
                return True
        self.process.wait()
        return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait()
        self.process.stdout.close()
        return code

    def get(self, path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers or {})
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, json.loads(body) if body else None


class Ledger:
    """What must be true: folded from acknowledged events by the plainest code there is."""

    def __init__(self):
        self.lock = threading.Lock()
        self.care = collections.Counter()     # (pet, action)
        self.visitors = collections.Counter()  # (visitor, action)
        self.comments = collections.Counter()  # pet
        self.ratings = collections.defaultdict(lambda: [0] * 5)
        self.positions = {}

    def add(self, event, position):
        with self.lock:
            topic, offset = position.rsplit(":", 1)
            self.positions[topic] = max(self.positions.get(topic, 0), int(offset))
            if event["kind"] == "comment":
                self.comments[event["pet"]] += 1
                self.ratings[event["pet"]][event["rating"] - 1] += 1
            else:
                self.care[event["pet"], event["kind"]] += 1
                self.visitors[event["visitor"], event["kind"]] += 1


class Client(threading.Thread):
    """Cares for pets, one event at a time, never giving an event up."""

    def __init__(self, server, ledger, number, seed):
        super().__init__(daemon=True)
        self.server, self.ledger, self.number = server, ledger, number
        self.random = random.Random(f"{seed}/{number}")
        self.running, self.go = True, threading.Event()
        self.idle = threading.Event()
        self.sent = self.repeated = 0
        self.token = None
        self.visitor = None
        self.failure = None

    def event(self):
        self.sent += 1
        kind = self.random.choice(["feed", "pet", "bathe", "pet", "comment"])
        return {"id": f"c{self.number}-{self.sent}", "kind": kind, "pet": self.random.choice(PETS),
                "visitor": self.visitor, "rating": self.random.randint(1, 5)}

    def post(self, event):
        body = json.dumps({"text": "oi " + event["id"], "rating": event["rating"]}) if event["kind"] == "comment" else ""
        path = f"/api/pets/{event['pet']}/" + ("comments" if event["kind"] == "comment" else event["kind"])
        headers = {"Idempotency-Key": event["id"], "Riacho-Visitor": self.token, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        if reply.status in (409, 429, 503):
            return None  # running still, or not ready yet: again
        if reply.status != 202:
            raise AssertionError(f"POST {path}: {reply.status} {text!r}")
        return json.loads(text)["position"]

    def deliver(self, event):
        while self.running:
            try:
                position = self.post(event)
                if position:
                    return position
            except (OSError, http.client.HTTPException, ValueError):
                pass
            self.repeated += 1
            time.sleep(0.005)  # the server is gone: ask again, not too fast
        return None

    def run(self):
        while self.running:
            if not self.go.is_set():
                self.idle.set()
                self.go.wait()
                self.idle.clear()
                continue
            event = self.event()
            try:
                position = self.deliver(event)
            except AssertionError as wrong:
                self.failure, self.running = str(wrong), False
                self.idle.set()
                return
            if position:
                self.ledger.add(event, position)


def wait_for_state(server, ledger):
    for topic, offset in sorted(ledger.positions.items()):
        status, body = 503, None
        deadline = time.monotonic() + 60
        while status == 503 and time.monotonic() < deadline:
            status, body = server.get("/api/pets?limit=1", {"If-Position": f"{topic}:{offset}"})
        if status != 200:
            raise AssertionError(f"waiting for {topic}:{offset}: {status} {body}")


def leaderboard(server, board):
    rows, path = {}, f"/api/leaderboards/{board}?limit=100"
    while path:
        status, body = server.get(path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        for row in body["items"]:
            if row["member"] in rows:
                raise AssertionError(f"{board}: {row['member']} stands there twice")
            rows[row["member"]] = row["score"]
        path = body["next"] and f"/api/leaderboards/{board}?limit=100&cursor={body['next']}"
    return rows


def expect(what, expected, found):
    if expected != found:
        raise AssertionError(f"{what}: expected {expected}, found {found}")


def compare(server, ledger):
    wait_for_state(server, ledger)
    for pet in PETS:
        status, body = server.get(f"/api/pets/{pet}")
        expect(f"GET {pet}", 200, status)
        expect(f"care of {pet}", [ledger.care[pet, a] for a in ACTIONS], [body["fed"], body["petted"], body["bathed"]])
        status, body = server.get(f"/api/pets/{pet}/ratings")
        if ledger.comments[pet]:
            expect(f"ratings of {pet}", [ledger.comments[pet], ledger.ratings[pet]], [body["count"], body["histogram"]])
        else:
            expect(f"ratings of {pet}", 404, status)
        count, path = 0, f"/api/pets/{pet}/comments?limit=100"
        while path:
            status, body = server.get(path)
            count += len(body["items"])
            path = body["next"] and f"/api/pets/{pet}/comments?limit=100&cursor={body['next']}"
        expect(f"comments of {pet}", ledger.comments[pet], count)
    for action, board in list(ACTIONS.items()) + [(None, "TOTAL")]:
        expected = collections.Counter()
        for (visitor, kind), times in ledger.visitors.items():
            if action in (None, kind):
                expected[visitor] += times
        expect(f"leaderboard {board}", dict(expected), leaderboard(server, board))


def state_folders(folder):
    found = {}
    for path, folders, _ in os.walk(os.path.join(folder, "data")):
        for name in folders:
            full = os.path.join(path, name)
            if "damaged" in name:
                raise AssertionError(f"state was moved aside: {full}")
            found[os.path.relpath(full, folder)] = os.stat(full).st_ino
    return found


def create_pets(server):
    for pet in PETS:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/api/pets", json.dumps({"slug": pet, "name": pet}),
                           {"Content-Type": "application/json", "Prefer": "wait=10", "Idempotency-Key": "birth-of-" + pet})
        reply = connection.getresponse()
        reply.read()
        connection.close()
        if reply.status not in (200, 201, 202):
            raise AssertionError(f"creating {pet}: {reply.status}")


def introduce(server, client):
    """A visitor's signed id, as the server hands it out, and the id within it as leaderboards show it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/api/pets")
    reply = connection.getresponse()
    reply.read()
    client.token = reply.getheader("Riacho-Visitor")
    client.visitor = base64.urlsafe_b64encode(base64.urlsafe_b64decode(client.token + "=")[:16]).decode().rstrip("=")
    connection.close()


def run(arguments, folder):
    chance = random.Random(arguments.seed)
    server, ledger = Server(arguments.riacho, folder), Ledger()
    if not server.start():
        raise AssertionError("it did not start; see stderr in " + folder)
    clients = [Client(server, ledger, i, arguments.seed) for i in range(arguments.clients)]
    create_pets(server)
    for client in clients:
        introduce(server, client)
        client.start()
    folders = state_folders(folder)
    faults = [f"{site}:{hit}" for site in SITES for hit in (1, 3)] if arguments.sites else [None] * arguments.kills
    for number, fault in enumerate(faults, 1):
        if fault:
            server.kill()
            server.start(fault)  # `recovery` ends it before it is ready
        for client in clients:
            client.go.set()
        if fault:
            server.process.wait(timeout=120)
            expect(f"exit code at {fault}", 137, server.process.returncode)
            server.process.stdout.close()
        else:
            time.sleep(chance.uniform(0.02, 0.6))
            server.kill()
        if not server.start():
            raise AssertionError(f"it did not start again after kill {number}")
        for client in clients:
            client.go.clear()
        for client in clients:
            if not client.idle.wait(60):
                raise AssertionError("a client got no answer for a minute")
            if client.failure:
                raise AssertionError(client.failure)
        compare(server, ledger)
        now = state_folders(folder)
        for path, inode in folders.items():
            expect(f"folder {path} is the one that was there", inode, now.get(path))
        folders = now
        print(f"kill {number}/{len(faults)}{' at ' + fault if fault else ''}: "
              f"{sum(ledger.care.values()) + sum(ledger.comments.values())} events counted once, "
              f"{sum(c.repeated for c in clients)} sends repeated", flush=True)
    for client in clients:
        client.running = False
        client.go.set()
    expect("exit code of a clean stop", 0, server.stop())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--riacho", default=os.path.join(ROOT, "build/release/riacho"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--sites", action="store_true", help="stop at each named point of the commit instead (a build with RIACHO_FAULTS)")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="riacho-crash-")
    try:
        run(arguments, folder)
    except BaseException as failure:  # whatever it is, the seed and the folder are what one needs
        print(f"FAILED with seed {arguments.seed}, kept {folder}: {failure}", file=sys.stderr)
        if not isinstance(failure, AssertionError):
            raise
        os._exit(1)
    shutil.rmtree(folder)
    print(f"ok: seed {arguments.seed}")


if __name__ == "__main__":
    main()
