#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""That the oracle sees: nothing wrong where nothing is, and each kind of wrong where it is."""

import copy
import unittest

import oracle
from oracle import Entry, Record

LINES = """0 0 event e-1 key-1 user-1 5
0 1 event e-2 key-1 user-2 7
0 2 poison e-3 key-1 user-1 -1
0 3 event e-2 key-1 user-2 7
1 0 event e-4 key-2 user-1 1
1 1 keyless e-5 - user-1 2
1 2 event e-6 key-2 user-1 0
"""


def zigzag(number):
    left, out = (number << 1) ^ (number >> 63), b""
    while left >= 0x80:
        out, left = out + bytes([left & 0x7F | 0x80]), left >> 7
    return out + bytes([left])


def total(count, amount):
    return b"\0\0\0\0\2" + zigzag(count) + zigzag(amount)


def update(key, count, amount, partition=0, offset=0):
    return Record(partition, offset, 0, key.encode(), total(count, amount), {})


def letter(topic, partition, offset):
    headers = {"riacho.error.topic": topic, "riacho.error.partition": str(partition), "riacho.error.offset": str(offset)}
    return Record(0, 0, 0, b"k", b"v", {name: word.encode().hex() for name, word in headers.items()})


RUNNING = [update("key-1", 1, 5), update("key-2", 1, 1), update("key-1", 2, 12), update("key-2", 2, 1)]
USERS = [update("user-1", 1, 1), update("user-1", 2, 6), update("user-2", 1, 7), update("user-1", 3, 8), update("user-1", 4, 8)]
LETTERS = [letter("events", 0, 2)]


class Oracle(unittest.TestCase):
    def setUp(self):
        self.expected = oracle.Expected()
        self.expected.add([oracle.read_entry(line) for line in LINES.splitlines()])

    def test_the_ledger_is_folded_with_repetitions_left_out(self):
        self.assertEqual(self.expected.totals(), {"key-1": (2, 12), "key-2": (2, 1)})
        self.assertEqual(dict(self.expected.users), {"user-1": (4, 8), "user-2": (1, 7)})
        self.assertEqual(self.expected.letters, {(0, 2)})
        self.assertEqual(self.expected.counted, 5)

    def test_what_is_right_has_no_complaints(self):
        self.assertEqual(oracle.check_ledger(self.expected, {0: 4, 1: 3, 2: 0}), [])
        self.assertEqual(oracle.check_running(self.expected, RUNNING), [])
        self.assertEqual(oracle.check_running_users(self.expected, USERS), [])
        self.assertEqual(oracle.check_letters(self.expected, LETTERS, "events"), [])

    def test_an_input_record_that_nobody_acknowledged_is_seen(self):
        self.assertEqual(len(oracle.check_ledger(self.expected, {0: 4, 1: 4})), 1)
        self.expected.add([Entry(1, 4, "event", "e-9", "key-2", "user-1", 1)])
        self.assertEqual(len(oracle.check_ledger(self.expected, {0: 4, 1: 5})), 1)

    def test_wrong_updates_are_seen(self):
        wrong = {
            "a lost one": RUNNING[:2] + RUNNING[3:],
            "the last one lost": RUNNING[:3],
            "a doubled one": [RUNNING[0], *RUNNING],
            "the last one doubled": [*RUNNING, RUNNING[3]],
            "one out of order": [RUNNING[2], *RUNNING[:2], RUNNING[3]],
            "a wrong sum": [update("key-1", 1, 6), *RUNNING[1:]],
            "a key that nobody sent": [*RUNNING, update("key-3", 1, 1)],
            "nothing at all": [],
        }
        for name, records in wrong.items():
            with self.subTest(name):
                self.assertNotEqual(oracle.check_running(self.expected, records), [])

    def test_wrong_updates_of_users_are_seen(self):
        wrong = {
            "a lost one": USERS[1:],
            "the last one lost": USERS[:4],
            "a doubled one": [USERS[0], *USERS],
            "a wrong sum at the end": [*USERS[:4], update("user-1", 4, 9)],
            "a sum that falls": [USERS[0], update("user-1", 2, 10), *USERS[2:]],
            "a user that nobody is": [*USERS, update("user-3", 1, 1)],
        }
        for name, records in wrong.items():
            with self.subTest(name):
                self.assertNotEqual(oracle.check_running_users(self.expected, records), [])

    def test_wrong_dead_letters_are_seen(self):
        for name, records in {"lost": [], "doubled": LETTERS * 2, "another": [letter("events", 0, 3)], "more": [*LETTERS, letter("events", 1, 0)],
                              "without its place": [Record(0, 0, 0, b"k", b"v", {})]}.items():
            with self.subTest(name):
                self.assertNotEqual(oracle.check_letters(self.expected, records, "events"), [])

    def test_state_that_differs_is_seen(self):
        right = self.expected.totals()
        self.assertEqual(oracle.differences("totals", right, dict(right)), [])
        for name, change in {"a lost event": {"key-1": (1, 5)}, "a doubled one": {"key-1": (3, 19)}, "a key more": {"key-9": (1, 1)}}.items():
            with self.subTest(name):
                self.assertEqual(len(oracle.differences("totals", right, {**right, **change})), 1)
        self.assertEqual(len(oracle.differences("totals", right, {"key-1": right["key-1"]})), 1)

    def test_a_changelog_is_folded_to_its_last_values(self):
        stamp = b"\0" * 8
        records = [Record(0, 0, 0, b"a", stamp + total(1, 1), {}), Record(0, 1, 0, b"b", stamp + total(1, 9), {}),
                   Record(0, 2, 0, b"a", stamp + total(2, 3), {}), Record(0, 3, 0, b"b", None, {})]
        self.assertEqual(oracle.totals_of_changelog(oracle.fold_changelog(records)), {"a": (2, 3)})

    def test_wrong_positions_are_seen(self):
        for committed, stable, end, unread, count in [(10, 11, 11, 0, 0), (11, 11, 11, 0, 0), (9, 11, 11, 1, 1), (12, 11, 11, 0, 1), (10, 10, 11, 0, 1)]:
            with self.subTest((committed, stable, end)):
                self.assertEqual(len(oracle.check_positions([("events", 0, committed, stable, end)], {("events", 0): unread})), count)
        self.assertEqual(oracle.check_positions([("events", 1, -1, 0, 0)], {}), [])

    def test_folders_that_were_replaced_or_moved_are_seen(self):
        before = {"w1": {"g0/0_1": 5}}
        self.assertEqual(oracle.check_folders(before, {"w1": {"g0/0_1": 5, "g0/0_2": 6}}), [])
        for name, now in {"gone": {"w1": {}}, "new": {"w1": {"g0/0_1": 7}}, "aside": {"w1": {"g0/0_1": 5, "g0/0_2.damaged-1": 8}}}.items():
            with self.subTest(name):
                self.assertEqual(len(oracle.check_folders(copy.deepcopy(before), now)), 1)

    def test_lines_are_read_with_absent_and_empty_bytes_apart(self):
        self.assertEqual(oracle.read_record("3 14 1000 6b . a=62 b=-"), Record(3, 14, 1000, b"k", b"", {"a": "62", "b": "-"}))
        self.assertIsNone(oracle.read_record("3 14 1000 - -").value)

    def test_many_complaints_are_cut(self):
        self.assertEqual(len(oracle.differences("x", {i: 1 for i in range(100)}, {})), oracle.SHOWN_MAX + 1)


if __name__ == "__main__":
    unittest.main()
