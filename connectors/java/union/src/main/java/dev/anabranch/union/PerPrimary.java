package dev.anabranch.union;

import java.io.Serializable;
import java.util.Map;

/**
 * A position for all primaries, and others for some of them.
 *
 * @param general holds for each primary that has none of its own
 * @param own by the primary's name in the topology document
 */
record PerPrimary<P extends Serializable>(P general, Map<String, P> own) implements Serializable {
  PerPrimary {
    own = Map.copyOf(own);
  }

  /** One for all. */
  static <P extends Serializable> PerPrimary<P> all(P general) {
    return new PerPrimary<>(general, Map.of());
  }

  /** The one that holds for that primary. */
  P of(String primary) {
    return own.getOrDefault(primary, general);
  }
}
