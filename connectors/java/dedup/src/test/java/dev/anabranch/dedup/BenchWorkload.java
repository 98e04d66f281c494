package dev.anabranch.dedup;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;

/** The ids that the benchmark sends, each computed from its number, so that none is stored. */
enum BenchWorkload {
  /** 8 producers with one sequence each, slightly out of order. */
  LONG {
    @Override
    RecordId id(long number, long ids) {
      return inSequence(number % 8, (number / 8) ^ 5);
    }
  },
  /** The same, but one of each ten sequences never comes: what bitmaps are for. */
  LONG_WITH_HOLES {
    @Override
    RecordId id(long number, long ids) {
      long nth = number / 8;
      long ten = nth / 9;
      long place = nth % 9;
      long hole = Math.floorMod(mix(ten * 8 + number % 8), 10);
      return inSequence(number % 8, ten * 10 + (place < hole ? place : place + 1));
    }
  },
  /** Sequences of 500, of which 1,000 run side by side, as MLPerf runs do in the demo. */
  RUNS {
    @Override
    RecordId id(long number, long ids) {
      long group = number / (SIDE_BY_SIDE * RUN);
      long inGroup = number % (SIDE_BY_SIDE * RUN);
      return inSequence(group * SIDE_BY_SIDE + inGroup % SIDE_BY_SIDE, inGroup / SIDE_BY_SIDE);
    }
  },
  /** Sequences of 500, all of them side by side: with 20 M ids, more than the cache holds. */
  RUNS_ALL_AT_ONCE {
    @Override
    RecordId id(long number, long ids) {
      long runs = ids / RUN;
      return inSequence(number % runs, number / runs);
    }
  },
  /** Ids that are hashes: nothing follows from one to the next. */
  HASHED {
    @Override
    RecordId id(long number, long ids) {
      return new RecordId(mix(number), mix(number + ODD));
    }
  };

  private static final long RUN = 500;
  private static final long SIDE_BY_SIDE = 1_000;

  /** Every 11th record repeats the id of 5,000 ids before: a hedge that was not needed. */
  private static final int DUPLICATE_EVERY = 11;

  private static final long DUPLICATE_DISTANCE = 5_000;
  private static final long RECORDS_PER_MS = 100;
  private static final long START_MS = 1_800_000_000_000L;
  private static final long ODD = 0x9E37_79B9_7F4A_7C15L;

  abstract RecordId id(long number, long ids);

  static long records(long ids) {
    return ids / (DUPLICATE_EVERY - 1) * DUPLICATE_EVERY;
  }

  /**
   * The record at a place of the stream.
   *
   * @param place 0 to {@link #records} of ids
   * @param salt tells the ids of one pass from those of another
   */
  RawRecord record(long place, long ids, long salt) {
    long fresh = place - place / DUPLICATE_EVERY;
    boolean duplicate = place % DUPLICATE_EVERY == DUPLICATE_EVERY - 1;
    long number = duplicate ? Math.max(0, fresh - DUPLICATE_DISTANCE) : fresh;
    RecordId id = id(number, ids);
    return new RawRecord(
        Records.ORIGIN,
        place,
        START_MS + number / RECORDS_PER_MS,
        null,
        null,
        new RecordId(id.high() ^ salt, id.low()),
        false,
        RawHeader.NONE);
  }

  private static RecordId inSequence(long incarnation, long sequence) {
    return new RecordId(mix(incarnation), (mix(~incarnation) & ~RecordId.MAX_SEQUENCE) | sequence);
  }

  /** SplitMix64's finalizer: a bijection that looks random. */
  private static long mix(long number) {
    long mixed = number * ODD;
    mixed = (mixed ^ (mixed >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return mixed ^ (mixed >>> 31);
  }
}
