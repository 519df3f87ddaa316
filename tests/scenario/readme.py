#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tour of README.md against the real program and checks what it promises.

Every ```sh block is run as it stands, but for the address. What each command must print is in CHECKS, by order; a command
without a check, or a check without a command, fails the test, so the page and the test cannot drift apart.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ADDRESS = "http://127.0.0.1:3000"


def commands():
    text = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        yield from (line for line in block.replace("\\\n", " ").split("\n") if line.strip())


def start(program, folder):
    process = subprocess.Popen([program, "run", "topology/apps/tamaghost.yaml", "--seed", "topology/apps/tamaghost.seed.jsonl",
                                "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=open(os.path.join(folder, "stderr"), "ab"), cwd=ROOT, text=True)
    for line in process.stdout:
        if line.startswith("ready "):
            return process, line.split()[1]
    raise AssertionError("it did not start: " + open(os.path.join(folder, "stderr")).read())


def expect(condition, what, found):
    if not condition:
        raise AssertionError(f"{what}: found {json.dumps(found)}")


seen = {}


def newborn(pet):
    expect(pet["slug"] == "ghostzinho" and pet["fed"] == 0, "ghostzinho is there on the first run", pet)


def accepted(reply):
    expect(reply["position"].startswith("interactions/") and reply["correlationId"], "202 with a position", reply)


def processed(reply):
    expect(reply["state"] == "processed", "Prefer: wait answers when the state includes it", reply)


def cared(pet):
    expect(pet["fed"] == 1 and pet["petted"] == 1, "fed once, petted once", pet)


def soaped(reply):
    expect(seen.setdefault("soap", reply["position"]) == reply["position"], "the same key is the same event", reply)
    expect(reply["eventId"] == "soap-1", "the key is the event's id", reply)


def broke(wallet):
    expect(wallet["coins"] == 2 and wallet["spent"] == 0, "two coins earned, none spent", wallet)
    expect(wallet["receipts"][0]["outcome"] == "REFUSED" and wallet["receipts"][0]["reason"] == "not enough coins",
           "a purchase that cannot be paid is refused as an event", wallet)


def commented(page):
    expect([c["value"]["text"] for c in page["items"]] == ["que fofo!"], "the comment", page)


def rated(ratings):
    expect(ratings["count"] == 1 and ratings["average"] == 5 and ratings["histogram"] == [0, 0, 0, 0, 1], "the rating", ratings)


def total(board):
    expect(sum(row["score"] for row in board["items"]) == 4 and board["items"][0]["rank"] == 1, "four acts of caring", board)


def feeders(board):
    expect(sum(row["score"] for row in board["items"]) == 2, "fed twice", board)


def born(reply):
    expect(reply["position"].startswith("births/"), "a birth", reply)


def both(page):
    expect(sorted(pet["value"]["slug"] for pet in page["items"]) == ["ghostzinho", "mochi"], "both pets", page)


CHECKS = [newborn, accepted, processed, cared, soaped, soaped, processed, processed, broke, processed, commented, rated, total, feeders,
          born, both]


def tour(url, folder):
    listed = list(commands())
    expect(len(listed) == len(CHECKS), "README.md has one command for each check", [len(listed), len(CHECKS)])
    for command, check in zip(listed, CHECKS):
        shown = subprocess.run(["bash", "-c", command.replace(ADDRESS, url)], capture_output=True, text=True, cwd=folder, timeout=60)
        expect(shown.returncode == 0, command, shown.stderr)
        print(f"$ {command}\n{shown.stdout}", flush=True)
        check(json.loads(shown.stdout))


def get(url, path):
    shown = subprocess.run(["curl", "-s", url + path], capture_output=True, text=True, timeout=60)
    return shown.stdout


def main():
    program = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp(prefix="riacho-readme-")
    process = None
    try:
        process, url = start(program, folder)
        tour(url, folder)
        before = [json.loads(get(url, path)) for path in ("/api/pets/ghostzinho/ratings", "/api/leaderboards/total")]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process, url = start(program, folder)
        after = [json.loads(get(url, path)) for path in ("/api/pets/ghostzinho/ratings", "/api/leaderboards/total")]
        expect(before == after, "kill -9 and start again: everything is as it was", after)
        expect("openapi" in json.loads(get(url, "/openapi.json")), "/openapi.json", None)
        expect("riacho_build_info" in get(url, "/metrics"), "/metrics", None)
        expect("<html" in get(url, "/docs"), "/docs", None)
        expect(json.loads(get(url, "/readyz?verbose"))["status"] == "ready", "/readyz?verbose", None)
        process.send_signal(signal.SIGTERM)
        expect(process.wait(timeout=30) == 0, "a clean stop", process.returncode)
        process = None
    finally:
        if process:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print("ok: every command of README.md does what it says")


if __name__ == "__main__":
    main()
