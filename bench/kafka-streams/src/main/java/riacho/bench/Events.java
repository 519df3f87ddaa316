/* SPDX-License-Identifier: MIT
 *
 * Events.java - the events of a run: event i is the same for the same seed, whoever asks, so that
 * a result can be computed again without reading the topic.
 */
package riacho.bench;

import java.util.Locale;

record Events(long seed, int pets, int visitors) {
    /* In the past on any clock, because a broker refuses timestamps of the future. */
    private static final long BEGIN_MS = 1_767_225_600_000L;

    long timestamp(long number) {
        return BEGIN_MS + number;
    }

    /* Uniform over the pets: the hardest case for a cache. */
    String pet(long number) {
        return "pet-" + padded(Long.remainderUnsigned(bits(number), pets));
    }

    Care care(long number) {
        long bits = bits(number ^ 0x5DEECE66DL);
        String visitor = "visitor-" + padded(Long.remainderUnsigned(bits >>> 16, visitors));
        return new Care((int) (bits & 0xFF) % 3, 1 + (bits >>> 8 & 0xFF) % 10, visitor, timestamp(number));
    }

    private static String padded(long number) {
        String digits = Long.toString(number);
        return "00000000".substring(Math.min(8, digits.length())) + digits;
    }

    /* SplitMix64 at place `number` of the sequence that `seed` begins. */
    private long bits(long number) {
        long z = seed + (number + 1) * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "seed %d, %d pets, %d visitors", seed, pets, visitors);
    }
}
