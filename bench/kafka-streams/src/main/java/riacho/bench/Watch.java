/* SPDX-License-Identifier: MIT
 *
 * Watch.java - remembers when results arrived, by the time of the events that they are of. The
 * timestamp of a sum is that of the newest event in it, so a result that is newer than the end of
 * an engine cannot be that engine's.
 */
package riacho.bench;

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

final class Watch implements AutoCloseable {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Thread thread;
    private volatile boolean stopping;
    private volatile long afterMs = Long.MAX_VALUE, firstNanos;

    Watch(String bootstrap, Map<TopicPartition, Long> from) {
        consumer = Check.consumer(bootstrap);
        consumer.assign(from.keySet());
        from.forEach(consumer::seek);
        thread = new Thread(this::look, "watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void look() {
        while (!stopping) {
            try {
                for (ConsumerRecord<byte[], byte[]> each : consumer.poll(Duration.ofMillis(100)))
                    note(each.timestamp());
            } catch (WakeupException woken) {
                continue;
            }
        }
        consumer.close();
    }

    private synchronized void note(long timestamp) {
        if (timestamp > afterMs && firstNanos == 0) {
            firstNanos = System.nanoTime();
            notifyAll();
        }
    }

    /* The arrival of the first result of an event that is younger than after_ms (CLOCK_REALTIME).
     * Asked before that event can have been handled. */
    synchronized String firstAfter(long after, long limitMs) throws InterruptedException {
        long until = System.nanoTime() + limitMs * 1_000_000;
        firstNanos = 0;
        afterMs = after;
        while (firstNanos == 0) {
            long left = (until - System.nanoTime()) / 1_000_000;
            if (left <= 0)
                throw new IllegalStateException("no result within " + limitMs + " ms");
            wait(left);
        }
        afterMs = Long.MAX_VALUE;
        return "{\"nanos\":" + firstNanos + "}";
    }

    @Override
    public void close() {
        stopping = true;
        consumer.wakeup();
        try {
            thread.join();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
