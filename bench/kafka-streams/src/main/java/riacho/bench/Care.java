/* SPDX-License-Identifier: MIT
 *
 * Care.java - the event of the comparison, bench/topologies/schemas/Care.avsc, in Confluent's wire
 * format: a zero byte, the schema's id, Avro. Written by hand, because that is the fastest a Java
 * program can be here: no schema lookup, no reflection, one object an event.
 */
package riacho.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

final class Care {
    /* Riacho numbers the schemas of a new registry from 1, and there is one. */
    static final int SCHEMA_ID = 1;
    private static final int HEADER_BYTES = 5, LONG_BYTES_MAX = 10;

    final int action;
    final long amount;
    final String visitor;
    final long atMs;

    Care(int action, long amount, String visitor, long atMs) {
        this.action = action;
        this.amount = amount;
        this.visitor = visitor;
        this.atMs = atMs;
    }

    static Serde<Care> serde() {
        Serializer<Care> write = (topic, care) -> care == null ? null : care.encode();
        Deserializer<Care> read = (topic, bytes) -> bytes == null ? null : decode(bytes);
        return Serdes.serdeFrom(write, read);
    }

    byte[] encode() {
        byte[] name = visitor.getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + 4 * LONG_BYTES_MAX + name.length);
        out.put((byte) 0).putInt(SCHEMA_ID);
        putLong(out, action);
        putLong(out, amount);
        putLong(out, name.length);
        out.put(name);
        putLong(out, atMs);
        byte[] bytes = new byte[out.position()];
        out.flip();
        out.get(bytes);
        return bytes;
    }

    static Care decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        if (in.get() != 0 || in.getInt() != SCHEMA_ID)
            throw new IllegalArgumentException("not a Care in Confluent's wire format");
        int action = (int) getLong(in);
        long amount = getLong(in);
        int size = (int) getLong(in);
        String visitor = new String(bytes, in.position(), size, StandardCharsets.UTF_8);
        in.position(in.position() + size);
        return new Care(action, amount, visitor, getLong(in));
    }

    private static void putLong(ByteBuffer out, long value) {
        long rest = (value << 1) ^ (value >> 63);
        while ((rest & ~0x7FL) != 0) {
            out.put((byte) (rest & 0x7F | 0x80));
            rest >>>= 7;
        }
        out.put((byte) rest);
    }

    private static long getLong(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0)
                return (value >>> 1) ^ -(value & 1);
        }
        throw new IllegalArgumentException("a number of more than ten bytes");
    }
}
