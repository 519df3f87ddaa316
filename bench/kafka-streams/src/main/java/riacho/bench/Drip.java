/* SPDX-License-Identifier: MIT
 *
 * Drip.java - a steady trickle of events with the present time as their timestamp, on a thread of
 * its own: what an engine that stops and starts again has to go on with.
 */
package riacho.bench;

import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

final class Drip implements AutoCloseable {
    private static final int STEP_MS = 10;
    private final KafkaProducer<String, byte[]> producer;
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private long number;

    Drip(String bootstrap, String topic, Events events, int perSecond) {
        Properties to = Preload.common(bootstrap);
        producer = new KafkaProducer<>(to, new StringSerializer(), new ByteArraySerializer());
        int perStep = Math.max(1, perSecond * STEP_MS / 1000);
        clock.scheduleAtFixedRate(() -> {
            long now = System.currentTimeMillis();
            for (int i = 0; i < perStep; i++)
                producer.send(Preload.record(topic, events, number++, now));
        }, 0, STEP_MS, TimeUnit.MILLISECONDS);
    }

    @Override
    public void close() {
        clock.shutdown();
        try {
            clock.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
        producer.close();
    }
}
