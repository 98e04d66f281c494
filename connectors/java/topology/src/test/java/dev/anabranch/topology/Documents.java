package dev.anabranch.topology;

/** Documents for tests. */
final class Documents {
  private Documents() {}

  /** One group with those primaries and one stream. */
  static String document(long generation, String... primaries) {
    StringBuilder text =
        new StringBuilder("generation: " + generation + "\ngroups:\n  g:\n    primaries:\n");
    for (int i = 0; i < primaries.length; i++) {
      text.append("      %s: {bootstrap: [\"127.0.0.1:%d\"]}\n".formatted(primaries[i], 9001 + i));
    }
    return text + "    streams:\n      logs: {partitions: 2}\n";
  }
}
