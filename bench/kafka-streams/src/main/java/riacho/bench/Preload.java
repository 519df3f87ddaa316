/* SPDX-License-Identifier: MIT
 *
 * Preload.java - fills a topic within one transaction. What an engine may read begins to exist with
 * `release`: the whole input at one instant, however long the loading took.
 */
package riacho.bench;

import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;

final class Preload implements AutoCloseable {
    private final KafkaProducer<String, byte[]> producer;

    Preload(String bootstrap) {
        Properties to = common(bootstrap);
        to.put("transactional.id", "bench-preload-" + UUID.randomUUID());
        to.put("transaction.timeout.ms", "600000");
        to.put("batch.size", "262144");
        to.put("linger.ms", "20");
        to.put("buffer.memory", "67108864");
        producer = new KafkaProducer<>(to, new StringSerializer(), new ByteArraySerializer());
        producer.initTransactions();
    }

    static Properties common(String bootstrap) {
        Properties to = new Properties();
        to.put("bootstrap.servers", bootstrap);
        to.put("compression.type", "lz4");
        return to;
    }

    void load(String topic, Events events, long first, long count) {
        AtomicReference<Exception> failed = new AtomicReference<>();
        producer.beginTransaction();
        for (long number = first; number < first + count; number++) {
            producer.send(record(topic, events, number, events.timestamp(number)), (to, error) -> {
                if (error != null)
                    failed.compareAndSet(null, error);
            });
        }
        producer.flush();
        if (failed.get() != null)
            throw new IllegalStateException("loading " + topic + ": " + failed.get());
    }

    /* The instant before the events can be read. */
    long release() {
        long now = System.nanoTime();
        producer.commitTransaction();
        return now;
    }

    static ProducerRecord<String, byte[]> record(String topic, Events events, long number, long timestamp) {
        return new ProducerRecord<>(topic, null, timestamp, events.pet(number), events.care(number).encode());
    }

    /* Pets found by trying names: the output has as many partitions as the input, so that each
     * event shows in a partition of its own. */
    int touch(String topic, int partitions) {
        boolean[] touched = new boolean[partitions];
        int left = partitions;
        producer.beginTransaction();
        for (int i = 0; left > 0; i++) {
            String pet = "touched-" + i;
            int partition = Utils.toPositive(Utils.murmur2(pet.getBytes())) % partitions;
            if (touched[partition])
                continue;
            touched[partition] = true;
            left--;
            Care care = new Care(0, 1, "touched", 0);
            producer.send(new ProducerRecord<>(topic, null, System.currentTimeMillis(), pet, care.encode()));
        }
        producer.commitTransaction();
        return partitions;
    }

    @Override
    public void close() {
        producer.close();
    }
}
