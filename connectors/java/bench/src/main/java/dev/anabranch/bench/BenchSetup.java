package dev.anabranch.bench;

import java.io.Serializable;

/**
 * Where the benchmark reads and writes.
 *
 * @param topology location of the topology document over both primaries
 * @param plainBootstrap the one broker that the plain connectors use
 * @param records how many the generator makes; the inputs hold as many
 */
record BenchSetup(String topology, String plainBootstrap, long records) implements Serializable {
  String plainInput() {
    return "bench-plain-in";
  }

  /** The records of the plain input, each with an id in its headers. */
  String plainIdsInput() {
    return "bench-plain-ids-in";
  }

  String plainOutput() {
    return "bench-plain-out";
  }

  String unionInput() {
    return "bench-union-in";
  }

  String unionOutput() {
    return "bench-union-out";
  }
}
