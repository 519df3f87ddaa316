/* SPDX-License-Identifier: MIT
 *
 * Check.java - reads what an engine has committed, whole, and compares it with what the events give
 * when they are computed again here.
 */
package riacho.bench;

import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

final class Check {
    private final String bootstrap;
    private final Events events;

    Check(String bootstrap, Events events) {
        this.bootstrap = bootstrap;
        this.events = events;
    }

    static KafkaConsumer<byte[], byte[]> consumer(String bootstrap) {
        Properties to = new Properties();
        to.put("bootstrap.servers", bootstrap);
        to.put("isolation.level", "read_committed");
        to.put("enable.auto.commit", "false");
        to.put("auto.offset.reset", "earliest");
        to.put("max.poll.records", "10000");
        return new KafkaConsumer<>(to, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /* Every committed record of a topic, each partition in its order. */
    private static long read(String bootstrap, String topic, Consumer<ConsumerRecord<byte[], byte[]>> take) {
        long records = 0;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap)) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (!ends.entrySet().stream().allMatch(each -> consumer.position(each.getKey()) >= each.getValue())) {
                for (ConsumerRecord<byte[], byte[]> each : consumer.poll(Duration.ofMillis(200))) {
                    records++;
                    take.accept(each);
                }
            }
        }
        return records;
    }

    static long count(String bootstrap, String topic) {
        return read(bootstrap, topic, each -> { });
    }

    /* Whether `topic` is what the scenario makes of the first `count` events. */
    String result(String scenario, String topic, long count) {
        return switch (scenario) {
            case "pass" -> same(topic, count);
            case "aggregate", "memory" -> sums(topic, sumsBy(count, true));
            case "repartition" -> sums(topic, sumsBy(count, false));
            default -> throw new IllegalArgumentException("no scenario '" + scenario + "'");
        };
    }

    private static String verdict(long records, String wrong) {
        return wrong == null ? "{\"right\":true,\"records\":" + records + "}" : "{\"right\":false,\"records\":" + records + ",\"why\":\"" + wrong + "\"}";
    }

    /* The same records, each as often as in the input; in any order over keys. */
    private String same(String topic, long count) {
        long[] sum = new long[1];
        for (long number = 0; number < count; number++)
            sum[0] += digest(events.pet(number).getBytes(), events.care(number).encode());
        long records = read(bootstrap, topic, each -> sum[0] -= digest(each.key(), each.value()));
        if (records != count)
            return verdict(records, records + " records instead of " + count);
        return verdict(records, sum[0] == 0 ? null : "the records are not those of the input");
    }

    private static long digest(byte[] key, byte[] value) {
        long mixed = Arrays.hashCode(key) * 0x9E3779B97F4A7C15L + Arrays.hashCode(value);
        mixed = (mixed ^ (mixed >>> 32)) * 0xD6E8FEB86659FD93L;
        return mixed ^ (mixed >>> 32);
    }

    private Map<String, Long> sumsBy(long count, boolean byPet) {
        Map<String, Long> sums = new HashMap<>();
        for (long number = 0; number < count; number++) {
            Care care = events.care(number);
            sums.merge(byPet ? events.pet(number) : care.visitor, care.amount, Long::sum);
        }
        return sums;
    }

    /* The last value of every key. */
    private String sums(String topic, Map<String, Long> expected) {
        Map<String, Long> last = new HashMap<>();
        long records;
        try (StringDeserializer text = new StringDeserializer(); LongDeserializer number = new LongDeserializer()) {
            records = read(bootstrap, topic, each -> last.put(text.deserialize(topic, each.key()), number.deserialize(topic, each.value())));
        }
        if (last.equals(expected))
            return verdict(records, null);
        if (last.size() != expected.size())
            return verdict(records, last.size() + " keys instead of " + expected.size());
        for (Map.Entry<String, Long> each : expected.entrySet()) {
            if (!each.getValue().equals(last.get(each.getKey())))
                return verdict(records, each.getKey() + " is " + last.get(each.getKey()) + " instead of " + each.getValue());
        }
        throw new AssertionError("maps that differ nowhere");
    }
}
