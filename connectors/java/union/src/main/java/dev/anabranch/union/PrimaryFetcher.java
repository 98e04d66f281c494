package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import dev.anabranch.union.FetcherFaults.Moment;
import dev.anabranch.union.HandedOver.Batch;
import dev.anabranch.union.HandedOver.Fetched;
import dev.anabranch.union.HandedOver.PrimaryNews;
import dev.anabranch.union.HandedOver.SplitNews;
import dev.anabranch.union.PositionBook.Entry;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads all logs that a reader has on one primary: one thread, one consumer, one admin client. Any
 * trouble ends the same way: clients are thrown away, and after a pause new ones are opened from
 * the {@link PositionBook}, which has moved only with records that were handed over.
 */
final class PrimaryFetcher implements AutoCloseable {
  /** How the client ids of its clients begin. */
  static final String CLIENT_ID = "anabranch-reader-";

  /** How many polls of one primary may wait in the queue: one being emitted, two ahead. */
  private static final int MAX_IN_QUEUE = 3;

  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration FIRST_BACK_OFF = Duration.ofMillis(200);
  private static final Duration LAST_BACK_OFF = Duration.ofSeconds(5);

  /** How often identities are compared while nothing else calls for it. */
  private static final Duration COMPARE_INTERVAL = Duration.ofSeconds(5);

  /** How often logs are asked for their ends where a watermark rests on it; a few milliseconds. */
  private static final Duration ENDS_INTERVAL = Duration.ofSeconds(1);

  /** News of a topic are with all brokers of a cluster by then. */
  private static final Duration SETTLE = Duration.ofMillis(500);

  private final String name;
  private final UnionSettings settings;
  private final Handover handover;
  private final PrimaryMetrics metrics;
  private final Surroundings around;
  private final PositionBook book = new PositionBook();
  private final LinkedBlockingQueue<Runnable> commands = new LinkedBlockingQueue<>();
  private final Semaphore permits = new Semaphore(MAX_IN_QUEUE);
  private final Map<TopicPartition, Entry> assigned = new HashMap<>();
  private final Thread thread;
  private Primary primary;
  private @Nullable Admin admin;
  private @Nullable Consumer<byte[], byte[]> consumer;
  private MetadataWatch watch = new MetadataWatch();
  private LogIdentity.@Nullable Question question;
  private @Nullable EndsQuestion endsQuestion;
  private long endsAskedNanos;
  private int comparedUpdates;
  private long comparedNanos;
  private long progressNanos;
  private boolean compareSoon;
  private boolean reassign;
  private Duration backOff = FIRST_BACK_OFF;
  private volatile boolean closed;

  PrimaryFetcher(
      String name,
      Primary primary,
      UnionSettings settings,
      Handover handover,
      PrimaryMetrics metrics,
      Surroundings around) {
    this.name = name;
    this.metrics = metrics;
    this.around = around;
    this.endsAskedNanos = around.nanoTime() - ENDS_INTERVAL.toNanos();
    this.primary = primary;
    this.settings = settings;
    this.handover = handover;
    this.thread = new Thread(this::run, "union-fetcher-" + settings.stream() + "-" + name);
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Reads that log, too; any thread, as are the next three. */
  void add(FetchOrder order) {
    commands.add(
        () -> {
          book.add(order);
          // An answer that is on its way may not speak of this log's topic.
          question = null;
          compareSoon = true;
        });
  }

  /** Reads that log no longer. */
  void remove(String splitId) {
    commands.add(
        () -> {
          book.remove(splitId);
          reassign = true;
        });
  }

  /** Stops or resumes fetching a log, for watermark alignment. */
  void pause(String splitId, boolean paused) {
    commands.add(
        () -> {
          book.pause(splitId, paused);
          reassign = true;
        });
  }

  /** The primary is to be reached in another way. */
  void reach(Primary changed) {
    commands.add(
        () -> {
          if (!changed.equals(primary)) {
            primary = changed;
            closeClients();
          }
        });
  }

  /** Commits a group's offsets; what goes wrong is only counted. Completes with any answer. */
  CompletableFuture<Void> commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
    CompletableFuture<Void> answered = new CompletableFuture<>();
    commands.add(
        () -> {
          String group = settings.groupId();
          if (admin == null || group == null) {
            metrics.commitFailed();
            answered.complete(null);
            return;
          }
          // By the admin client: nothing touches the consumer between poll and hand-over.
          admin
              .alterConsumerGroupOffsets(group, offsets)
              .all()
              .whenComplete(
                  (done, error) -> {
                    if (error != null) {
                      metrics.commitFailed();
                    }
                    answered.complete(null);
                  });
        });
    return answered;
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }

  void awaitEnd(long limitMs) throws InterruptedException {
    thread.join(limitMs);
  }

  private void run() {
    try {
      while (!closed) {
        step();
      }
    } catch (Throwable e) {
      // Nothing but a close interrupts this thread, and only errors of the JVM get here otherwise.
      if (!closed) {
        handover.put(new HandedOver.Fatal(e));
      }
    } finally {
      // Clients refuse to close in a thread that is marked as interrupted.
      Thread.interrupted();
      closeClients();
    }
  }

  /** One turn: what was asked of it, a comparison if one is due, one poll. Never fails. */
  void step() throws InterruptedException {
    try {
      runCommands(book.isEmpty() ? Duration.ofDays(1) : Duration.ZERO);
      if (book.isEmpty()) {
        closeClients();
        return;
      }
      compareIfDue();
      if (settings.watermarkMode().isManaged()) {
        askEndsIfDue();
      }
      if (reassign) {
        assign();
      }
      if (consumer == null) {
        runCommands(POLL);
      } else {
        pollOnce(consumer);
      }
      backOff = FIRST_BACK_OFF;
    } catch (OffsetOutOfRangeException e) {
      outOfRange(e);
    } catch (InterruptedException | org.apache.kafka.common.errors.InterruptException e) {
      throw new InterruptedException();
    } catch (Exception | LinkageError e) {
      retryLater(e);
    }
  }

  private void runCommands(Duration wait) throws InterruptedException {
    Runnable command = commands.poll(around.patience(wait).toMillis(), TimeUnit.MILLISECONDS);
    while (command != null) {
      command.run();
      command = commands.poll();
    }
  }

  private void compareIfDue() throws InterruptedException, ExecutionException, TimeoutException {
    if (admin == null) {
      admin = around.admin(primary, CLIENT_ID + settings.stream());
      compareNow(admin);
    } else if (question == null) {
      if (compareSoon || around.nanoTime() - comparedNanos > COMPARE_INTERVAL.toNanos()) {
        compareSoon = false;
        question = LogIdentity.ask(admin, book.topics(), around.nanoTime());
      }
    } else if (question.isAnswered()) {
      LogIdentity.Question answered = question;
      question = null;
      try {
        compared(answered.answer());
      } catch (ExecutionException | TimeoutException e) {
        // Busy brokers may answer late; as long as records come, the primary is not down.
        if (progressNanos < answered.askedNanos()) {
          throw e;
        }
      }
    }
  }

  private void askEndsIfDue() throws InterruptedException, ExecutionException {
    EndsQuestion asked = endsQuestion;
    if (asked != null && asked.isAnswered()) {
      handover.answered(asked.seen());
      endsQuestion = null;
    }
    long now = around.nanoTime();
    if (endsQuestion == null && now - endsAskedNanos >= ENDS_INTERVAL.toNanos()) {
      endsAskedNanos = now;
      endsQuestion = EndsQuestion.ask(admin(), book.readable(), isolation(), now);
    }
  }

  /** An end is the one that the consumer can read up to. */
  private IsolationLevel isolation() {
    String level =
        settings.consumerProperties().getOrDefault(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "");
    return level.equals("read_uncommitted")
        ? IsolationLevel.READ_UNCOMMITTED
        : IsolationLevel.READ_COMMITTED;
  }

  /** Asks and waits: nothing that was polled may be handed over before the answer. */
  private void compareNow(Admin client)
      throws InterruptedException, ExecutionException, TimeoutException {
    question = null;
    compared(LogIdentity.ask(client, book.topics(), around.nanoTime()).answer());
  }

  private void compared(LogIdentity shown) {
    comparedNanos = around.nanoTime();
    List<SplitNews> news = book.compare(shown);
    handover.put(new PrimaryNews(name, true, ""));
    news.forEach(handover::put);
    reassign |= !news.isEmpty();
  }

  /** Brings the consumer in step with the book: new logs start at the book's position. */
  private void assign() {
    reassign = false;
    Map<TopicPartition, Entry> wanted = new HashMap<>();
    book.readable().forEach(entry -> wanted.put(entry.place(), entry));
    if (wanted.isEmpty()) {
      closeConsumer();
      return;
    }
    Consumer<byte[], byte[]> open = consumer;
    if (open == null) {
      watch = new MetadataWatch();
      comparedUpdates = -1;
      open =
          around.consumer(
              primary, CLIENT_ID + settings.stream(), settings.consumerProperties(), watch);
      consumer = open;
    }
    open.assign(wanted.keySet());
    for (Entry entry : wanted.values()) {
      if (assigned.get(entry.place()) != entry) {
        open.seek(entry.place(), UnionSplit.position(entry.position(), entry.leaderEpoch()));
      }
    }
    assigned.clear();
    assigned.putAll(wanted);
    open.resume(wanted.keySet());
    open.pause(wanted.values().stream().filter(Entry::isPaused).map(Entry::place).toList());
  }

  private void pollOnce(Consumer<byte[], byte[]> open) throws Exception {
    if (!permits.tryAcquire(around.patience(POLL).toMillis(), TimeUnit.MILLISECONDS)) {
      return;
    }
    boolean handedOver = false;
    try {
      ConsumerRecords<byte[], byte[]> records = open.poll(POLL);
      int updates = watch.updates();
      if (!records.nextOffsets().isEmpty()) {
        settings.faults().at(name, Moment.POLLED, records.count());
        if (updates != comparedUpdates) {
          compareNow(admin());
          comparedUpdates = updates;
          // The broker that was asked may itself not have heard yet of what the consumer has: what
          // is handed over until it is asked again may be of the topic's successor. To hold all
          // until then would cost half a second at each change of leader.
          comparedNanos += SETTLE.minus(COMPARE_INTERVAL).toNanos();
        }
        Map<Entry, Batch> batches = batches(records);
        settings.faults().at(name, Moment.BEFORE_HAND_OVER, records.count());
        // From here to the last advance nothing may throw. The reader refuses a batch that does
        // not begin where the one before ended, so even a slip here could not lose records.
        handover.put(new Fetched(List.copyOf(batches.values()), permits));
        handedOver = true;
        batches.forEach(
            (entry, batch) -> book.advance(entry, batch.nextOffset(), batch.leaderEpoch()));
        progressNanos = around.nanoTime();
        settings.faults().at(name, Moment.AFTER_HAND_OVER, records.count());
      }
      noteEnds(open);
    } finally {
      if (!handedOver) {
        permits.release();
      }
    }
  }

  private Map<Entry, Batch> batches(ConsumerRecords<byte[], byte[]> records) {
    Map<Entry, Batch> batches = new HashMap<>();
    records
        .nextOffsets()
        .forEach(
            (place, next) -> {
              Entry entry = assigned.get(place);
              if (entry == null || !entry.isReadable()) {
                // The consumer has moved past what is dropped here. It is sought should the log
                // come
                // back: what made it unreadable has asked for an assignment without it before that.
                return;
              }
              batches.put(
                  entry,
                  new Batch(
                      entry.order().splitId(),
                      entry.order().attempt(),
                      entry.position(),
                      records.records(place),
                      next.offset(),
                      next.leaderEpoch().orElse(entry.leaderEpoch())));
            });
    return batches;
  }

  private void noteEnds(Consumer<byte[], byte[]> open) {
    for (Entry entry : assigned.values()) {
      open.currentLag(entry.place())
          .ifPresent(lag -> entry.order().end().set(entry.position() + lag));
      reassign |= !entry.isReadable();
    }
  }

  private void outOfRange(OffsetOutOfRangeException refused) throws InterruptedException {
    try {
      // The log may be another one by now; then its offsets say nothing.
      compareNow(admin());
      RangeJudge.judge(refused, admin(), book, settings.outOfRange().readsOn())
          .forEach(handover::put);
      closeConsumer();
    } catch (ExecutionException | TimeoutException | RuntimeException e) {
      retryLater(e);
    }
  }

  private void retryLater(Throwable trouble) throws InterruptedException {
    closeClients();
    handover.put(new PrimaryNews(name, false, Reasons.of(trouble)));
    long until = around.nanoTime() + around.patience(backOff).toNanos();
    while (around.nanoTime() < until && !closed) {
      runCommands(POLL);
    }
    Duration twice = backOff.multipliedBy(2);
    backOff = twice.compareTo(LAST_BACK_OFF) > 0 ? LAST_BACK_OFF : twice;
  }

  private Admin admin() {
    Admin open = admin;
    if (open == null) {
      throw new IllegalStateException("no admin client is open");
    }
    return open;
  }

  private void closeClients() {
    closeConsumer();
    Admin open = admin;
    admin = null;
    question = null;
    endsQuestion = null;
    if (open != null) {
      try {
        open.close(Duration.ZERO);
      } catch (RuntimeException e) {
        // Its thread is a daemon; nothing depends on it any more.
      }
    }
  }

  private void closeConsumer() {
    Consumer<byte[], byte[]> open = consumer;
    consumer = null;
    assigned.clear();
    reassign = true;
    if (open != null) {
      try {
        open.close(org.apache.kafka.clients.consumer.CloseOptions.timeout(Duration.ZERO));
      } catch (RuntimeException e) {
        // Nothing depends on it any more.
      }
    }
  }
}
