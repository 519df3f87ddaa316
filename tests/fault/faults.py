# SPDX-License-Identifier: MIT
"""The faults of a campaign. Each is a function of a campaign: it does something now, may plan what follows (`run.after`), and says in a
few words what it was; None when nobody is there to have it."""

import os
import shutil
import subprocess

from group import SESSION_SECONDS, Worker
from proxy import Rule

SITES = ["record", "begun", "sentSome", "beforePositions", "afterPositions", "committing", "committed", "stateSome", "afterCommit", "restoring",
         "checkpoint", "promotion", "revoking", "init"]
# What a request of a worker may suffer; those of transactions and of membership more often than the rest.
REQUESTS = ["EndTxn"] * 4 + ["TxnOffsetCommit"] * 3 + ["AddPartitionsToTxn"] * 3 + ["Produce"] * 3 + \
           ["InitProducerId", "AddOffsetsToTxn", "Heartbeat", "JoinGroup", "SyncGroup", "FindCoordinator", "OffsetFetch", "Fetch", "ListOffsets", "Metadata"]
DISK_BYTES = 96 << 20


def pause_before_restart(run):
    """Most are back at once; some stay away until others have their tasks."""
    return run.chance.uniform(0, 0.3) if run.chance.random() < 0.7 else run.chance.uniform(SESSION_SECONDS, SESSION_SECONDS + 2)


def kill(run):
    worker = run.pick()
    if not worker:
        return None
    worker.kill()
    pause = pause_before_restart(run)
    run.restart_after(pause, worker)
    return f"{worker.name} killed, back after {pause:.1f} s"


def site(run):
    """Killed, and started again with a crash point that ends it later; the campaign sees that and starts it once more."""
    worker = run.pick()
    if not worker:
        return None
    worker.kill()
    point = f"{run.next_site()}:{run.chance.choice([1, 1, 2, 3, 5])}"
    run.restart_after(run.chance.uniform(0, 0.2), worker, point)
    return f"{worker.name} killed, to end at {point}"


def zombie(run):
    """Stopped without knowing it, for shorter than a session, past it, or past the end of its transaction too."""
    worker = run.pick()
    if not worker:
        return None
    reach = run.chance.choice(["short", "session", "session", "transaction", "transaction"])
    seconds = {"short": run.chance.uniform(0.3, SESSION_SECONDS - 0.5), "session": SESSION_SECONDS + run.chance.uniform(0.3, 1),
               "transaction": run.group.transaction_seconds + run.chance.uniform(1.5, 4)}[reach]
    worker.freeze()
    run.after(seconds, worker.thaw)
    if reach != "short":
        run.counts["zombie past its " + reach] += 1
    return f"{worker.name} stopped for {seconds:.1f} s"


def broker(run):
    one = run.chance.choice(run.kafka.brokers)
    if run.chance.random() < 0.5:
        one.kill()
        run.counts["broker killed"] += 1
        words = "killed"
    else:
        one.stop()
        run.counts["broker stopped"] += 1
        words = "stopped"
    one.restart()
    return f"broker {one.number} {words} and started"


def proxy(run):
    api = run.chance.choice(REQUESTS)
    action = run.chance.choice(["delay", "delay", "delay", "cut", "lose", "lose", "mute", "half"])
    seconds = run.chance.uniform(0.2, 2)
    if api == "EndTxn" and action == "delay":  # past the client's patience, up to half a minute
        seconds = run.chance.choice([run.chance.uniform(1, 6), run.chance.uniform(1, 6), run.chance.uniform(6, 30)])
    count = run.chance.choice([1, 1, 1, 2, 5])
    run.proxy.add(Rule(api, action, seconds, count))
    return f"{count} {api}: {action} {seconds:.1f} s"


def storm(run):
    """Joins and leaves on top of each other."""
    guest = next((one for one in run.group.guests if not one.running() and run.now() >= one.free_at and not one.damaged), None)
    if guest and run.chance.random() < 0.6:
        seconds = run.chance.uniform(0.5, 3)
        guest.start()
        run.after(seconds, lambda: guest.available(run.now()) and guest.ask_to_stop())
        return f"{guest.name} joins for {seconds:.1f} s"
    worker = run.pick()
    if not worker:
        return None
    worker.ask_to_stop()  # the campaign starts it again when it has ended
    return f"{worker.name} leaves and comes back"


def twin(run):
    """Another process with the same name and a folder of its own: the group has one of them, and either may be shown the door."""
    worker = run.pick()
    if not worker:
        return None
    twin_of = Worker(run.group, worker.name, os.path.join(run.group.folder, f"{worker.name}-twin"))
    seconds = run.chance.uniform(1, 4)
    worker.tolerated = "a twin"
    worker.free_at = run.now() + seconds + SESSION_SECONDS + 0.1
    twin_of.start()
    twin_of.tolerated = "a twin"
    run.strangers.append(twin_of)

    def part():
        twin_of.kill()
        run.strangers.remove(twin_of)
        run.group.ports.append(twin_of.port)
        run.after(SESSION_SECONDS, alone)  # by then the other one knows, if it was shown the door

    def alone():
        worker.tolerated = None
        if not worker.running():
            run.restart_after(0, worker)

    run.after(seconds, part)
    return f"two of {worker.name} for {seconds:.1f} s"


def full(run):
    """The disk under a worker's state has no room for a while. The store may wait, or end its process; it may not lose anything."""
    worker = next((one for one in run.group.workers if one.data.startswith(run.disk or "//") and one.available(run.now())), None)
    if not worker:
        return None
    filler = os.path.join(run.disk, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    seconds = run.chance.uniform(1, 4)
    worker.tolerated = "a full disk"
    worker.free_at = run.now() + seconds

    def free():
        os.remove(filler)
        worker.tolerated = None
        if not worker.running():
            run.restart_after(0, worker)

    run.after(seconds, free)
    return f"no room for {worker.name} for {seconds:.1f} s"


def corrupt(run):
    """Bits of a state file turned over, or a file gone, while the worker is down."""
    worker = run.pick()
    files = worker and worker.state_files()
    if not files:
        return None
    worker.kill()
    path = run.chance.choice(worker.state_files() or files)
    worker.damaged = True
    shown = os.path.relpath(path, worker.data)
    if run.chance.random() < 0.3 or not os.path.getsize(path):
        os.remove(path)
        words = f"{worker.name} lost {shown}"
    else:
        with open(path, "r+b") as file:
            at = run.chance.randrange(os.path.getsize(path))
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ (1 << run.chance.randrange(8))]))
        words = f"{worker.name} has a bit turned at {at} of {shown}"
    run.restart_after(0, worker)
    return words


KINDS = {"kill": (kill, 30), "site": (site, 20), "zombie": (zombie, 6), "broker": (broker, 2), "proxy": (proxy, 20), "storm": (storm, 6),
         "twin": (twin, 2), "full": (full, 2), "corrupt": (corrupt, 2)}


def make_disk(folder):
    """A small filesystem of its own, which only root may mount."""
    os.makedirs(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "riacho-fault", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the faults of kind `full` need a filesystem of their own: {done.stderr.strip()}; run as root, or leave the kind out")


def remove_disk(folder):
    subprocess.run(["umount", "-l", folder], check=False)
    shutil.rmtree(folder, ignore_errors=True)
