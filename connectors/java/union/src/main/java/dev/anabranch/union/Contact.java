package dev.anabranch.union;

/** How a reader stands with a split or with a primary, the better ones first. */
public enum Contact {
  /** All that the log had at its last answer, or at the first one since it was away, is read. */
  CURRENT,
  /** It answers, and has records that were written before it came back. */
  BEHIND,
  /** It has neither answered nor been silent for long since reading began. */
  UNHEARD,
  /** It does not answer. */
  LOST;

  Contact worse(Contact other) {
    return compareTo(other) > 0 ? this : other;
  }
}
