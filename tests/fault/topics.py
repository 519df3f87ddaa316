# SPDX-License-Identifier: MIT
"""What the brokers hold, read by fault_look; every record is read once in a campaign."""

import subprocess

from oracle import read_record

SECONDS = 120


class Topics:
    def __init__(self, look, bootstrap, partitions):
        self.look, self.bootstrap, self.partitions = look, bootstrap, partitions
        self.next = {}    # topic: [offset]
        self.found = {}   # topic: [Record]

    def ask(self, *words):
        done = subprocess.run([self.look, self.bootstrap, *map(str, words)], capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise RuntimeError(f"fault_look {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def names(self):
        return [line.split()[0] for line in self.ask("topics")]

    def read(self, topic):
        """All committed records so far, partition by partition in their order."""
        partitions = self.partitions.get(topic, 1)
        begin = self.next.setdefault(topic, [0] * partitions)
        records = [read_record(line) for line in self.ask("records", topic, "read_committed", *begin)]
        for record in records:
            begin[record.partition] = record.offset + 1
        self.found.setdefault(topic, []).extend(records)
        return self.found[topic]

    def positions(self, group, topics):
        """[(topic, partition, committed, stable, end)]"""
        return [(words[0], *map(int, words[1:])) for words in (line.split() for line in self.ask("positions", group, *topics))]

    def unread(self, positions):
        """{(topic, partition): records from the committed position on}; each topic whole."""
        found = {}
        for topic in sorted({at[0] for at in positions}):
            begin = [at[2] if at[2] >= 0 else -2 for at in sorted(positions) if at[0] == topic]  # -2: RD_KAFKA_OFFSET_BEGINNING
            for line in self.ask("records", topic, "read_committed", *begin):
                partition = int(line.split()[0])
                found[topic, partition] = found.get((topic, partition), 0) + 1
        return found
