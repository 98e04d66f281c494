package dev.anabranch.prism;

/**
 * Where one copy of a record lies.
 *
 * @param primary name in the topology document
 * @param offset -1 where the broker told none
 */
public record Ack(String primary, int partition, long offset) {}
