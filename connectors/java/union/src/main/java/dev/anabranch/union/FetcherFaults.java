package dev.anabranch.union;

import java.io.Serializable;

/**
 * Lets a test throw where nothing throws of itself: between a fetcher's poll, which moves the
 * consumer on, and the hand-over of its records. Called on the fetcher's thread.
 */
@FunctionalInterface
interface FetcherFaults extends Serializable {
  /** No faults. */
  FetcherFaults NONE = (primary, moment, records) -> {};

  /** Where a fetcher is. */
  enum Moment {
    /** Records have been polled, and are not yet checked. */
    POLLED,
    /** Records are checked, and the position map has not moved yet. */
    BEFORE_HAND_OVER,
    /** Records are handed over. */
    AFTER_HAND_OVER
  }

  /** Throws, or does not. */
  void at(String primary, Moment moment, int records) throws Exception;
}
