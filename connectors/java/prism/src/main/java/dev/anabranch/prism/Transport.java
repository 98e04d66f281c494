package dev.anabranch.prism;

import dev.anabranch.topology.Primary;
import java.time.Duration;

/** The way to one primary. All methods return at once. */
interface Transport extends AutoCloseable {
  /**
   * Starts to send. The attempt is told the outcome from any thread, once, possibly before this
   * returns. The order of two sends of one key is kept in the primary's log.
   */
  void send(Send send, Attempt attempt);

  /** Gives up a client that will not recover and makes another one. */
  void rebuild(String reason);

  /** Begins to give up everything; attempts under way are told. */
  @Override
  void close();

  /** Waits at most that long until nothing of it is left. */
  void awaitClosed(Duration limit) throws InterruptedException;

  /** Makes transports. */
  @FunctionalInterface
  interface Factory {
    /**
     * Makes a transport and begins to prepare it. It tells {@code listener} when it is ready.
     *
     * @param view the document's part about the stream
     */
    Transport create(String name, Primary primary, StreamView view, Listener listener);
  }

  /** Is told by a transport, from any thread, whether it can send. */
  interface Listener {
    /**
     * The primary answers and has the topic. Told again where it turns out to be another cluster.
     *
     * @param cluster the id of its Kafka cluster, empty where it does not tell
     */
    void ready(String cluster);

    /** It does not; {@code reason} is for people. */
    void unready(String reason);
  }
}
