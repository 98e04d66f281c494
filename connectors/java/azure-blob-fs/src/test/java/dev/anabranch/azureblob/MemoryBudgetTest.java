package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InterruptedIOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class MemoryBudgetTest {
  private final MemoryBudget budget = new MemoryBudget(100);

  /** A file that gives up all it has, once it may. */
  private final class File implements MemoryBudget.Holder {
    volatile long held;
    volatile boolean busy;

    File() {
      budget.register(this);
    }

    void take(long bytes) throws InterruptedIOException {
      budget.take(bytes, this);
      held += bytes;
    }

    @Override
    public long held() {
      return held;
    }

    @Override
    public boolean release() {
      if (busy || held == 0) {
        return false;
      }
      budget.giveBack(held);
      held = 0;
      return true;
    }
  }

  @Test
  void hasTheLargestIdleFileGiveUpItsMemory() throws Exception {
    File small = new File();
    File large = new File();
    File asking = new File();
    small.take(30);
    large.take(60);
    asking.take(20);
    assertThat(large.held).isZero();
    assertThat(small.held).isEqualTo(30);
    assertThat(budget.used()).isEqualTo(50);
    assertThat(budget.peak()).isEqualTo(90);
  }

  @Test
  void takesFromTheAskingFileLast() throws Exception {
    File asking = new File();
    File busy = new File();
    busy.take(40);
    busy.busy = true;
    asking.take(50);
    asking.take(20);
    assertThat(asking.held).isEqualTo(20); // the 50 went
    assertThat(busy.held).isEqualTo(40);
  }

  @Test
  void waitsForWhatIsOnItsWayBeforeItTakesFromOthers() throws Exception {
    File idle = new File();
    File asking = new File();
    idle.take(50);
    assertThat(budget.tryTake(50)).isTrue();
    budget.startReturn(50);
    Thread back =
        new Thread(
            () -> {
              try {
                Thread.sleep(200);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              budget.endReturn(50);
            });
    back.start();
    asking.take(50);
    assertThat(idle.held).isEqualTo(50);
    back.join();
  }

  @Test
  void waitsForAFileThatIsInUse() throws Exception {
    File busy = new File();
    busy.take(100);
    busy.busy = true;
    Thread free =
        new Thread(
            () -> {
              try {
                Thread.sleep(200);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              busy.busy = false;
            });
    free.start();
    new File().take(10);
    assertThat(busy.held).isZero();
    free.join();
  }

  @Test
  void endsTheWaitOfAnInterruptedThread() throws Exception {
    File busy = new File();
    busy.take(100);
    busy.busy = true;
    File asking = new File();
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> asking.take(1)).isInstanceOf(InterruptedIOException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void asksNoFileThatIsClosed() throws Exception {
    File closed = new File();
    closed.take(60);
    budget.unregister(closed);
    File asking = new File();
    asking.take(40);
    assertThat(budget.tryTake(1)).isFalse();
    asking.take(10); // its own 40 go, since nobody else is asked
    assertThat(closed.held).isEqualTo(60);
    assertThat(asking.held).isEqualTo(10);
  }
}
