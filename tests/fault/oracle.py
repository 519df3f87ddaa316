# SPDX-License-Identifier: MIT
"""What must be true once everything is quiet: folded from the ledger by the plainest code there is, and compared.

Everything here is a function of what it is given; oracle_test.py shows that each kind of wrong is seen. A comparison gives back
complaints, a list of sentences that is empty when all is well.
"""

import collections

SHOWN_MAX = 5  # complaints of one kind
LAYOUT_TIMESTAMP_BYTES = 8  # in front of each value of a keyValue store (state/keyvalue.h)
HEADER_BYTES = 5  # Confluent's, in front of Avro


def some(complaints):
    rest = len(complaints) - SHOWN_MAX
    return complaints[:SHOWN_MAX] + ([f"and {rest} more of these"] if rest > 0 else [])


def differences(what, expected, found):
    """Of two dicts."""
    return some([f"{what} {key}: expected {expected.get(key, 'nothing')}, found {found.get(key, 'nothing')}"
                 for key in sorted(expected.keys() | found.keys(), key=str) if expected.get(key) != found.get(key)])


# ---- bytes ----


def read_long(data, at):
    """Avro's zigzag number; the number and what is behind it."""
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), at


def read_total(data):
    """A Total of schemas/total.avsc behind Confluent's header: (count, sum)."""
    count, at = read_long(data, HEADER_BYTES)
    total, at = read_long(data, at)
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes behind a total")
    return count, total


Record = collections.namedtuple("Record", "partition offset timestamp key value headers")


def read_record(line):
    """A line of `fault_look records`."""
    words = line.split(" ")
    key, value = (None if word == "-" else b"" if word == "." else bytes.fromhex(word) for word in words[3:5])
    headers = dict(word.split("=", 1) for word in words[5:])
    return Record(int(words[0]), int(words[1]), int(words[2]), key, value, headers)


# ---- what must be ----

Entry = collections.namedtuple("Entry", "partition offset kind id key user amount")


def read_entry(line):
    """A line of the ledger (send.c)."""
    partition, offset, kind, event, key, user, amount = line.split()
    return Entry(int(partition), int(offset), kind, event, None if key == "-" else key, user, int(amount))


class Expected:
    """Folded from the ledger: entries of a partition in the order of their offsets."""

    def __init__(self):
        self.seen = set()                              # (partition, id): each task remembers its own
        self.next = collections.Counter()              # partition: the offset that must come next
        self.gaps = []
        self.running = collections.defaultdict(list)   # key: every (count, sum) in its order
        self.users = collections.defaultdict(lambda: (0, 0))
        self.letters = set()                           # (partition, offset)
        self.counted = 0                               # events that count, repetitions left out

    def add(self, entries):
        for entry in sorted(entries, key=lambda entry: (entry.partition, entry.offset)):
            if entry.offset != self.next[entry.partition]:
                self.gaps.append(f"the ledger has offset {entry.offset} of partition {entry.partition} where {self.next[entry.partition]} comes")
            self.next[entry.partition] = entry.offset + 1
            self.take(entry)

    def take(self, entry):
        if entry.kind == "poison":
            self.letters.add((entry.partition, entry.offset))
            return
        if (entry.partition, entry.id) in self.seen:
            return
        self.seen.add((entry.partition, entry.id))
        self.counted += 1
        count, total = self.users[entry.user]
        self.users[entry.user] = (count + 1, total + entry.amount)
        if entry.key is not None:
            count, total = self.running[entry.key][-1] if self.running[entry.key] else (0, 0)
            self.running[entry.key].append((count + 1, total + entry.amount))

    def totals(self):
        return {key: steps[-1] for key, steps in self.running.items() if steps}

    def board(self):
        return {user: total for user, (_, total) in self.users.items()}


# ---- comparisons ----


def check_ledger(expected, ends):
    """The input topic holds what was acknowledged and nothing else; ends: {partition: end}."""
    return some(expected.gaps) + differences("records of partition", {p: n for p, n in expected.next.items() if n}, {p: n for p, n in ends.items() if n})


def updates(records):
    """{key: [(count, sum), ...]} of an output topic in the order of its partitions."""
    found = collections.defaultdict(list)
    for record in records:
        found[record.key.decode()].append(read_total(record.value))
    return found


def check_running(expected, records):
    """Every update of every key once, in order."""
    found = updates(records)
    complaints = []
    for key in sorted(expected.running.keys() | found.keys()):
        wanted, got = expected.running.get(key, []), found.get(key, [])
        if wanted != got:
            at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
            complaints.append(f"running {key}: update {at + 1} of {len(wanted)} is {got[at] if at < len(got) else 'missing'}, "
                              f"expected {wanted[at] if at < len(wanted) else 'none'} ({len(got)} found)")
    return some(complaints)


def check_running_users(expected, records):
    """A user's events come from several partitions in no certain order: counts are 1..n, sums never fall, the last one is right."""
    found = updates(records)
    complaints = []
    for user in sorted(expected.users.keys() | found.keys()):
        count, total = expected.users.get(user, (0, 0))
        got = found.get(user, [])
        if [step[0] for step in got] != list(range(1, count + 1)):
            counts = [step[0] for step in got]
            at = next((i for i, n in enumerate(counts) if n != i + 1), len(counts))
            complaints.append(f"running {user}: update {at + 1} of {count} counts {counts[at] if at < len(counts) else 'nothing'} ({len(got)} found)")
        elif got and (got[-1][1] != total or any(a[1] > b[1] for a, b in zip(got, got[1:]))):
            complaints.append(f"running {user}: sums end at {got[-1][1]}, expected {total}")
    return some(complaints)


def check_letters(expected, records, topic):
    """Each poisoned record is a dead letter once, and nothing else is."""
    found = collections.Counter()
    for record in records:
        where = {name: bytes.fromhex(record.headers.get(f"riacho.error.{name}", "").strip("-.")).decode() for name in ("topic", "partition", "offset")}
        found[(where["topic"], where["partition"], where["offset"])] += 1
    wanted = {(topic, str(partition), str(offset)): 1 for partition, offset in expected.letters}
    return differences("dead letters of", wanted, found)


def fold_changelog(records):
    """{key: value} of a changelog: the last record of each key, without those that were deleted."""
    found = {}
    for record in records:
        found[record.key] = record.value
    return {key: value for key, value in found.items() if value is not None}


def totals_of_changelog(folded):
    """A keyValue store of Totals, as its bytes are kept."""
    return {key.decode(): read_total(value[LAYOUT_TIMESTAMP_BYTES:]) for key, value in folded.items()}


def check_positions(positions, unread):
    """positions: [(topic, partition, committed, stable, end)]; unread: {(topic, partition): records from the committed position on}."""
    complaints = []
    for topic, partition, committed, stable, end in positions:
        if unread.get((topic, partition)):
            complaints.append(f"{topic}/{partition}: {unread[topic, partition]} records behind the committed position {committed}")
        if committed > end:
            complaints.append(f"{topic}/{partition}: committed {committed}, behind the end {end}")
        if stable != end:
            complaints.append(f"{topic}/{partition}: a transaction is open at {stable}, the end is {end}")
    return some(complaints)


def check_folders(before, now):
    """{worker: {path: inode}}: what was there is there, and nothing was moved aside; a path with a new inode is another folder."""
    complaints = []
    for worker, folders in before.items():
        for path, inode in folders.items():
            if now.get(worker, {}).get(path) != inode:
                complaints.append(f"{worker}: the state folder {path} is not the one that was there")
    for worker, folders in now.items():
        complaints += [f"{worker}: state was moved aside: {path}" for path in folders if ".damaged-" in path]
    return some(complaints)
