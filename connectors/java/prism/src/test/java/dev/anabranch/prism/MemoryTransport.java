package dev.anabranch.prism;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A primary in memory that acknowledges at once what it gets, and keeps it. */
final class MemoryTransport implements Transport {
  /** Synchronised, since an engine's own thread may write while the test looks. */
  final List<Send> log = Collections.synchronizedList(new ArrayList<>());

  volatile boolean closed;

  private volatile Transport.@Nullable Listener listener;

  /** Gives it the engine that is to be told; until {@link #ready} it is not used. */
  MemoryTransport toldTo(Transport.Listener engine) {
    listener = engine;
    return this;
  }

  void ready() {
    Transport.Listener told = listener;
    if (told != null) {
      told.ready("");
    }
  }

  @Override
  public void send(Send send, Attempt attempt) {
    log.add(send);
    attempt.acknowledge(0, log.size() - 1);
  }

  @Override
  public void rebuild(String reason) {}

  @Override
  public void close() {
    closed = true;
  }

  @Override
  public void awaitClosed(Duration limit) {}
}
