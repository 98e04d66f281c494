package dev.anabranch.union;

import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.SourceEvent;

/**
 * What readers learn from the enumerator, when they register and whenever it changes.
 *
 * @param view the stream's part of the last good document
 * @param clusters the Kafka cluster id that each primary showed last; absent while unknown
 * @param topics the id of the stream's topic that each primary showed last; absent while unknown,
 *     and where there is no such topic
 * @param gone Kafka clusters whose place another cluster has taken
 */
public record TopologyEvent(
    StreamView view, Map<String, String> clusters, Map<String, String> topics, Set<String> gone)
    implements SourceEvent {
  public TopologyEvent {
    clusters = Map.copyOf(clusters);
    topics = Map.copyOf(topics);
    gone = Set.copyOf(gone);
  }
}
