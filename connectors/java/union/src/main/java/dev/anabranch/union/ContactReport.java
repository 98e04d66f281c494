package dev.anabranch.union;

import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.SourceEvent;

/**
 * How a reader stands with the primaries that it reads; sent whenever it changes.
 *
 * @param splitIds all splits that it was ever given, so that the enumerator sees whether it speaks
 *     of those given last, too
 * @param contacts by primary
 */
public record ContactReport(Set<String> splitIds, Map<String, Contact> contacts)
    implements SourceEvent {
  public ContactReport {
    splitIds = Set.copyOf(splitIds);
    contacts = Map.copyOf(contacts);
  }
}
