package dev.anabranch.union;

import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;

/** Has a probe ask in single steps, between which anything may happen. */
final class SimulatedProbe {
  /** So many make one round. */
  static final int STEPS = 4;

  private final PrimaryProbe probe;
  private final PrimaryProbe.Listener listener;
  private final Consumer<Runnable> inCoordinator;
  private final Admin admin;
  private final Trace trace;
  private @Nullable PrimaryView shown;
  private @Nullable Lookup lookup;
  private @Nullable Map<LogId, Lookup.Bounds> bounds;

  SimulatedProbe(
      PrimaryProbe probe,
      PrimaryProbe.Listener listener,
      Consumer<Runnable> inCoordinator,
      Trace trace) {
    this.probe = probe;
    this.listener = listener;
    this.inCoordinator = inCoordinator;
    this.admin = probe.open();
    this.trace = trace;
  }

  /** Whether it was replaced and has nothing left to say. */
  boolean isOver() {
    return probe.isClosed() && shown == null;
  }

  void step() throws InterruptedException {
    if (isOver()) {
      return;
    }
    try {
      ask();
    } catch (ExecutionException | TimeoutException e) {
      reset();
      trace.add(Trace.line("unanswered", probe.primary()));
      listener.failed(probe, Reasons.of(e));
    }
  }

  /** The next of: look, say what was seen, look the bounds of new logs up, say them. */
  private void ask() throws InterruptedException, ExecutionException, TimeoutException {
    PrimaryView seen = shown;
    Lookup asked = lookup;
    Map<LogId, Lookup.Bounds> found = bounds;
    if (seen == null) {
      shown = probe.look(admin);
    } else if (asked == null) {
      inCoordinator.accept(() -> lookup = say(seen));
      if (lookup == null || lookup.logs().isEmpty()) {
        reset();
      } else {
        lookup.logs().forEach(log -> trace.add(Trace.line("looked", log.splitId())));
      }
    } else if (found == null) {
      found = probe.resolve(admin, seen, asked);
      if (found == null) {
        reset();
        return;
      }
      bounds = found;
      found.keySet().forEach(log -> trace.add(Trace.line("resolved", log.splitId())));
    } else {
      reset();
      listener.resolved(probe, seen, asked, found);
    }
  }

  private Lookup say(PrimaryView seen) {
    try {
      return listener.seen(probe, seen);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void reset() {
    shown = null;
    lookup = null;
    bounds = null;
  }
}
