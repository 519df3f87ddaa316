# SPDX-License-Identifier: MIT
"""A network that fails on request: a TCP proxy in front of a Cluster, which knows Kafka's requests by their names.

    with Cluster(proxied=True) as kafka, Proxy(kafka) as proxy:
        use(kafka.bootstrap_of("OUTSIDE"))
        proxy.add(Rule("EndTxn", "delay", seconds=5))

A rule takes the next `count` requests of its name on any connection:

    delay   held for so many seconds, with all behind it on that connection; delivered even when the client has hung up meanwhile
    cut     not delivered: the connection breaks instead
    lose    delivered, but the connection breaks instead of the answer
    mute    delivered; nothing more comes back on that connection, which stays open for so many seconds
    half    delivered; the client's side of that connection is told that nothing will follow, while its requests still arrive

Requests and answers are passed on whole and in order. The proxy has a thread of its own; everything here may be called by any.
"""

import asyncio
import collections
import dataclasses
import struct
import threading

APIS = {"Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9, "FindCoordinator": 10, "JoinGroup": 11,
        "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14, "InitProducerId": 22, "AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25,
        "EndTxn": 26, "TxnOffsetCommit": 28}
NAMES = {number: name for name, number in APIS.items()}
ACTIONS = ("delay", "cut", "lose", "mute", "half")
LINGER_SECONDS = 5  # how long the answers to a client that hung up are waited for
BUFFER_BYTES = 1 << 22


@dataclasses.dataclass
class Rule:
    api: str
    action: str
    seconds: float = 0
    count: int = 1

    def __post_init__(self):
        assert self.api in APIS and self.action in ACTIONS, self


async def read_frame(reader):
    """One request or answer with its length; None at the end."""
    try:
        size = await reader.readexactly(4)
        return size + await reader.readexactly(struct.unpack(">i", size)[0])
    except (asyncio.IncompleteReadError, OSError):
        return None


class Connection:
    """One client's, with one of our own to the broker behind it."""

    def __init__(self, proxy, client, broker):
        self.proxy = proxy
        self.from_client, self.to_client = client
        self.from_broker, self.to_broker = broker
        self.unanswered = collections.deque()  # the action on each request that was delivered
        self.silent = False

    async def run(self):
        answers = asyncio.create_task(self.pass_answers())
        try:
            await self.pass_requests()
            if self.unanswered and not answers.done():
                await asyncio.wait([answers], timeout=LINGER_SECONDS)
        finally:
            answers.cancel()
            self.to_client.close()
            self.to_broker.close()

    async def pass_requests(self):
        while frame := await read_frame(self.from_client):
            rule = self.proxy.take(struct.unpack_from(">h", frame, 4)[0])
            action = rule.action if rule else None
            if action == "cut":
                return
            if action == "delay":
                await self.proxy.hold(rule.seconds)
            if action in ("mute", "half"):
                self.silent = True
            self.unanswered.append(action)
            self.to_broker.write(frame)
            try:
                await self.to_broker.drain()
            except OSError:
                return
            if action == "half" and self.to_client.can_write_eof():
                self.to_client.write_eof()
            if action == "mute":
                await self.proxy.hold(rule.seconds)
                return

    async def pass_answers(self):
        while frame := await read_frame(self.from_broker):
            action = self.unanswered.popleft() if self.unanswered else None
            if action == "lose":
                break
            if self.silent or self.to_client.is_closing():
                continue
            try:
                self.to_client.write(frame)
                await self.to_client.drain()
            except OSError:
                self.silent = True  # the client is gone; what it asked for still reaches the broker
        if not self.silent:
            self.to_client.close()  # wakes pass_requests


class Proxy:
    """One listener for each broker of a cluster that was started with proxied=True."""

    def __init__(self, cluster):
        self.routes = [(broker.ports["OUTSIDE"], broker.ports["PROXIED"]) for broker in cluster.brokers]
        self.lock = threading.Lock()
        self.rules = []
        self.applied = collections.Counter()  # (name, action)
        self.held = 0                         # requests and connections that a rule keeps back now
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self.tasks = set()
        self.servers = []

    def add(self, rule):
        with self.lock:
            self.rules.append(dataclasses.replace(rule))

    def clear(self):
        """No rule is left; what is held stays held until its time."""
        with self.lock:
            self.rules.clear()

    def take(self, number):
        """The rule for a request, counted down."""
        name = NAMES.get(number)
        with self.lock:
            for rule in self.rules:
                if rule.api == name:
                    rule.count -= 1
                    if not rule.count:
                        self.rules.remove(rule)
                    self.applied[name, rule.action] += 1
                    return rule
        return None

    async def hold(self, seconds):
        self.held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.held -= 1

    async def serve(self, port, reader, writer):
        self.tasks.add(asyncio.current_task())
        asyncio.current_task().add_done_callback(self.tasks.discard)
        try:
            broker = await asyncio.open_connection("127.0.0.1", port, limit=BUFFER_BYTES)
        except OSError:  # as without a proxy: the broker is down
            writer.close()
            return
        try:
            await Connection(self, (reader, writer), broker).run()
        except asyncio.CancelledError:  # by close(); asyncio's own callback would trace it
            pass

    async def listen(self):
        for outside, inside in self.routes:
            self.servers.append(await asyncio.start_server(lambda r, w, port=inside: self.serve(port, r, w), "127.0.0.1", outside,
                                                           limit=BUFFER_BYTES))

    async def end(self):
        for server in self.servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def __enter__(self):
        self.thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def __exit__(self, *why):
        self.close()
