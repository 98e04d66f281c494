package dev.anabranch.union;

import java.util.Set;
import org.apache.flink.api.connector.source.SourceEvent;

/**
 * What the enumerator learns from a reader when it starts: the splits that it was restored with.
 * They count when new ones are shared out.
 */
public record ReaderReport(Set<String> splitIds) implements SourceEvent {
  public ReaderReport {
    splitIds = Set.copyOf(splitIds);
  }
}
