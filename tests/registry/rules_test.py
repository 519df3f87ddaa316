#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The server's own test: the rules of compatibility, and what it answers."""

import json
import unittest

import avro_rules
from server import Refused, Registry


def record(*fields, name="R"):
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name, kind, **more):
    return {"name": name, "type": kind, **more}


def enum(*symbols, **more):
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


# what it shows, the reader's schema, the writer's, a word of the reason or None
TABLE = [
    ("int is read as long", "long", "int", None),
    ("long is not read as int", "int", "long", "TYPE_MISMATCH"),
    ("string is read as bytes", "bytes", "string", None),
    ("a new field has a default", record(field("a", "int", default=0)), record(), None),
    ("a new field without one cannot be read", record(field("a", "int")), record(), "MISSING_DEFAULT"),
    ("a field may go", record(), record(field("a", "int")), None),
    ("a field may change its name by an alias", record(field("b", "int", aliases=["a"])), record(field("a", "int")), None),
    ("a record is its name", record(name="A"), record(name="B"), "NAME_MISMATCH"),
    ("an alias of a record counts", {**record(name="A"), "aliases": ["B"]}, record(name="B"), None),
    ("a field's type is looked into", record(field("a", "int")), record(field("a", "string")), "TYPE_MISMATCH at /a"),
    ("an enum may grow", enum("A", "B"), enum("A"), None),
    ("an enum may not shrink", enum("A"), enum("A", "B"), "MISSING_ENUM_SYMBOLS"),
    ("but with a default", enum("A", default="A"), enum("A", "B"), None),
    ("a union takes one of its branches", ["null", "long"], "int", None),
    ("a union takes no other", ["null", "long"], "string", "MISSING_UNION_BRANCH"),
    ("a union is read by a type that reads all branches", "double", ["int", "float"], None),
    ("and not by one that reads some", "long", ["int", "null"], "TYPE_MISMATCH"),
    ("fixed is its size", {"type": "fixed", "name": "F", "size": 4}, {"type": "fixed", "name": "F", "size": 5}, "FIXED_SIZE"),
    ("items are looked into", {"type": "array", "items": "int"}, {"type": "array", "items": "string"}, "/items"),
    ("values are looked into", {"type": "map", "values": "long"}, {"type": "map", "values": "int"}, None),
    ("a list that goes round comes to an end", record(field("next", ["null", "R"])), record(field("next", ["null", "R"])), None),
]


class Rules(unittest.TestCase):
    def test_the_table(self):
        for what, reader, writer, reason in TABLE:
            with self.subTest(what):
                found = "; ".join(avro_rules.reads(reader, writer))
                self.assertIn(reason or "", found)
                self.assertEqual(bool(found), reason is not None, found)

    def test_levels_say_who_reads_whom(self):
        old, new = record(field("a", "int")), record(field("a", "int"), field("b", "int"))
        self.assertTrue(avro_rules.compatible("BACKWARD", new, [old]))
        self.assertEqual(avro_rules.compatible("FORWARD", new, [old]), [])
        self.assertTrue(avro_rules.compatible("FULL", new, [old]))
        self.assertEqual(avro_rules.compatible("NONE", new, [old]), [])
        self.assertEqual(avro_rules.compatible("BACKWARD", old, [new, old]), [])
        self.assertTrue(avro_rules.compatible("FORWARD_TRANSITIVE", old, [new, old]))


class Ids(unittest.TestCase):
    def test_a_schema_has_one_id_under_every_subject(self):
        registry = Registry()
        text = json.dumps(record())
        self.assertEqual(registry.register("a", text), registry.register("b", text.replace(" ", "")))
        self.assertEqual(registry.version("b", "latest")["version"], 1)

    def test_what_does_not_fit_is_refused_with_409(self):
        registry = Registry()
        registry.register("a", '"int"')
        with self.assertRaises(Refused) as caught:
            registry.register("a", '"string"')
        self.assertEqual(caught.exception.status, 409)


if __name__ == "__main__":
    unittest.main()
