package dev.anabranch.union;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * In which order topics of one name were shown in one Kafka cluster. Their logs become known in
 * another order: who asks by two names, or by two ways, may hear the first answer last.
 *
 * <p>The order is not in checkpoints. After a restore all that is known counts as older than what
 * is not, so a topic that was shown before it, and whose logs were never known, is taken for newer.
 */
final class ShownTopics {
  private record Place(String clusterId, String name) {}

  private final Map<Place, Set<String>> restored = new HashMap<>();
  private final Map<Place, List<String>> shown = new HashMap<>();

  /** A topic that is known from a checkpoint; among those there is no order. */
  void restored(String clusterId, String name, String id) {
    restored.computeIfAbsent(new Place(clusterId, name), any -> new HashSet<>()).add(id);
  }

  /** A primary shows a topic; only the first time counts. */
  void sighted(String clusterId, String name, String id) {
    List<String> ids = shown.computeIfAbsent(new Place(clusterId, name), any -> new ArrayList<>());
    if (!ids.contains(id)) {
      ids.add(id);
    }
  }

  /**
   * Ids of those that were there before that one, which has been shown.
   *
   * @param andRestored whether those of the checkpoint are, too
   */
  Set<String> before(String clusterId, String name, String id, boolean andRestored) {
    Place place = new Place(clusterId, name);
    Set<String> before = new HashSet<>();
    if (andRestored) {
      before.addAll(restored.getOrDefault(place, Set.of()));
    }
    List<String> ids = shown.getOrDefault(place, List.of());
    before.addAll(ids.subList(0, Math.max(0, ids.indexOf(id))));
    before.remove(id);
    return before;
  }
}
