package dev.anabranch.union;

/** Records were lost before they were read, and the policy is to fail. */
public final class LostRecordsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient LossReport loss;

  LostRecordsException(LossReport loss) {
    super(
        loss
            + ". Restore the job with out-of-range policy "
            + OutOfRangePolicy.RESET
            + " to go on behind the gap, or "
            + OutOfRangePolicy.PARK
            + " to leave this log alone.");
    this.loss = loss;
  }

  /** What was lost. */
  public LossReport loss() {
    return loss;
  }
}
