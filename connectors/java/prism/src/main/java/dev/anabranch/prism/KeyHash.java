package dev.anabranch.prism;

import java.util.Arrays;
import org.apache.flink.api.java.functions.KeySelector;

/**
 * The hash of an element's key as it is written, by which elements are dealt out to the writers.
 */
final class KeyHash<T> implements KeySelector<T, Integer> {
  private static final long serialVersionUID = 1L;

  private final RecordSerializer<T> serializer;
  // Flink has no call for it: a selector is made, shipped, and asked.
  private transient boolean open;

  KeyHash(RecordSerializer<T> serializer) {
    this.serializer = serializer;
  }

  @Override
  public Integer getKey(T element) throws Exception {
    if (!open) {
      serializer.open();
      open = true;
    }
    try {
      return Arrays.hashCode(serializer.key(element));
    } catch (Exception e) {
      // The writer meets the same trouble and has the handler for it.
      return 0;
    }
  }
}
