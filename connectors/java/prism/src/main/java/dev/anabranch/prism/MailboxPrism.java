package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.function.Function;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link PrismEngine} whose thread is a Flink task's: what comes back to it comes as mails. Every
 * method is called on that thread, and none waits but {@link #close}. Who has to wait does so by
 * {@link MailboxExecutor#yield}, where the operator may be interrupted by mails; a tick comes at
 * least every 100 ms, so that this returns.
 */
public final class MailboxPrism implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MailboxPrism.class);

  private final MailboxExecutor mailbox;
  private final PrismEngine engine;
  private volatile boolean closed;

  /**
   * @param opening is given what the engine is to call from any thread
   */
  MailboxPrism(MailboxExecutor mailbox, Function<Runnable, PrismEngine> opening) {
    this.mailbox = mailbox;
    this.engine = opening.apply(this::mail);
  }

  /**
   * Opens one as {@link PrismEngine#open} does, but that nothing is told where {@code degradeAfter}
   * is set for a stream of one copy. Sends without a listener that fail come out of a mail, and so
   * fail the job; those that are done with fewer copies than wanted are not listed.
   */
  public static MailboxPrism open(
      MailboxExecutor mailbox, String topology, String stream, PrismOptions options) {
    return new MailboxPrism(
        mailbox,
        wakeUp ->
            PrismEngine.open(
                topology,
                stream,
                options,
                new PrismEngine.Hooks(wakeUp, new Unlisted(), (primary, stats) -> {}),
                false));
  }

  /**
   * Such sends are themselves a list of what happened to others; a list of them would be no end.
   */
  private static final class Unlisted implements PrismEngine.Failures {
    @Override
    public void failed(OutgoingRecord record, RecordId id, RuntimeException error) {
      throw error;
    }

    @Override
    public boolean degraded(OutgoingRecord record, Delivery delivery) {
      LOG.debug("{}", delivery);
      return true;
    }
  }

  /** Accepts a record, whether or not there is room; see {@link PrismEngine#send}. */
  public void send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      Delivery.@Nullable Listener listener) {
    engine.send(record, id, version, listener);
  }

  /** Whether there is no room, or no primary for what is there. */
  public boolean isFull() {
    return engine.isFull();
  }

  /** Whether every send is done or failed. */
  public boolean isIdle() {
    return engine.isIdle();
  }

  /** Gives up what is in flight; mails that come later do nothing. */
  @Override
  public void close() {
    closed = true;
    engine.close();
  }

  PrismEngine engine() {
    return engine;
  }

  private void mail() {
    if (closed) {
      return;
    }
    try {
      mailbox.execute(this::process, "prism");
    } catch (RuntimeException e) {
      // The mailbox closes before the operator does; whoever is left to read mails ends anyway.
      closed = true;
    }
  }

  private void process() {
    if (!closed) {
      engine.process();
    }
  }
}
