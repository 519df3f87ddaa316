/* SPDX-License-Identifier: MIT
 *
 * Peer.java - the topologies of bench/topologies, written for Kafka Streams. Prints READY when it
 * is RUNNING for the first time; SIGTERM closes it cleanly.
 *
 * Arguments: SCENARIO APPLICATION BOOTSTRAP IN OUT STATE-FOLDER THREADS CACHE-BYTES
 * COMMIT-MS, where CACHE-BYTES may be `default`. How it is configured and why: bench/README.md.
 */
package riacho.bench;

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

final class Peer {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Serde<Long> NUMBER = Serdes.Long();
    private static final Serde<Care> CARE = Care.serde();

    private Peer() {}

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 9) {
            System.err.println("Peer SCENARIO APPLICATION BOOTSTRAP IN OUT STATE-FOLDER THREADS CACHE-BYTES COMMIT-MS");
            System.exit(2);
        }
        KafkaStreams streams = new KafkaStreams(topology(args[0], args[3], args[4]), properties(args));
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING)
                System.out.println("READY");
            else if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING)
                ended.countDown();
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(60))));
        streams.start();
        ended.await();
        if (streams.state() == KafkaStreams.State.ERROR)
            System.exit(1);
    }

    private static Properties properties(String[] args) {
        Properties to = new Properties();
        to.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        to.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[2]);
        to.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
        to.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[6]);
        if (!args[7].equals("default"))
            to.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, args[7]);
        to.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        to.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[8]);
        to.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        /* A static member: a restart takes its tasks back instead of waiting for the session to end. */
        to.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), "peer");
        return to;
    }

    private static Topology topology(String scenario, String in, String out) {
        StreamsBuilder builder = new StreamsBuilder();
        switch (scenario) {
            case "pass" -> builder.stream(in, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                    .to(out, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
            case "aggregate" -> sum(events(builder, in).groupByKey(), out);
            case "repartition" -> sum(events(builder, in).groupBy((pet, care) -> care.visitor, Grouped.with(TEXT, CARE)), out);
            case "memory" -> threeStores(events(builder, in), out);
            default -> throw new IllegalArgumentException("no scenario '" + scenario + "'");
        }
        return builder.build();
    }

    private static KStream<String, Care> events(StreamsBuilder builder, String in) {
        return builder.stream(in, Consumed.with(TEXT, CARE));
    }

    private static void sum(KGroupedStream<String, Care> grouped, String out) {
        grouped.aggregate(() -> 0L, (key, care, sum) -> sum + care.amount, store("sums"))
                .toStream().to(out, Produced.with(TEXT, NUMBER));
    }

    private static void threeStores(KStream<String, Care> events, String out) {
        sum(events.groupByKey(), out);
        events.groupByKey().count(store("counts"));
        events.groupByKey().aggregate(() -> Long.MIN_VALUE, (key, care, highest) -> Math.max(highest, care.amount), store("highest"));
    }

    private static Materialized<String, Long, KeyValueStore<Bytes, byte[]>> store(String name) {
        return Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as(name).withKeySerde(TEXT).withValueSerde(NUMBER);
    }
}
