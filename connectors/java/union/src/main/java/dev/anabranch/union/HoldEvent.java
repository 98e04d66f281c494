package dev.anabranch.union;

import java.util.Set;
import org.apache.flink.api.connector.source.SourceEvent;

/**
 * Which primaries the watermark waits for; from the enumerator to all readers.
 *
 * @param held primaries that are down, not found yet or not caught up again (where the watermark
 *     advances: not found yet, or with splits on their way): each reader holds its watermark for
 *     them, also one that has no split there
 * @param waitFor primaries whose splits hold the watermark should they cease to answer
 */
public record HoldEvent(Set<String> held, Set<String> waitFor) implements SourceEvent {
  public HoldEvent {
    held = Set.copyOf(held);
    waitFor = Set.copyOf(waitFor);
  }
}
