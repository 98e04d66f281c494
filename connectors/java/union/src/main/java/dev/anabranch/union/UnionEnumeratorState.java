package dev.anabranch.union;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The enumerator's checkpoint. It says which logs are known and which splits wait for a reader, not
 * how far anything was read. Nothing is ever pruned from it: a log that is away may come back.
 *
 * @param jobStartMs when the job first started, Unix milliseconds
 * @param view the stream's part of the last good document, so that a restore needs no publisher
 * @param awaited primaries of the first document of which not all logs have answered yet: their
 *     logs take the start position, all other new ones the earliest offset
 * @param late logs that such a primary showed at its first answer, and that have not answered
 *     themselves yet, with the name of the primary: once it has answered, its start position is for
 *     these only
 * @param sightings by Kafka cluster id: where it was seen last
 * @param known all logs that ever became splits, with the name of their topic
 * @param pending splits that no reader has yet
 * @param outages of primaries for which a watermark is held, by name
 */
public record UnionEnumeratorState(
    long jobStartMs,
    @Nullable StreamView view,
    Set<String> awaited,
    Map<LogId, String> late,
    Map<String, Sighting> sightings,
    Map<LogId, String> known,
    Set<UnionSplit> pending,
    Map<String, Outage> outages) {
  public UnionEnumeratorState {
    awaited = Set.copyOf(awaited);
    late = Map.copyOf(late);
    sightings = Map.copyOf(sightings);
    known = Map.copyOf(known);
    pending = Set.copyOf(pending);
    outages = Map.copyOf(outages);
  }

  /** The same with these outages. */
  UnionEnumeratorState with(Map<String, Outage> now) {
    return new UnionEnumeratorState(
        jobStartMs, view, awaited, late, sightings, known, pending, now);
  }

  /**
   * The present outage of a primary.
   *
   * @param timeDownMs for how long it was down while the job ran
   * @param down whether it was down at the last look: after a restore that holds until readers know
   *     better, so that restarts take nothing off the time
   * @param givenUp whether it holds the watermark no longer
   */
  public record Outage(long timeDownMs, boolean down, boolean givenUp) {
    /** One of which nothing is known yet. */
    static final Outage BEGUN = new Outage(0, false, false);
  }

  /**
   * Where a Kafka cluster was seen.
   *
   * @param primary name of the primary
   * @param bootstrap its bootstrap servers at that time, joined by commas
   */
  public record Sighting(String primary, String bootstrap) {}
}
