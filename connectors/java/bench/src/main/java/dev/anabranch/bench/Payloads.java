package dev.anabranch.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Records of 150 bytes of JSON. */
final class Payloads {
  private Payloads() {}

  static byte[] payload(long number) {
    return """
        {"run":"run-%06d","seq":%09d,"time_ms":1715224%06d,"event":"tracked_stats",\
        "throughput":%06d.5,"epoch":%04d,"host":"node-%04d","status":"ok"}"""
        .formatted(
            number % 2000, number, number % 1_000_000, number % 100_000, number % 90, number % 512)
        .getBytes(UTF_8);
  }
}
