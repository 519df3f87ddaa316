/* SPDX-License-Identifier: MIT
 *
 * Agent.java - what bench/compare needs of Kafka: it makes topics, loads them, sees when an engine
 * is done, and checks what the engine wrote. One command a line on stdin, one JSON object a line
 * on stdout; a command that fails answers {"error": "..."}. One process for a whole comparison, so
 * that no start of a JVM falls into a measurement.
 *
 * Argument: BOOTSTRAP. Times are System.nanoTime(), CLOCK_MONOTONIC on Linux, so that the driver
 * can set them beside its own.
 */
package riacho.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

final class Agent implements AutoCloseable {
    private final String bootstrap;
    private final Admin admin;
    private Preload preload;
    private Drip drip;
    private Watch watch;
    private Map<TopicPartition, Long> marked = Map.of();

    private Agent(String bootstrap) {
        this.bootstrap = bootstrap;
        Properties to = new Properties();
        to.put("bootstrap.servers", bootstrap);
        admin = Admin.create(to);
    }

    public static void main(String[] args) throws IOException {
        try (Agent agent = new Agent(args[0]);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine())
                System.out.println(agent.answer(line.trim().split(" ")));
        }
    }

    @Override
    public void close() {
        if (watch != null)
            watch.close();
        if (drip != null)
            drip.close();
        if (preload != null)
            preload.close();
        admin.close();
    }

    private String answer(String[] words) {
        try {
            return command(words);
        } catch (ExecutionException failed) {
            return error(failed.getCause());
        } catch (InterruptedException | RuntimeException failed) {
            return error(failed);
        }
    }

    private static String error(Throwable why) {
        return "{\"error\":\"" + String.valueOf(why).replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"}";
    }

    private String command(String[] words) throws ExecutionException, InterruptedException {
        return switch (words[0]) {
            case "create" -> create(words[1], Integer.parseInt(words[2]));
            case "topics" -> topics(words[1]);
            case "delete" -> delete(words[1]);
            case "preload" -> preload(words);
            case "release" -> released(preload.release());
            case "settle" -> settle(words[1], Long.parseLong(words[2]), Long.parseLong(words[3]));
            case "mark" -> mark(words[1]);
            case "moved" -> moved(words[1], Long.parseLong(words[2]));
            case "check" -> new Check(bootstrap, events(words, 3)).result(words[1], words[2], Long.parseLong(words[6]));
            case "count" -> "{\"records\":" + Check.count(bootstrap, words[1]) + "}";
            case "touch" -> touch(words[1]);
            case "drip" -> drip(words);
            case "stopDrip" -> stopDrip();
            case "watch" -> watch(words[1]);
            case "firstAfter" -> watch.firstAfter(Long.parseLong(words[1]), Long.parseLong(words[2]));
            default -> throw new IllegalArgumentException("no command '" + words[0] + "'");
        };
    }

    private static Events events(String[] words, int at) {
        return new Events(Long.parseLong(words[at]), Integer.parseInt(words[at + 1]), Integer.parseInt(words[at + 2]));
    }

    /* ---- topics ------------------------------------------------------------------------------ */

    private String create(String topic, int partitions) throws ExecutionException, InterruptedException {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        return "{}";
    }

    private List<String> named(String prefix) throws ExecutionException, InterruptedException {
        Set<String> all = admin.listTopics().names().get();
        return all.stream().filter(name -> name.startsWith(prefix)).sorted().toList();
    }

    private String topics(String prefix) throws ExecutionException, InterruptedException {
        return named(prefix).stream().collect(Collectors.joining("\",\"", "{\"topics\":[\"", "\"]}")).replace("[\"\"]", "[]");
    }

    private String delete(String prefix) throws ExecutionException, InterruptedException {
        admin.deleteTopics(named(prefix)).all().get();
        return "{}";
    }

    private List<TopicPartition> partitions(String topic) throws ExecutionException, InterruptedException {
        List<TopicPartition> found = new ArrayList<>();
        admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions()
                .forEach(each -> found.add(new TopicPartition(topic, each.partition())));
        return found;
    }

    /* The ends of what is committed. */
    private Map<TopicPartition, Long> ends(List<TopicPartition> partitions) throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> asked = partitions.stream().collect(Collectors.toMap(each -> each, each -> OffsetSpec.latest()));
        Map<TopicPartition, Long> ends = new TreeMap<>((a, b) -> Integer.compare(a.partition(), b.partition()));
        for (Map.Entry<TopicPartition, ListOffsetsResultInfo> each :
                admin.listOffsets(asked, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED)).all().get().entrySet())
            ends.put(each.getKey(), each.getValue().offset());
        return ends;
    }

    /* ---- input ------------------------------------------------------------------------------- */

    /* preload TOPIC SEED PETS VISITORS FIRST COUNT: in a transaction that `release` commits, so
     * that the events are there but cannot be read before that. */
    private String preload(String[] words) {
        if (preload == null)
            preload = new Preload(bootstrap);
        preload.load(words[1], events(words, 2), Long.parseLong(words[5]), Long.parseLong(words[6]));
        return "{}";
    }

    private static String released(long nanos) {
        return "{\"nanos\":" + nanos + "}";
    }

    /* One event into each partition, at once. */
    private String touch(String topic) throws ExecutionException, InterruptedException {
        if (preload == null)
            preload = new Preload(bootstrap);
        return "{\"events\":" + preload.touch(topic, partitions(topic).size()) + "}";
    }

    private String drip(String[] words) {
        drip = new Drip(bootstrap, words[1], events(words, 2), Integer.parseInt(words[5]));
        return "{}";
    }

    private String stopDrip() {
        drip.close();
        drip = null;
        return "{}";
    }

    /* ---- output ------------------------------------------------------------------------------ */

    private static final long POLL_MS = 20;

    /* settle TOPIC QUIET-MS LIMIT-MS: waits until nothing more has been committed to the topic for
     * QUIET-MS. `nanos` is when the last was; 0: nothing came. */
    private String settle(String topic, long quietMs, long limitMs) throws ExecutionException, InterruptedException {
        List<TopicPartition> partitions = partitions(topic);
        Map<TopicPartition, Long> before = ends(partitions);
        long began = System.nanoTime(), last = 0;
        for (;;) {
            long asked = System.nanoTime();
            Map<TopicPartition, Long> now = ends(partitions);
            if (!now.equals(before))
                last = asked;
            before = now;
            long quietSince = last == 0 ? began : last;
            if ((asked - quietSince) / 1_000_000 >= quietMs)
                return "{\"nanos\":" + last + "}";
            if ((asked - began) / 1_000_000 >= limitMs)
                throw new IllegalStateException(topic + " is not quiet after " + limitMs + " ms");
            Thread.sleep(POLL_MS);
        }
    }

    private String mark(String topic) throws ExecutionException, InterruptedException {
        marked = ends(partitions(topic));
        return "{}";
    }

    /* moved TOPIC LIMIT-MS: waits until something was committed to every partition since `mark`. */
    private String moved(String topic, long limitMs) throws ExecutionException, InterruptedException {
        List<TopicPartition> partitions = partitions(topic);
        long began = System.nanoTime();
        for (;;) {
            Map<TopicPartition, Long> now = ends(partitions);
            long asked = System.nanoTime();
            if (marked.entrySet().stream().allMatch(each -> now.get(each.getKey()) > each.getValue()))
                return "{\"nanos\":" + asked + "}";
            if ((asked - began) / 1_000_000 >= limitMs)
                throw new IllegalStateException("not every partition of " + topic + " got a result within " + limitMs + " ms");
            Thread.sleep(POLL_MS);
        }
    }

    private String watch(String topic) throws ExecutionException, InterruptedException {
        if (watch != null)
            watch.close();
        watch = new Watch(bootstrap, ends(partitions(topic)));
        return "{}";
    }
}
