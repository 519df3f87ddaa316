#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The proxy in front of a real broker: that it is a network when nobody asks for more, and what each fault does to a client.

Usage: proxy_test.py --send PROGRAM --look PROGRAM      (fault_send and fault_look of the build)
"""

import argparse
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from cluster import Cluster
from proxy import APIS, Proxy, Rule

WAIT_SECONDS = 30


def ask(connection, api, version, number, body=b""):
    request = struct.pack(">hhih", api, version, number, -1) + body
    connection.sendall(struct.pack(">i", len(request)) + request)


def ask_metadata(connection, number):
    ask(connection, APIS["Metadata"], 1, number, struct.pack(">i", 0))


def ask_versions(connection, number):
    """What no rule of these tests is about."""
    ask(connection, 18, 0, number)


def ask_for_topic(connection, number, name):
    """CreateTopics: its effect is seen from outside, and no rule is about it."""
    topic = struct.pack(">h", len(name)) + name.encode() + struct.pack(">ihii", 1, 1, 0, 0)
    ask(connection, 19, 2, number, struct.pack(">i", 1) + topic + struct.pack(">ib", WAIT_SECONDS * 1000, 0))


def answer(connection):
    """The number of the request that was answered, or None when the connection ended."""
    try:
        head = connection.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            return None
        size, number = struct.unpack(">ii", head)
        connection.recv(size - 4, socket.MSG_WAITALL)
        return number
    except ConnectionResetError:
        return None


class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = cls.enterClassContext(Cluster(proxied=True))
        cls.proxy = cls.enterClassContext(Proxy(cls.kafka))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.kafka.brokers[0].ports["OUTSIDE"]), timeout=WAIT_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def look(self, *words):
        shown = subprocess.run([LOOK, self.kafka.bootstrap, *words], capture_output=True, text=True, check=True, timeout=WAIT_SECONDS)
        return [line.split() for line in shown.stdout.splitlines()]

    def topics(self):
        return [words[0] for words in self.look("topics")]

    def wait_for(self, condition, what):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def test_without_a_rule_requests_and_answers_pass_in_order(self):
        connection = self.connect()
        for number in range(5):
            ask_metadata(connection, number)
        self.assertEqual([answer(connection) for _ in range(5)], [0, 1, 2, 3, 4])

    def test_a_delay_holds_the_request_and_those_behind_it(self):
        connection = self.connect()
        self.proxy.add(Rule("Metadata", "delay", seconds=0.5))
        ask_versions(connection, 6)
        self.assertEqual(answer(connection), 6)
        began = time.monotonic()
        ask_metadata(connection, 7)
        ask_versions(connection, 8)
        self.assertEqual([answer(connection), answer(connection)], [7, 8])
        self.assertGreaterEqual(time.monotonic() - began, 0.5)

    def test_a_delayed_request_arrives_though_its_client_has_hung_up(self):
        connection = self.connect()
        self.proxy.add(Rule("Metadata", "delay", seconds=1))
        ask_metadata(connection, 1)
        ask_for_topic(connection, 2, "late")
        connection.close()
        self.assertNotIn("late", self.topics())
        self.wait_for(lambda: "late" in self.topics(), "it never arrived")

    def test_a_cut_breaks_the_connection_once(self):
        connection, other = self.connect(), self.connect()
        self.proxy.add(Rule("Metadata", "cut"))
        ask_metadata(connection, 1)
        self.assertIsNone(answer(connection))
        ask_metadata(other, 2)
        self.assertEqual(answer(other), 2)

    def test_a_lost_answer_breaks_the_connection_behind_the_answers_before_it(self):
        connection = self.connect()
        self.proxy.add(Rule("Metadata", "lose"))
        ask_versions(connection, 2)
        ask_metadata(connection, 3)
        self.assertEqual(answer(connection), 2)
        self.assertIsNone(answer(connection))

    def test_a_mute_connection_stays_open_without_an_answer(self):
        connection = self.connect()
        self.proxy.add(Rule("Metadata", "mute", seconds=0.5))
        began = time.monotonic()
        ask_metadata(connection, 1)
        self.assertIsNone(answer(connection))
        self.assertGreaterEqual(time.monotonic() - began, 0.5)

    def test_a_half_closed_connection_says_the_end_and_still_takes_requests(self):
        connection = self.connect()
        self.proxy.add(Rule("Metadata", "half"))
        ask_metadata(connection, 1)
        self.assertIsNone(answer(connection))
        ask_for_topic(connection, 2, "half")
        self.wait_for(lambda: "half" in self.topics(), "the request did not arrive")

    def test_what_an_idempotent_producer_has_acknowledged_through_all_of_it_is_there_once(self):
        connection = self.connect()
        ask_for_topic(connection, 1, "ledger")
        self.assertEqual(answer(connection), 1)
        before = sum(self.proxy.applied.values())
        with tempfile.TemporaryDirectory() as folder:
            ledger = os.path.join(folder, "ledger")
            with subprocess.Popen([SEND, self.kafka.bootstrap_of("OUTSIDE"), "ledger", "1", "7", "2000", ledger],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as send:
                for number, action in enumerate(["lose", "cut", "delay", "half", "mute", "lose"], before + 1):
                    self.proxy.add(Rule("Produce", action, seconds=0.2))
                    self.wait_for(lambda seen=number: sum(self.proxy.applied.values()) == seen, f"no Produce for {action}")
                acknowledged = int(send.communicate(timeout=WAIT_SECONDS)[0])
            self.assertEqual(send.returncode, 0)
            with open(ledger, encoding="ascii") as lines:
                noted = sorted(tuple(line.split()[:2]) for line in lines)
        found = sorted(tuple(words[:2]) for words in self.look("records", "ledger", "read_committed"))
        self.assertEqual(len(noted), acknowledged)
        self.assertGreater(acknowledged, 0)
        self.assertEqual(noted, found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--send", required=True)
    parser.add_argument("--look", required=True)
    known, rest = parser.parse_known_args()
    SEND, LOOK = known.send, known.look
    unittest.main(argv=[sys.argv[0], *rest])
