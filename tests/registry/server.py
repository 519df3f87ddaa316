#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A schema registry for tests: the part of Confluent's REST interface that Riacho speaks, in memory, on 127.0.0.1.

It can fail in the ways in which registries and what stands before them fail (FAULTS), can ask for a name and a password, and can go
away and come back on its port with what it knew.

    with Server() as server:
        server.registry.register("pets-value", text)
        server.fault = "503"

By itself: `server.py [--auth USER:PASSWORD]` prints `ready URL`, then takes one command a line on stdin and answers each with a line:
`fault NAME`, `stop`, `start`, `count` (requests until now), `config SUBJECT LEVEL`, `auth USER:PASSWORD`, and `register JSON` with
subject, schema, schemaType and references, which answers with the id. It ends with its stdin.
"""

import argparse
import base64
import contextlib
import http.server
import json
import socket
import sys
import threading
import time
import urllib.parse

import avro_rules

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
LEVELS = {"NONE"} | {name + suffix for name in ("BACKWARD", "FORWARD", "FULL") for suffix in ("", "_TRANSITIVE")}
SLOW_SECONDS = 3  # longer than anybody should wait


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Registry:
    """Subjects, versions and ids. An id is a schema's for ever, and every schema has one."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_id, self.ids, self.subjects = {}, {}, {}
        self.level, self.levels = "BACKWARD", {}

    def entry(self, text, kind="AVRO", references=()):
        return {"schema": text, "schemaType": kind, "references": list(references)}

    def key_of(self, entry):
        text = entry["schema"]
        if entry["schemaType"] == "AVRO":
            try:
                parsed = json.loads(text)
                if not entry["references"]:
                    avro_rules.resolve(parsed)
            except (ValueError, KeyError, TypeError, avro_rules.Bad) as why:
                raise Refused(422, 42201, f"Invalid schema: {why}") from why
            text = json.dumps(parsed)
        return json.dumps([entry["schemaType"], text, entry["references"]])

    def versions(self, subject):
        if subject not in self.subjects:
            raise Refused(404, 40401, f"Subject '{subject}' not found.")
        return self.subjects[subject]

    def version(self, subject, word):
        versions = self.versions(subject)
        number = len(versions) if word == "latest" else int(word)
        if not 1 <= number <= len(versions):
            raise Refused(404, 40402, f"Version {word} not found.")
        return self.describe(subject, number)

    def describe(self, subject, number):
        found = self.subjects[subject][number - 1]
        return {"subject": subject, "version": number, "id": found, **self.shown(found)}

    def shown(self, number):
        """Avro is the default, and is not named."""
        entry = self.by_id[number]
        shown = {"schema": entry["schema"]}
        if entry["schemaType"] != "AVRO":
            shown["schemaType"] = entry["schemaType"]
        if entry["references"]:
            shown["references"] = entry["references"]
        return shown

    def schema(self, number):
        if number not in self.by_id:
            raise Refused(404, 40403, f"Schema {number} not found")
        return self.shown(number)

    def lookup(self, subject, entry):
        versions = self.versions(subject)
        found = self.ids.get(self.key_of(entry))
        if found not in versions:
            raise Refused(404, 40403, "Schema not found")
        return self.describe(subject, versions.index(found) + 1)

    def why_not(self, subject, entry):
        if entry["schemaType"] != "AVRO" or entry["references"]:
            return []
        olds = [json.loads(self.by_id[number]["schema"]) for number in self.subjects.get(subject, [])]
        return avro_rules.compatible(self.levels.get(subject, self.level), json.loads(entry["schema"]), olds)

    def register(self, subject, text, kind="AVRO", references=()):
        """Returns the id."""
        entry = self.entry(text, kind, references)
        key = self.key_of(entry)
        versions = self.subjects.get(subject, [])
        if self.ids.get(key) in versions:
            return self.ids[key]
        reasons = self.why_not(subject, entry)
        if reasons:
            raise Refused(409, 409, "Schema being registered is incompatible with an earlier schema: " + "; ".join(reasons))
        if key not in self.ids:
            self.ids[key] = len(self.by_id) + 1
            self.by_id[self.ids[key]] = entry
        self.subjects.setdefault(subject, versions).append(self.ids[key])
        return self.ids[key]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, value, media_type=MEDIA_TYPE):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and self.headers.get("Content-Type") != MEDIA_TYPE:
            raise Refused(415, 415, "HTTP 415 Unsupported Media Type")
        try:
            return json.loads(text) if text else {}
        except ValueError as why:
            raise Refused(400, 400, "Unable to process JSON") from why

    def answer(self):
        server = self.server.owner
        server.requests.append((self.command, self.path))
        try:
            body = self.body()
            wanted = "Basic " + base64.b64encode(server.auth.encode()).decode() if server.auth else None
            if wanted and self.headers.get("Authorization") != wanted:
                raise Refused(401, 401, "Unauthorized")
            if server.fault and FAULTS[server.fault](self):
                return
            path, _, query = self.path.partition("?")
            words = [urllib.parse.unquote(word) for word in path.strip("/").split("/")]
            with server.registry.lock:
                found = self.route(server.registry, words, body, query)
            self.reply(200, found)
        except Refused as why:
            self.reply(why.status, {"error_code": why.code, "message": str(why)})

    do_GET = do_POST = do_PUT = answer

    def route(self, registry, words, body, query):
        entry = registry.entry(body.get("schema", ""), body.get("schemaType", "AVRO"), body.get("references", []))
        match [self.command, *words]:
            case ["GET", "subjects"]:
                return sorted(registry.subjects)
            case ["GET", "subjects", subject, "versions"]:
                return list(range(1, len(registry.versions(subject)) + 1))
            case ["GET", "subjects", subject, "versions", word]:
                return registry.version(subject, word)
            case ["GET", "schemas", "ids", number]:
                return registry.schema(int(number))
            case ["POST", "subjects", subject]:
                return registry.lookup(subject, entry)
            case ["POST", "subjects", subject, "versions"]:
                return {"id": registry.register(subject, entry["schema"], entry["schemaType"], entry["references"])}
            case ["POST", "compatibility", "subjects", subject, "versions", word]:
                registry.version(subject, word)
                registry.key_of(entry)
                reasons = registry.why_not(subject, entry)
                return {"is_compatible": not reasons, **({"messages": reasons} if "verbose=true" in query else {})}
            case ["PUT", "config", *subject] if body.get("compatibility") in LEVELS:
                registry.levels.update({name: body["compatibility"] for name in subject})
                registry.level = registry.level if subject else body["compatibility"]
                return body
        raise Refused(404, 404, "HTTP 404 Not Found")


# ---- what can go wrong: each takes the request in hand; True: it was answered, or never will be ------------------------------


def status(number):
    def answer(request):
        raise Refused(number, 50001 if number >= 500 else number, "Error in the backend data store")
    return answer


def slow(_):
    time.sleep(SLOW_SECONDS)


def says(status_code, body, media_type=MEDIA_TYPE):
    def answer(request):
        request.reply(status_code, body, media_type)
        return True
    return answer


def drip(request):
    """An answer that never ends, slowly."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    for _ in range(SLOW_SECONDS * 20):
        try:
            request.wfile.write(b" ")
            request.wfile.flush()
        except OSError:
            break
        time.sleep(0.05)
    request.close_connection = True
    return True


def hang_up(request):
    request.close_connection = True
    return True


def elsewhere(request):
    request.send_response(302)
    request.send_header("Location", f"http://127.0.0.1:{request.server.server_address[1]}/elsewhere{request.path}")
    request.send_header("Content-Length", "0")
    request.end_headers()
    return True


FAULTS = {
    "401": status(401), "403": status(403), "429": status(429), "500": status(500), "503": status(503),
    "slow": slow, "drip": drip, "hang-up": hang_up, "redirect": elsewhere,
    "html": says(200, b"<html>hello</html>", "text/html"),
    "html-404": says(404, b"<html>no such page</html>", "text/html"),
    "no-schema": says(200, {"hello": "world"}),
    "array": says(200, b"[1, 2]"), "deep": says(200, b"[" * 100000),
    "nul": says(200, {"schema": "\"str\u0000ing\"", "id": 1, "is_compatible": True}),
    "giant": says(200, {"schema": "\"" + "x" * (16 << 20) + "\""}),
    "bad-id": says(200, {"id": 0, "schema": "\"string\""}),
}


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner):
        self.owner, self.open = owner, set()
        super().__init__(("127.0.0.1", owner.port), Handler)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that hangs up is none of ours
            super().handle_error(request, client_address)

    def go_away(self):
        self.shutdown()
        self.server_close()
        for request in list(self.open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


class Server:
    def __init__(self, auth=None, fault=None):
        self.registry, self.auth, self.fault, self.requests = Registry(), auth, fault, []
        self.port, self.http = 0, None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """On the port that it had before, if any."""
        self.http = Listener(self)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        if self.http:
            self.http.go_away()
        self.http = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def obey(server, line):
    verb, _, rest = line.strip().partition(" ")
    match [verb, *rest.split()] if verb != "register" else [verb]:
        case ["register"]:
            return str(server.registry.register(**{{"schema": "text", "schemaType": "kind"}.get(k, k): v for k, v in json.loads(rest).items()}))
        case ["auth", auth]:
            server.auth = auth
        case ["fault", name] if name in FAULTS or name == "none":
            server.fault = None if name == "none" else name
        case ["stop"]:
            server.stop()
        case ["start"]:
            server.start()
        case ["count"]:
            return str(len(server.requests))
        case ["config", subject, level] if level in LEVELS:
            server.registry.levels[subject] = level
        case _:
            return f"cannot do {line.strip()}"
    return "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--auth", help="USER:PASSWORD that requests must have")
    server = Server(parser.parse_args().auth)
    server.start()
    print("ready", server.url, flush=True)
    for line in sys.stdin:
        print(obey(server, line), flush=True)


if __name__ == "__main__":
    main()
