package dev.anabranch.table;

import dev.anabranch.records.RawRecord;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.flink.api.common.functions.FilterFunction;

/** Loses records at random, so that a check of a pipeline can be seen to notice. */
final class LoseSome implements FilterFunction<RawRecord> {
  private static final long serialVersionUID = 1L;

  private final double share;

  LoseSome(double share) {
    this.share = share;
  }

  @Override
  public boolean filter(RawRecord record) {
    return ThreadLocalRandom.current().nextDouble() >= share;
  }
}
