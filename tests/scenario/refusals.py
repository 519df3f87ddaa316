#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Tamaghost refuses, and how it says so: a table of requests to the real program."""

import http.client
import json
import shutil
import signal
import sys
import tempfile
import time

from readme import expect, start

ACT = "/api/pets/ghostzinho/interactions"
COMMENT = "/api/pets/ghostzinho/comments"

# what it shows, method, path, body, status, end of the problem's type, JSON Pointers
TABLE = [
    ("a pet that is not there cannot be fed", "POST", "/api/pets/nobody/feed", None, 404, "not-found", []),
    ("a pet that is not there has no comments", "POST", "/api/pets/nobody/comments", {"text": "oi"}, 404, "not-found", []),
    ("a slug is taken once", "POST", "/api/pets", {"slug": "ghostzinho", "name": "Again"}, 409, "exists", []),
    ("a slug and a name are not empty", "POST", "/api/pets", {"slug": "", "name": ""}, 422, "refused", ["/slug", "/name"]),
    ("a slug has an end", "POST", "/api/pets", {"slug": "x" * 41, "name": "x"}, 422, "refused", ["/slug"]),
    ("a slug is plain", "POST", "/api/pets", {"slug": "../Etc x", "name": "x"}, 422, "refused", ["/slug"]),
    ("a comment says something", "POST", COMMENT, {"text": "", "rating": 5}, 422, "refused", ["/text"]),
    ("a rating is 1 to 5", "POST", COMMENT, {"text": "oi", "rating": 6}, 422, "refused", ["/rating"]),
    ("everything that is wrong is said at once", "POST", COMMENT, {"text": "", "rating": 0}, 422, "refused", ["/text", "/rating"]),
    ("buying needs an item", "POST", ACT, {"action": "BUY_CLOTHES"}, 422, "refused", ["/item"]),
    ("a new look needs a look", "POST", ACT, {"action": "CHANGE_LOOK"}, 422, "refused", ["/look"]),
    ("an action is one of five", "POST", ACT, {"action": "DANCE"}, 400, "body-invalid", ["/action"]),
    ("members have no typing errors", "POST", ACT, {"action": "FEED", "itm": 1}, 400, "body-invalid", ["/itm"]),
    ("a body is JSON", "POST", ACT, b"{", 400, "body-invalid", None),
    ("a route knows its methods", "DELETE", "/api/pets/ghostzinho", None, 405, "method-not-allowed", []),
    ("an unknown path is not found", "GET", "/api/nothing", None, 404, "not-found", []),
    ("a good request is taken", "POST", ACT, {"action": "FEED"}, 202, None, []),
]


def ask(port, method, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    text = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
    connection.request(method, path, text, {"Content-Type": "application/json"} if text is not None else {})
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    return reply, answer


def check(port, what, method, path, body, status, problem, pointers):
    reply, answer = ask(port, method, path, body)
    expect(reply.status == status, what, [reply.status, answer])
    if problem is None:
        return
    expect(reply.getheader("Content-Type") == "application/problem+json", what + ": media type", reply.getheader("Content-Type"))
    expect(answer["type"].endswith("#" + problem) and answer["title"] and answer["status"] == status, what, answer)
    if pointers is not None:
        expect([e["pointer"] for e in answer.get("errors", [])] == pointers, what + ": where", answer)


def main():
    folder = tempfile.mkdtemp(prefix="riacho-refusals-")
    process, url = start(sys.argv[1], folder)
    try:
        while ask(int(url.rsplit(":", 1)[1]), "GET", "/api/pets/ghostzinho", None)[0].status != 200:
            time.sleep(0.01)  # the seed is in the log; its fold is a commit away
        for row in TABLE:
            check(int(url.rsplit(":", 1)[1]), *row)
        process.send_signal(signal.SIGTERM)
        expect(process.wait(timeout=30) == 0, "a clean stop", process.returncode)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"ok: {len(TABLE)} requests")


if __name__ == "__main__":
    main()
