package dev.anabranch.prism;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A primary in memory with one log, and the client before it. The same as Python's {@code
 * SimulatedPrimary}: it works when it is asked to.
 */
final class SimulatedPrimary {
  /** A second until a new client has its metadata. */
  private static final int TICKS_TO_READY = 50;

  final List<Send> log = new ArrayList<>();
  String cluster;
  boolean reachable = true;
  boolean answering = true;
  boolean accepts = true;
  @Nullable Exception error;
  int maxBytes = Integer.MAX_VALUE;
  int clientMaxBytes = Integer.MAX_VALUE;
  boolean clientFull;
  boolean clientBroken;
  int rebuilds;
  private final Queue<Integer> toAnswer = new ArrayDeque<>();

  SimulatedPrimary(String cluster) {
    this.cluster = cluster;
  }

  /** Answers that many of the oldest records, after the first {@code skip}, although it pauses. */
  void answer(int count, int skip) {
    for (int i = 0; i < count; i++) {
      toAnswer.add(skip);
    }
  }

  /** A client of this primary. */
  final class Client implements Transport {
    final Transport.Listener listener;
    boolean closed;
    private int ticksToReady;
    private final List<Sent> queue = new ArrayList<>();

    Client(Transport.Listener listener) {
      this.listener = listener;
    }

    private static final class Sent {
      final Send send;
      final Attempt attempt;
      boolean written;

      Sent(Send send, Attempt attempt) {
        this.send = send;
        this.attempt = attempt;
      }
    }

    @Override
    public void send(Send send, Attempt attempt) {
      if (clientBroken) {
        attempt.fail(new OutOfOrderSequenceException("broken"));
      } else if (send.record.value().length > clientMaxBytes) {
        attempt.refuse(new RecordTooLargeException("message size too large"));
      } else if (clientFull) {
        attempt.refuse(new BufferExhaustedException("queue full"));
      } else {
        queue.add(new Sent(send, attempt));
      }
    }

    @Override
    public void rebuild(String reason) {
      rebuilds++;
      clientBroken = false;
      listener.unready(reason);
      ticksToReady = TICKS_TO_READY;
    }

    /** To be called as time passes. */
    void tick() {
      if (ticksToReady > 0 && --ticksToReady == 0) {
        listener.ready(cluster);
      }
    }

    @Override
    public void close() {
      closed = true;
      loseConnection();
    }

    @Override
    public void awaitClosed(Duration limit) {}

    /** What is in the client and not in the log is given up. */
    void loseConnection() {
      List<Sent> lost = queue.stream().filter(sent -> !sent.written).toList();
      queue.removeAll(lost);
      lost.forEach(sent -> sent.attempt.fail(new TimeoutException("given up")));
    }

    /** Lets the primary do what it does in no time. */
    void work() {
      if (!reachable) {
        return;
      }
      if (accepts) {
        queue.forEach(this::write);
      }
      while (answering && !queue.isEmpty()) {
        answer(queue.remove(0));
      }
      while (!toAnswer.isEmpty() && queue.size() > toAnswer.element()) {
        Sent sent = queue.remove((int) toAnswer.remove());
        write(sent);
        answer(sent);
      }
    }

    private void write(Sent sent) {
      if (!sent.written && refusal(sent) == null) {
        sent.written = true;
        log.add(sent.send);
      }
    }

    private void answer(Sent sent) {
      Exception refusal = refusal(sent);
      if (refusal == null) {
        sent.attempt.acknowledge(0, log.indexOf(sent.send));
      } else {
        sent.attempt.fail(refusal);
      }
    }

    private @Nullable Exception refusal(Sent sent) {
      if (error != null) {
        return error;
      }
      return sent.send.record.value().length > maxBytes
          ? new RecordTooLargeException("message size too large")
          : null;
    }
  }
}
