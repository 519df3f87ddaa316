#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`riacho run --registry` against server.py: schemas that only the registry knows, a registry that goes away and comes back, what is
registered and what is refused at the start.

Usage: run_test.py --riacho PROGRAM --root SOURCES
"""

import argparse
import base64
import json
import os
import struct
import sys
import unittest
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "cmd"))

import program  # noqa: E402
from program import Case, Worker  # noqa: E402
from server import Server  # noqa: E402

TOPOLOGY = """apiVersion: riacho/v1
kind: Topology
metadata: {name: pets}
spec:
  streams:
    born: {topic: born, keyType: string, valueType: "avro:Pet"}
    copies: {topic: copies, keyType: string, valueType: "avro:Pet"}
    dead: {topic: dead, keyType: bytes, valueType: bytes}
  stores:
    newest: {type: keyValue, keyType: string, valueType: "avro:Pet"}
  onError:
    deserialize: {action: deadLetter, topic: dead}
    process: {action: retry, attempts: 2, backoff: 10ms, then: deadLetter, topic: dead}
  pipelines:
    keep:
      from: born
      via: [{id: keepNewest, toTable: {}, store: newest}, {id: stream, toStream: {}}]
      to: copies
"""


def pet(*fields):
    return {"type": "record", "name": "shop.Pet", "fields": [{"name": "name", "type": "string"}, *fields]}


AGE = {"name": "age", "type": "int", "default": 0}
COLOUR = {"name": "colour", "type": "string", "default": "white"}


def text(value):
    data = value.encode()
    return bytes([2 * len(data)]) + data


def record(key, schema_id, *body):
    """A line for `topic produce` with bytes as another program would have written them."""
    data = struct.pack(">bi", 0, schema_id) + b"".join(body)
    return json.dumps({"key": key, "valueBytes": base64.b64encode(data).decode()}) + "\n"


class Registry(Case):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.server.start()
        self.addCleanup(self.server.stop)
        os.mkdir(self.path("schemas"))
        self.have(pet(AGE))
        self.topology = self.write("pets.yaml", TOPOLOGY)

    def have(self, schema):
        self.write("schemas/Pet.avsc", json.dumps(schema))

    def start(self, *args):
        return Worker(self.path("data"), "--registry", self.server.url, *args, topology=self.topology)

    def register(self, subject, schema):
        return self.server.registry.register(subject, json.dumps(schema))

    def produce(self, worker, line):
        self.works("topic", "produce", "born", "--url", worker.url, stdin=line)

    def get(self, worker, path):
        with urllib.request.urlopen(worker.url + path, timeout=20) as reply:
            return json.load(reply)

    def ages(self, worker):
        return {line["key"]: line["value"] for line in self.lines("store", "scan", "newest", "--url", worker.url, "--json")}

    def task(self, worker):
        return self.get(worker, "/v1/tasks")["items"][0]

    def state(self, worker):
        return self.task(worker)["state"]

    def letters(self, worker):
        return self.lines("dlq", "ls", "--url", worker.url, "--json")

    # ---- decoding

    def test_a_record_of_a_schema_that_only_the_registry_knows_is_read_by_evolution(self):
        newer = self.register("born-value", pet(AGE, COLOUR))
        with self.start() as worker:
            self.produce(worker, record("mochi", newer, text("Mochi"), b"\x08", text("red")))
            self.eventually(lambda: self.ages(worker), {"mochi": {"name": "Mochi", "age": 4}})
            self.assertEqual(self.letters(worker), [])

    def test_input_pauses_while_the_registry_is_away_and_goes_on_by_itself(self):
        newer = self.register("born-value", pet(AGE, COLOUR))
        with self.start() as worker:
            self.produce(worker, record("known", newer, text("A"), b"\x02", text("red")))
            self.eventually(lambda: self.ages(worker), {"known": {"name": "A", "age": 1}})
            newest = self.register("born-value", pet(AGE, COLOUR, {**COLOUR, "name": "eyes"}))
            self.server.stop()
            self.produce(worker, record("known", newer, text("A"), b"\x04", text("red")))  # an id is for ever
            self.eventually(lambda: self.ages(worker)["known"]["age"], 2)
            self.produce(worker, record("late", newest, text("B"), b"\x06", text("red"), text("blue")))
            self.produce(worker, record("behind", newer, text("C"), b"\x08", text("red")))
            self.eventually(lambda: self.state(worker), "paused")
            self.assertRegex(self.task(worker)["reason"], rf"schema id {newest} cannot be had now: the schema registry {self.server.url}")
            self.assertEqual(self.ages(worker), {"known": {"name": "A", "age": 2}})  # reads go on
            for fault in ["503", "401", "html-404"]:
                self.server.fault = fault
                self.server.start()
                asked = len(self.server.requests)
                self.eventually(lambda before=asked: len(self.server.requests) > before, True, seconds=30)
                self.assertEqual(self.state(worker), "paused")
                self.server.stop()
            self.assertEqual(self.letters(worker), [])
            self.server.fault = None
            self.server.start()
            self.eventually(lambda: sorted(self.ages(worker)), ["behind", "known", "late"], seconds=30)
            self.eventually(lambda: self.state(worker), "running")
            self.assertEqual(self.letters(worker), [])
            self.assertIn('"input paused"', worker.trace())
            self.assertIn('"input resumed"', worker.trace())

    def test_an_id_that_the_registry_does_not_know_is_a_dead_letter(self):
        with self.start() as worker:
            self.produce(worker, record("stray", 77, text("A"), b"\x02"))
            self.eventually(lambda: len(self.letters(worker)), 1)
            self.assertIn("no schema with id 77", json.dumps(self.letters(worker)))

    # ---- the start

    def test_what_is_written_is_registered_and_what_is_read_is_not(self):
        with self.start():
            self.assertEqual(sorted(self.server.registry.subjects), ["copies-value", "pets-newest-changelog-value"])
        with self.start("--name", "again"):  # nothing new the second time
            self.assertEqual([len(ids) for ids in self.server.registry.subjects.values()], [1, 1])

    def test_an_incompatible_schema_ends_the_start_with_65_and_registers_nothing(self):
        self.register("copies-value", {**pet(), "fields": [{"name": "name", "type": "long"}]})
        said = r"schema avro:Pet cannot become version 2 of subject 'copies-value'.*version 1 \(id 1\): TYPE_MISMATCH at /name"
        self.refuses(65, said, "--registry", self.server.url)
        self.assertEqual(list(self.server.registry.subjects), ["copies-value"])

    def refuses(self, exit_code, said, *args):
        """A start that ends at once."""
        self.fails(exit_code, said, "run", self.topology, "--data", self.path("data"), "--listen", "127.0.0.1:0", *args)

    def test_a_first_start_needs_the_registry_and_a_later_one_does_not(self):
        self.server.stop()
        self.refuses(69, "'copies-value' cannot be written.*no registry can be asked", "--registry", self.server.url)
        self.server.start()
        with self.start():
            pass
        self.server.stop()
        with self.start() as worker:
            self.produce(worker, json.dumps({"key": "mochi", "value": {"name": "Mochi", "age": 3}}) + "\n")
            self.eventually(lambda: self.ages(worker), {"mochi": {"name": "Mochi", "age": 3}})
            self.assertIn("its ids are known from another start", worker.trace())

    def test_a_folder_stays_with_the_ids_that_it_began_with(self):
        with Worker(self.path("data"), topology=self.topology):
            pass
        self.refuses(78, "schema ids of its own", "--registry", self.server.url)
        with Worker(self.path("other"), "--registry", self.server.url, topology=self.topology) as worker:
            self.produce(worker, json.dumps({"key": "mochi", "value": {"name": "Mochi", "age": 3}}) + "\n")
            self.eventually(lambda: self.ages(worker), {"mochi": {"name": "Mochi", "age": 3}})
        self.fails(78, "has the schema ids of a registry: name it with --registry", "run", self.topology, "--data", self.path("other"))
        seen = self.lines("topic", "consume", "copies", "--data", self.path("other"), "--topology", self.topology, "--json")
        self.assertEqual([line["value"] for line in seen], [{"name": "Mochi", "age": 3}])  # without a registry: it remembers

    def test_settings_come_from_the_worker_file_and_a_password_from_a_file(self):
        self.server.auth = "mochi:secret"
        auth = self.write("auth", "mochi:secret\n")
        worker_file = self.write("worker.yaml", f"""apiVersion: riacho/v1
kind: Worker
metadata: {{name: one}}
spec:
  registry: {{url: "{self.server.url}", basicAuthFile: "{auth}"}}
""")
        with Worker(self.path("data"), "--worker", worker_file, topology=self.topology):
            self.assertIn("copies-value", self.server.registry.subjects)
        self.refuses(78, "belong into a file", "--worker", worker_file, "--registry", "http://a:b@c")
        self.refuses(78, "'/nowhere': No such file", "--worker", worker_file, "--registry-auth", "/nowhere")
        self.assertIn("registry.url = " + self.server.url, self.works("config", "explain", "registry.url", RIACHO_REGISTRY=self.server.url))

    # ---- riacho schema

    def test_schemas_are_listed_checked_and_pushed(self):
        def verb(*args):
            return ["schema", *args, "--registry", self.server.url]
        schemas = ["--schemas", self.path("schemas")]
        self.assertEqual(self.works(*verb("check", "born-value", "avro:Pet"), *schemas), "born-value takes it\n")
        self.assertEqual(self.works(*verb("push", "born-value", "avro:Pet"), *schemas), "born-value now has version 1, id 1\n")
        self.assertEqual(self.works(*verb("push", "born-value", "avro:Pet"), *schemas), "born-value is version 1, id 1\n")
        self.assertRegex(self.works(*verb("ls")), r"born-value +1 +1\n")
        self.assertEqual(self.lines(*verb("ls"), "--json")[0]["version"], 1)
        self.have({**pet(), "fields": [{"name": "name", "type": "long"}]})
        self.fails(65, "avro:Pet does not fit the newest version of 'born-value': TYPE_MISMATCH", *verb("push", "born-value", "avro:Pet"), *schemas)
        self.fails(65, "'string' is not an avro: type", *verb("check", "born-key", "string"), *schemas)
        self.fails(2, "which registry", "schema", "ls")
        self.server.stop()
        self.fails(69, "the schema registry .*: Failed to connect", *verb("ls"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--riacho", required=True)
    parser.add_argument("--root", required=True)
    known, rest = parser.parse_known_args()
    program.RIACHO, program.ROOT = os.path.abspath(known.riacho), os.path.abspath(known.root)
    unittest.main(argv=[sys.argv[0], *rest])
