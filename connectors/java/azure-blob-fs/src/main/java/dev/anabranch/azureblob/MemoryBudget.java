package dev.anabranch.azureblob;

import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Bounds the heap that the data of all open files takes. It counts; the memory itself is left to
 * the collector, since a request that was given up may still read from it.
 *
 * <p>Nobody waits for ever, even when one thread has more files open than the budget has room for:
 * who finds it used up first waits for what is on its way (uploads end, and give theirs back), and
 * else has idle files give up what they hold: written data is staged as a smaller block, data that
 * was read ahead is dropped.
 */
final class MemoryBudget {
  // A file that was in use when it was asked may be idle now, and nobody tells.
  private static final long LOOK_AGAIN_MS = 50;

  private final long bytes;
  private final Set<Holder> holders = new LinkedHashSet<>();
  private long used;
  private long returning;
  private long peak;

  /** An open file. */
  interface Holder {
    /** How many bytes it could give up, roughly; read without any lock. */
    long held();

    /**
     * Gives up what it can, soon and without waiting for anything; called from any thread, with no
     * lock of the budget held.
     *
     * @return whether anything is given up: false if it is in use just now, or holds nothing
     */
    boolean release();
  }

  MemoryBudget(long bytes) {
    this.bytes = bytes;
  }

  /** From now on the file may be asked to give up memory. */
  synchronized void register(Holder holder) {
    holders.add(holder);
  }

  /** The file is closed. */
  synchronized void unregister(Holder holder) {
    holders.remove(holder);
  }

  /** What each open file may have if all have as much. */
  synchronized long share() {
    return bytes / Math.max(1, holders.size());
  }

  /** Takes memory if there is enough at once. */
  synchronized boolean tryTake(long wanted) {
    if (used + wanted > bytes) {
      return false;
    }
    used += wanted;
    peak = Math.max(peak, used);
    return true;
  }

  /**
   * Takes memory, and waits until there is enough.
   *
   * @param wanted at most half of the budget
   * @param asking gives up its own only when no other can
   */
  void take(long wanted, Holder asking) throws InterruptedIOException {
    while (!tryTake(wanted)) {
      if (isReturning() || !releaseIdle(asking)) {
        await(wanted);
      }
    }
  }

  /** Memory that was taken is on its way back: whoever has it waits for nothing but an upload. */
  synchronized void startReturn(long amount) {
    returning += amount;
    notifyAll();
  }

  /** What was on its way is back. */
  synchronized void endReturn(long amount) {
    returning -= amount;
    used -= amount;
    notifyAll();
  }

  /** Gives memory back at once. */
  synchronized void giveBack(long amount) {
    used -= amount;
    notifyAll();
  }

  /** The most that was ever taken at once, in bytes. */
  synchronized long peak() {
    return peak;
  }

  /** What is taken now, in bytes. */
  synchronized long used() {
    return used;
  }

  private synchronized boolean isReturning() {
    return returning > 0;
  }

  private boolean releaseIdle(Holder asking) {
    List<Holder> candidates;
    synchronized (this) {
      candidates = new ArrayList<>(holders);
    }
    candidates.remove(asking);
    candidates.sort(Comparator.comparingLong(Holder::held).reversed());
    for (Holder candidate : candidates) {
      if (candidate.held() > 0 && candidate.release()) {
        return true;
      }
    }
    return asking.release();
  }

  private synchronized void await(long wanted) throws InterruptedIOException {
    if (used + wanted <= bytes) {
      return;
    }
    try {
      wait(LOOK_AGAIN_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for memory");
    }
  }
}
