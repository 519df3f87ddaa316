#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The brokers that other tests rely on: that they keep what they should, and leave nothing behind."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import unittest

from cluster import HERE, Cluster, brokers_alive

BROKER = os.path.join(HERE, "broker")
WAIT_SECONDS = 60


def tool(kafka, name, *args, text=""):
    """One of Kafka's own tools; what it printed."""
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", kafka.jars, f"org.apache.kafka.tools.{name}", "--bootstrap-server", kafka.bootstrap,
                           *args], input=text, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stdout}{done.stderr}")
    return done.stdout


def start(*args, **popen):
    """`broker start`; the process and the words of its ready line."""
    process = subprocess.Popen([sys.executable, BROKER, "start", *args], stdout=subprocess.PIPE, text=True, **popen)
    return process, dict(word.split("=", 1) for word in process.stdout.readline().split()[1:])


class Clusters(unittest.TestCase):
    def assert_gone(self, words):
        for pid in words["pid"].split(","):
            try:
                gone = select.select([os.pidfd_open(int(pid))], [], [], WAIT_SECONDS)[0]
            except ProcessLookupError:
                gone = True
            self.assertTrue(gone, f"{pid} is still there")
        self.assertEqual(brokers_alive(int(words["bootstrap"].split(":")[1])), 0)

    def test_a_killed_broker_has_what_it_acknowledged_at_the_same_address(self):
        with Cluster() as kafka:
            tool(kafka, "TopicCommand", "--create", "--topic", "kept")
            tool(kafka, "ConsoleProducer", "--topic", "kept", "--producer-property", "acks=all", text="one\ntwo\n")
            before, pid = kafka.bootstrap, kafka.brokers[0].pid
            kafka.brokers[0].kill()
            self.assertEqual(brokers_alive(kafka.brokers[0].ports["PLAINTEXT"]), 0)
            kafka.brokers[0].restart()
            self.assertEqual(kafka.bootstrap, before)
            self.assertNotEqual(kafka.brokers[0].pid, pid)
            seen = tool(kafka, "consumer.ConsoleConsumer", "--topic", "kept", "--from-beginning", "--max-messages", "2")
            self.assertEqual(seen.split("\n")[:2], ["one", "two"])

    def test_three_brokers_know_each_other_and_two_go_on_without_the_third(self):
        with Cluster(brokers=3) as kafka:
            self.assertEqual([brokers_alive(broker.ports["PLAINTEXT"]) for broker in kafka.brokers], [3, 3, 3])
            tool(kafka, "TopicCommand", "--create", "--topic", "kept")
            kafka.brokers[0].kill()
            tool(kafka, "ConsoleProducer", "--topic", "kept", "--producer-property", "acks=all", text="one\n")
            kafka.brokers[0].restart()
            self.assertEqual(brokers_alive(kafka.brokers[0].ports["PLAINTEXT"]), 3)

    def test_a_folder_of_ones_own_is_kept_and_started_again(self):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
            first, words = start("--folder", folder, stdin=subprocess.DEVNULL)
            first.send_signal(signal.SIGTERM)
            self.assertEqual(first.wait(WAIT_SECONDS), 0)
            self.assert_gone(words)
            second, again = start("--folder", folder, stdin=subprocess.DEVNULL)
            self.assertEqual(again["bootstrap"], words["bootstrap"])
            second.send_signal(signal.SIGINT)
            self.assertEqual(second.wait(WAIT_SECONDS), 0)
            first.stdout.close()
            second.stdout.close()

    def test_nothing_is_left_when_the_input_ends(self):
        process, words = start(stdin=subprocess.PIPE)
        process.stdin.close()
        self.assertEqual(process.wait(WAIT_SECONDS), 0)
        process.stdout.close()
        self.assert_gone(words)
        self.assertFalse(os.path.exists(words["folder"]))

    def test_nothing_is_left_when_the_owner_is_killed(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "words")
            # The shell is the owner: it starts the broker in the background and stays until it is killed.
            owner = subprocess.Popen(["sh", "-c", '"$0" "$1" up "$2"; echo up; read -r never', sys.executable, BROKER, file],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.assertTrue(owner.stdout.readline().startswith("ready "))
            with open(file, encoding="utf-8") as text:
                words = dict(line.rstrip("\n").split("=", 1) for line in text)
            supervisor = os.pidfd_open(int(words["supervisor"]))
            owner.kill()
            owner.communicate()
            self.assertTrue(select.select([supervisor], [], [], WAIT_SECONDS)[0])
            self.assert_gone(words)
            self.assertFalse(os.path.exists(words["folder"]))

    def test_a_broker_that_cannot_start_says_why(self):
        with self.assertRaisesRegex(RuntimeError, r"(?s)could not be formatted.*num\.network\.threads"):
            Cluster(settings={"num.network.threads": "0"}).__enter__()


if __name__ == "__main__":
    unittest.main()
