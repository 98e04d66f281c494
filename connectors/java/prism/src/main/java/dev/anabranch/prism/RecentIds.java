package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.JobID;
import org.jspecify.annotations.Nullable;

/**
 * Notices a second row under an id that was given lately: readers would keep one of the two. All
 * writers of one job to one stream in one process share what they remember, so that branches of a
 * query, and several sinks, are seen too.
 *
 * <p>It never takes one id for another, and forgets: an id's place is that of whichever comes next
 * there. So of single repeats some are missed, and of a query that makes them all the time some are
 * noticed for certain.
 */
final class RecentIds implements AutoCloseable {
  /**
   * A power of two. Rows of one input that go different ways lie a network buffer or two apart,
   * some thousand rows; 20 bytes each.
   */
  private static final int PLACES = 1 << 14;

  private static final int SHIFT = Long.SIZE - Integer.numberOfTrailingZeros(PLACES);

  private static final Map<Scope, Memory> MEMORIES = new HashMap<>();

  private final Scope scope;
  private final Memory memory;
  private boolean closed;

  private record Scope(JobID job, String stream) {}

  /** Guarded by itself; the number of writers by {@link #MEMORIES}. */
  private static final class Memory {
    private final long[] high = new long[PLACES];
    private final long[] low = new long[PLACES];
    private final @Nullable RecentIds[] writer = new @Nullable RecentIds[PLACES];
    private int writers;
    private boolean told;
  }

  private RecentIds(Scope scope, Memory memory) {
    this.scope = scope;
    this.memory = memory;
  }

  /** What one writer asks, to be closed with it. */
  static RecentIds join(JobID job, String stream) {
    Scope scope = new Scope(job, stream);
    synchronized (MEMORIES) {
      Memory memory = MEMORIES.computeIfAbsent(scope, unknown -> new Memory());
      memory.writers++;
      return new RecentIds(scope, memory);
    }
  }

  /** Whether a writer that is still open gave that id lately; from now on this one did. */
  boolean isRepeat(RecordId id) {
    int place = place(id);
    synchronized (memory) {
      RecentIds before = memory.writer[place];
      // What a writer of a failed run gave is written again after the restore, as it has to be.
      boolean repeat =
          before != null
              && !before.closed
              && memory.high[place] == id.high()
              && memory.low[place] == id.low();
      memory.high[place] = id.high();
      memory.low[place] = id.low();
      memory.writer[place] = this;
      return repeat;
    }
  }

  /**
   * As if drawn, so that some ids outlast many others: by a plain product, sequences in a row would
   * take each place in turn, and none would be left after as many of them.
   */
  private static int place(RecordId id) {
    long mixed = (id.high() ^ id.low()) * 0xFF51AFD7ED558CCDL;
    mixed = (mixed ^ (mixed >>> 33)) * 0xC4CEB9FE1A85EC53L;
    return (int) (mixed >>> SHIFT);
  }

  /** True once for all writers that share this memory. */
  boolean isFirstToTell() {
    synchronized (memory) {
      boolean first = !memory.told;
      memory.told = true;
      return first;
    }
  }

  @Override
  public void close() {
    synchronized (memory) {
      if (closed) {
        return;
      }
      closed = true;
    }
    synchronized (MEMORIES) {
      memory.writers--;
      if (memory.writers == 0) {
        MEMORIES.remove(scope);
      }
    }
  }
}
