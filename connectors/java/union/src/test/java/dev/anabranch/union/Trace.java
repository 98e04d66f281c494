package dev.anabranch.union;

import java.util.List;

/** What a history brings about, in order, as the elements of a JSON array. */
final class Trace {
  private final StringBuilder text = new StringBuilder("[");

  void add(String element) {
    if (text.length() > 1) {
      text.append(',');
    }
    text.append(element);
  }

  int length() {
    return text.length();
  }

  /** All of it. */
  String json() {
    return text + "]";
  }

  /** A JSON array of these. */
  static String line(Object... parts) {
    StringBuilder line = new StringBuilder("[");
    for (Object part : parts) {
      line.append(line.length() > 1 ? "," : "");
      line.append(part instanceof String word ? quoted(word) : part);
    }
    return line.append(']').toString();
  }

  /** Splits that a subtask has, takes or writes down. */
  static String splits(String what, long subtask, List<UnionSplit> splits) {
    StringBuilder line = new StringBuilder("[" + quoted(what) + "," + subtask);
    for (UnionSplit split : splits) {
      line.append(',').append(line(split.splitId(), split.nextOffset()));
    }
    return line.append(']').toString();
  }

  static String loss(String what, int subtask, LossReport loss) {
    LogId log =
        new LogId(loss.origin().clusterId(), loss.origin().topicId(), loss.origin().partition());
    return line(
        what, subtask, log.splitId(), loss.kind().name(), loss.fromOffset(), loss.toOffset());
  }

  private static String quoted(String word) {
    return '"' + word.replace("\\", "\\\\").replace("\"", "'").replace("\n", " ") + '"';
  }
}
