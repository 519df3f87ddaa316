#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# crosscheck.py - our codecs against fastavro, an implementation we share no line with.
#
#   crosscheck.py DRIVER [--schemas N] [--values N] [--seed N]
#
# For each of many seeded random schemas and values:
#   1. fastavro writes, we read, and our JSON is the value;
#   2. we write that JSON, and the bytes are fastavro's;
#   3. we read the bytes with a later version of the schema, and have what fastavro has; where
#      fastavro refuses, we refuse.
# fastavro lives in a virtual environment outside the tree, which is made when it is missing.
import argparse
import base64
import copy
import datetime
import decimal
import io
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import uuid
import venv

FASTAVRO = "1.13.1"
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
NAMED = ("record", "enum", "fixed")


def enter_venv():
    """Goes on inside the environment with the pinned version."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "riacho", "venv-fastavro-" + FASTAVRO)
    python = os.path.join(folder, "bin", "python3")
    ready = os.path.join(folder, "ready")
    if not os.path.exists(ready):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        "fastavro==" + FASTAVRO], check=True)
        open(ready, "w").close()
    if os.path.realpath(sys.prefix) != os.path.realpath(folder):
        os.execv(python, [python] + sys.argv)


class Schemas:
    """Random schemas, as JSON. Every name in one namespace is used once."""

    def __init__(self, rng, space):
        self.rng = rng
        self.space = space
        self.serial = 0
        self.finished = []  # full names that may be mentioned

    def name(self, stem):
        self.serial += 1
        return f"{stem}{self.serial}"

    def decimal(self):
        precision = self.rng.randint(1, 38)
        kind = {"logicalType": "decimal", "precision": precision,
                "scale": self.rng.randint(0, precision)}
        if self.rng.random() < 0.5:
            return {"type": "bytes", **kind}
        return {"type": "fixed", "name": self.name("Amount"), "size": self.rng.randint(16, 19), **kind}

    def leaf(self):
        pick = self.rng.random()
        if pick < 0.7:
            return self.rng.choice(["boolean", "int", "long", "float", "double", "bytes", "string"])
        if pick < 0.76:
            return self.decimal()
        if pick < 0.86:
            over, word = self.rng.choice([("string", "uuid"), ("int", "date"),
                                          ("long", "timestamp-millis"), ("long", "timestamp-micros")])
            return {"type": over, "logicalType": word}
        if pick < 0.94:
            name = self.name("Mood")
            symbols = [f"{name.upper()}_{i}" for i in range(self.rng.randint(1, 9))]
            return {"type": "enum", "name": name, "symbols": symbols}
        return {"type": "fixed", "name": self.name("Hash"), "size": self.rng.randint(1, 20)}

    def any(self, depth, union=True):
        pick = self.rng.random()
        if depth <= 0 or pick < 0.45:
            return self.leaf()
        if pick < 0.58:
            return {"type": "array", "items": self.any(depth - 1)}
        if pick < 0.68:
            return {"type": "map", "values": self.any(depth - 1)}
        if pick < 0.84 and union:
            return self.union(depth)
        if pick < 0.88 and self.finished:
            return self.rng.choice(self.finished)
        return self.record(depth)

    def union(self, depth):
        if self.rng.random() < 0.6:
            pair = ["null", self.any(depth - 1, union=False)]
            return pair if self.rng.random() < 0.7 else pair[::-1]
        branches = {}
        for _ in range(self.rng.randint(2, 5)):
            before = list(self.finished)
            branch = "null" if self.rng.random() < 0.15 else self.any(depth - 1, union=False)
            named = isinstance(branch, dict) and branch["type"] in NAMED
            key = f"{self.space}.{branch['name']}" if named else word_of(branch)
            if key in branches:
                self.finished = before  # what the branch defines goes with it
            branches.setdefault(key, branch)
        return list(branches.values())

    def record(self, depth):
        name = self.name("Thing")
        fields = [{"name": self.name("f"), "type": self.any(depth - 1)}
                  for _ in range(self.rng.randint(1, 6))]
        self.finished.append(f"{self.space}.{name}")
        return {"type": "record", "name": name, "fields": fields}

    def top(self):
        return {**self.record(4), "namespace": self.space}


def word_of(schema):
    return schema if isinstance(schema, str) else schema["type"]


def branch_name(schema):
    """What tells a branch of a union that fastavro has parsed (its names are full)."""
    named = isinstance(schema, dict) and schema["type"] in NAMED
    return schema["name"] if named else word_of(schema)


def definitions(schema):
    """Every dict that defines a record, enum or fixed."""
    if isinstance(schema, list):
        return [d for branch in schema for d in definitions(branch)]
    if not isinstance(schema, dict):
        return []
    parts = [schema.get("items"), schema.get("values")] + [f["type"] for f in schema.get("fields", [])]
    return [schema] * (schema["type"] in NAMED) + [d for part in parts for d in definitions(part)]


class Values:
    """Random values for a schema that fastavro has parsed; a union's value is (branch, value)."""

    def __init__(self, rng, schema):
        self.rng = rng
        self.names = {d["name"]: d for d in definitions(schema)}

    def text(self):
        alphabet = "abc XYZ019\"\\/\n\t\x00\x1f\x7fé\u07ff\u0800\uffff\U00010000\U0010ffff"
        size = self.rng.choice([0, 1, 3, 7, 8, 9, 40])
        return "".join(self.rng.choice(alphabet) for _ in range(size))

    def bits(self, size):
        return bytes(self.rng.getrandbits(8) for _ in range(size))

    def whole(self, bits):
        if self.rng.random() < 0.4:
            return self.rng.choice([0, 1, -1, 63, 64, -64, -65, 2 ** (bits - 1) - 1, -2 ** (bits - 1)])
        return self.rng.getrandbits(self.rng.randint(1, bits - 1)) * self.rng.choice([1, -1])

    def real(self, form, size):
        if self.rng.random() < 0.4:
            some = round(self.rng.uniform(-1000, 1000), self.rng.randint(0, 6))
            return struct.unpack(form, struct.pack(form, some))[0]
        if self.rng.random() < 0.3:
            return self.rng.choice([0.0, -0.0, 1.0, -1.5]) if size == 4 else \
                self.rng.choice([0.0, -0.0, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 0.1])
        while True:
            value = struct.unpack(form, self.bits(size))[0]
            if math.isfinite(value):
                return value

    def logical(self, schema):
        kind = schema["logicalType"]
        if kind == "uuid":
            return uuid.UUID(bytes=self.bits(16))
        if kind == "date":
            return (EPOCH + datetime.timedelta(days=self.rng.randint(-700000, 2900000))).date()
        if kind == "decimal":
            number = self.rng.randrange(10 ** self.rng.randint(1, schema["precision"]))
            digits = tuple(int(d) for d in str(number))
            return decimal.Decimal((self.rng.randrange(2) if number else 0, digits, -schema["scale"]))
        step = 1000 if kind == "timestamp-millis" else 1
        micros = self.rng.randint(-60000000000000000, 250000000000000000) // step * step
        return EPOCH + datetime.timedelta(microseconds=micros)

    def any(self, schema):
        schema = self.names.get(schema, schema) if isinstance(schema, str) else schema
        if isinstance(schema, list):
            branch = self.rng.choice(schema)
            if branch == "null":
                return None
            return branch_name(branch), self.any(branch)
        if isinstance(schema, dict) and "logicalType" in schema:
            return self.logical(schema)
        return getattr(self, "some_" + word_of(schema))(schema)

    def some_null(self, _):
        return None

    def some_boolean(self, _):
        return self.rng.random() < 0.5

    def some_int(self, _):
        return self.whole(32)

    def some_long(self, _):
        return self.whole(64)

    def some_float(self, _):
        return self.real("<f", 4)

    def some_double(self, _):
        return self.real("<d", 8)

    def some_bytes(self, _):
        return self.bits(self.rng.choice([0, 1, 2, 3, 4, 70]))

    def some_string(self, _):
        return self.text()

    def some_fixed(self, schema):
        return self.bits(schema["size"])

    def some_enum(self, schema):
        return self.rng.choice(schema["symbols"])

    def some_array(self, schema):
        return [self.any(schema["items"]) for _ in range(self.rng.choice([0, 1, 2, 5]))]

    def some_map(self, schema):
        return {self.text() + str(i): self.any(schema["values"])
                for i in range(self.rng.choice([0, 1, 3]))}

    def some_record(self, schema):
        return {f["name"]: self.any(f["type"]) for f in schema["fields"]}


class Compare:
    """Whether JSON of ours shows a value of fastavro's."""

    def __init__(self, schema):
        self.names = {d["name"]: d for d in definitions(schema)}

    def same(self, ours, value, schema):
        schema = self.names.get(schema, schema) if isinstance(schema, str) else schema
        if isinstance(schema, list):
            return self.same_union(ours, value, schema)
        word = word_of(schema)
        if word == "array":
            return isinstance(ours, list) and len(ours) == len(value) and \
                all(self.same(a, b, schema["items"]) for a, b in zip(ours, value))
        if word == "map":
            return isinstance(ours, dict) and list(ours) == list(value) and \
                all(self.same(ours[k], value[k], schema["values"]) for k in value)
        if word == "record":
            names = [f["name"] for f in schema["fields"]]
            value = value[1] if isinstance(value, tuple) else value
            return isinstance(ours, dict) and list(ours) == names and \
                all(self.same(ours[f["name"]], value[f["name"]], f["type"]) for f in schema["fields"])
        value = value[1] if isinstance(value, tuple) else value
        return self.same_leaf(ours, value, schema, word)

    def same_union(self, ours, value, schema):
        if ours is None or value is None:
            return ours is None and value is None
        if len(schema) == 2 and "null" in schema:
            inner = value[1] if isinstance(value, tuple) else value
            return self.same(ours, inner, [b for b in schema if b != "null"][0])
        if not isinstance(ours, dict) or len(ours) != 1:
            return False
        tag, shown = next(iter(ours.items()))
        branches = [b for b in schema if branch_name(b) == tag]
        if isinstance(value, tuple):
            if value[0] != tag:
                return False
            value = value[1]
        return bool(branches) and (self.same(shown, value, branches[0]) or promoted(shown, value))

    def same_leaf(self, ours, value, schema, word):
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        if word in ("float", "double"):
            if not isinstance(ours, (int, float)):
                return False
            form = "<f" if word == "float" else "<d"
            return struct.pack(form, ours) == struct.pack(form, value)
        if logical == "decimal":
            return isinstance(ours, str) and decimal.Decimal(ours).compare_total(value) == 0 or \
                value == 0 and decimal.Decimal(ours) == 0
        if logical == "date":
            value = (value - EPOCH.date()).days
        elif logical in ("timestamp-millis", "timestamp-micros"):
            value = (value - EPOCH) // datetime.timedelta(microseconds=1)
            value = value // 1000 if logical == "timestamp-millis" else value
        elif logical == "uuid":
            value = str(value)
        elif word in ("bytes", "fixed"):
            value = base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        return type(ours) is type(value) and ours == value


def promoted(ours, value):
    """A later schema's union may hold the written type behind a wider one. We take the type itself,
    as Java does; fastavro the first that can take the value, so its value is a wider one."""
    if isinstance(value, float) and isinstance(ours, (int, float)):
        return float(ours) == value or struct.pack("<f", ours) == struct.pack("<f", value)
    if isinstance(value, bytes) and isinstance(ours, str):
        return ours.encode() == value
    return isinstance(value, str) and ours == base64.b64encode(value.encode()).decode()


class Evolution:
    """A later version of a schema, by changes that Avro has rules for."""

    WIDER = {"int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"],
             "string": ["bytes"], "bytes": ["string"]}
    ADDED = [("int", 7), ("string", "é"), ("double", 1.5), (["null", "long"], None),
             (["long", "null"], 5), ({"type": "array", "items": "int"}, [1, 2]),
             ({"type": "map", "values": "string"}, {"a": "b"}), ("boolean", True),
             (["string", "int"], "x"), (["int", "string", "null"], 3)]

    def __init__(self, rng):
        self.rng = rng
        self.serial = 0

    def later(self, schema):
        later = copy.deepcopy(schema)
        for definition in definitions(later):
            if definition["type"] == "record":
                definition["fields"] = self.fields(definition["fields"])
            if definition["type"] == "enum" and self.rng.random() < 0.4:
                self.symbols(definition)
        return later

    def symbols(self, enum):
        self.rng.shuffle(enum["symbols"])
        if self.rng.random() < 0.5:
            enum["symbols"].append("NEWER")
        if self.rng.random() < 0.5 and len(enum["symbols"]) > 1:
            enum["symbols"].pop()
        if self.rng.random() < 0.7:
            enum["default"] = enum["symbols"][0]

    def fields(self, fields):
        kept = [f for f in fields if definitions(f["type"]) or self.rng.random() > 0.15]
        kept = kept or fields  # items of an array may not take no bytes
        for field in kept:
            self.field(field)
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            self.serial += 1
            kind, default = self.rng.choice(self.ADDED)
            kept.insert(self.rng.randint(0, len(kept)),
                        {"name": f"added{self.serial}", "type": kind, "default": default})
        if self.rng.random() < 0.3 and not any(definitions(f["type"]) for f in kept):
            self.rng.shuffle(kept)
        return kept

    def field(self, field):
        kind = field["type"]
        pick = self.rng.random()
        if pick < 0.2 and isinstance(kind, str) and kind in self.WIDER:
            field["type"] = self.rng.choice(self.WIDER[kind])
        elif pick < 0.35:
            field["aliases"] = [field["name"]]
            field["name"] += "Renamed"
        elif pick < 0.45 and not isinstance(kind, list):
            field["type"] = ["null", kind]
        elif pick < 0.5 and isinstance(kind, list) and len(kind) == 2 and "null" in kind:
            field["type"] = [b for b in kind if b != "null"][0]
        elif pick < 0.55 and kind in ("int", "string"):
            field["type"] = self.rng.choice([[kind, "double", "bytes"], ["double", "bytes", kind]])


class Driver:
    def __init__(self, program, folder, ids):
        self.process = subprocess.Popen([program, folder, ids], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, verb, word, rest):
        self.process.stdin.write(f"{verb} {word} {rest}\n")
        self.process.stdin.flush()
        verdict, _, answer = self.process.stdout.readline().rstrip("\n").partition(" ")
        return verdict, answer

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def load(text):
    """JSON that keeps the sign of -0."""
    return json.loads(text, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))


class Check:
    def __init__(self, arguments):
        import fastavro
        self.fastavro = fastavro
        self.arguments = arguments
        self.counts = {"read": 0, "written": 0, "evolved": 0, "refused": 0}

    def fail(self, what, **details):
        print(f"seed {self.arguments.seed}: {what}", file=sys.stderr)
        for name, detail in details.items():
            print(f"  {name}: {str(detail)[:2000]}", file=sys.stderr)
        raise SystemExit(1)

    def run(self, program):
        rng = random.Random(self.arguments.seed)
        with tempfile.TemporaryDirectory(prefix="riacho-crosscheck-") as root:
            folder, ids = os.path.join(root, "schemas"), os.path.join(root, "ids")
            os.mkdir(folder)
            cases = [self.make_case(rng, folder, n) for n in range(self.arguments.schemas)]
            driver = Driver(program, folder, ids)
            driver.ask("encode", "long", "1")  # the ids are written once it answers
            with open(ids, encoding="utf-8") as lines:
                headers = {entry["subject"]: struct.pack(">BI", 0, entry["id"])
                           for entry in map(json.loads, lines)}
            for case in cases:
                self.run_case(driver, headers, rng, *case)
            if driver.close() != 0:
                self.fail("the driver did not end well")
        print(f"seed {self.arguments.seed}: {self.arguments.schemas} schemas; {self.counts['read']} "
              f"values read, {self.counts['written']} written, {self.counts['evolved']} read with a "
              f"later schema and {self.counts['refused']} refused, all as fastavro does")

    def make_case(self, rng, folder, number):
        schema = Schemas(rng, f"a{number}").top()
        later = Evolution(rng).later(schema)
        later = json.loads(json.dumps(later).replace(f'"a{number}"', f'"b{number}"')
                           .replace(f'"a{number}.', f'"b{number}.'))
        for name, text in ((f"A{number}", schema), (f"B{number}", later)):
            with open(os.path.join(folder, name + ".avsc"), "w", encoding="utf-8") as file:
                json.dump(text, file)
        parse = self.fastavro.parse_schema
        return number, parse(schema), parse(later)

    def run_case(self, driver, headers, rng, number, schema, later):
        values, compare = Values(rng, schema), Compare(schema)
        header = headers[schema["name"]]
        for _ in range(self.arguments.values):
            value = values.any(schema)
            out = io.BytesIO()
            self.fastavro.schemaless_writer(out, schema, value)
            payload = out.getvalue()
            self.check_both_ways(driver, f"avro:A{number}", header + payload, schema, compare, value)
            self.check_later(driver, f"avro:B{number}", header, payload, schema, later)

    def check_both_ways(self, driver, word, record, schema, compare, value):
        verdict, shown = driver.ask("decode", word, record.hex())
        if verdict != "ok" or not compare.same(load(shown), value, schema):
            self.fail("we read something else", schema=json.dumps(schema), bytes=record.hex(),
                      expected=value, got=f"{verdict} {shown}")
        self.counts["read"] += 1
        verdict, written = driver.ask("encode", word, shown)
        if verdict != "ok" or bytes.fromhex(written) != record:
            self.fail("we write something else", schema=json.dumps(schema), json=shown,
                      expected=record.hex(), got=f"{verdict} {written}")
        self.counts["written"] += 1

    def check_later(self, driver, word, header, payload, schema, later):
        verdict, shown = driver.ask("decode", word, (header + payload).hex())
        try:
            theirs = self.fastavro.schemaless_reader(io.BytesIO(payload), schema, later,
                                                     return_record_name=True,
                                                     return_named_type=True)
        except Exception as cause:  # whatever it raises, it does not read this
            if verdict == "ok" and isinstance(cause, UnicodeDecodeError):
                return  # bytes that it took for the string of a union, see promoted()
            if verdict == "ok":
                self.fail("fastavro refuses what we read", writer=json.dumps(schema),
                          reader=json.dumps(later), cause=repr(cause), got=shown)
            self.counts["refused"] += 1
            return
        if verdict != "ok" or not Compare(later).same(load(shown), theirs, later):
            self.fail("we read something else with the later schema", writer=json.dumps(schema),
                      reader=json.dumps(later), bytes=payload.hex(), expected=theirs,
                      got=f"{verdict} {shown}")
        self.counts["evolved"] += 1


def main():
    enter_venv()
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--schemas", type=int, default=300)
    parser.add_argument("--values", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    Check(arguments).run(arguments.driver)


if __name__ == "__main__":
    main()
