# SPDX-License-Identifier: MIT
"""The broker that both sides use: the tests' (tests/kafka/), started for the comparison, or one that runs already."""

import contextlib
import os
import subprocess
import sys

from .agent import Failed, ROOT

HEAP = "2g"  # more than tests need, or the broker would spend the measurement collecting garbage


@contextlib.contextmanager
def found(bootstrap):
    """Yields the address."""
    if bootstrap:
        yield bootstrap
        return
    sys.path.insert(0, os.path.join(ROOT, "tests/kafka"))
    from cluster import Cluster  # only here: with --bootstrap nothing of it is needed
    cluster = Cluster(heap=HEAP)
    try:
        cluster.start()
    except (RuntimeError, subprocess.CalledProcessError) as why:
        cluster.close()
        raise Failed(f"no broker: {why}") from None
    try:
        yield cluster.bootstrap
    finally:
        cluster.close()
