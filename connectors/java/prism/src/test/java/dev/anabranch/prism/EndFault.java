package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.LoggedText;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;

/** What goes wrong with primary a, or with both, while the input of a job ends. */
enum EndFault {
  KILLED {
    @Override
    void begin() {
      first().kill();
    }

    @Override
    void assertInForce() {
      assertThat(first().isAlive()).isFalse();
    }

    @Override
    void end() {
      first().restart();
    }
  },

  /** Sessions are as long as its pause: else it fences itself and refuses what has waited. */
  PAUSED {
    @Override
    String newStream(Path folder) {
      return ownFirst(Map.of("broker.session.timeout.ms", "600000"));
    }

    @Override
    void begin() {
      first().pause();
    }

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.answers(first().bootstrap(), Duration.ofSeconds(2))).isFalse();
    }

    @Override
    void end() {
      first().resume();
    }

    /** The job had written these elsewhere and was gone. */
    @Override
    void assertAfterwards() throws Exception {
      Await.until(
          () -> {
            Set<RecordId> twice = ids(first());
            twice.retainAll(ids(brokers.b()));
            return !twice.isEmpty();
          },
          Duration.ofSeconds(60));
    }
  },
  BLACK_HOLE {
    @Override
    void begin() {
      first().link().silence();
    }

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.answers(first().link().bootstrap(), Duration.ofSeconds(2))).isFalse();
      assertThat(Reach.answers(first().bootstrap(), Duration.ofSeconds(60))).isTrue();
    }
  },
  SLOW {
    private static final Duration DELAY = Duration.ofSeconds(2);

    @Override
    void begin() {
      first().link().slow(DELAY);
    }

    @Override
    void assertInForce() throws Exception {
      long began = System.nanoTime();
      assertThat(Reach.answers(first().link().bootstrap(), Duration.ofSeconds(60))).isTrue();
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(DELAY);
    }
  },
  THROTTLED {
    @Override
    void begin() throws Exception {
      brokers.throttle(first(), 200.0);
    }

    /** What comes at once is taken at once, and only what follows has to wait. */
    @Override
    long pauseMs() {
      return 2;
    }

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.throttles(first())).isTrue();
    }

    @Override
    void end() throws Exception {
      brokers.throttle(first(), null);
    }
  },
  TOPIC_MISSING {
    @Override
    String newStream(Path folder) {
      String name = brokers.newName();
      brokers.b().createTopic(name, 2);
      return name;
    }

    @Override
    void begin() {}

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.hasTopic(first(), stream)).isFalse();
    }

    @Override
    boolean isUsedBefore() {
      return false;
    }

    @Override
    List<LocalBroker> written() {
      return List.of(brokers.b());
    }
  },
  TOO_LARGE_FOR_ONE {
    @Override
    void begin() throws Exception {
      limitBatches(first(), 1);
    }

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.maxBatchBytes(first(), stream)).isOne();
    }
  },
  FORBIDDEN {
    @Override
    String newStream(Path folder) {
      return ownFirst(Permissions.LOOKED_UP);
    }

    @Override
    void begin() throws Exception {
      Permissions.forbid(first(), stream, AclOperation.WRITE);
      Await.until(() -> !Reach.mayWrite(first(), stream), Duration.ofSeconds(60));
    }

    @Override
    void assertInForce() throws Exception {
      assertThat(Reach.mayWrite(first(), stream)).isFalse();
    }
  },
  CERTIFICATE_EXPIRED {
    private ExpiredCertificate expired;
    private LoggedText log;

    @Override
    String newStream(Path folder) throws Exception {
      expired = new ExpiredCertificate(folder);
      log = new LoggedText();
      return ownFirst(expired.properties());
    }

    @Override
    void begin() throws Exception {
      Await.until(() -> log.soFar().contains("validity check failed"), Duration.ofSeconds(60));
    }

    @Override
    void assertInForce() {
      assertThat(log.soFar()).contains("validity check failed");
      assertThat(Logs.read(first(), stream)).isEmpty();
    }

    @Override
    boolean isUsedBefore() {
      return false;
    }

    @Override
    String topology(Path folder) throws Exception {
      String auth =
          "auth: {type: plain, username: alice, password: \"file:%s\", ca: \"file:%s\"}"
              .formatted(expired.password(), expired.authority());
      Path topology = Path.of(super.topology(folder));
      String text = Files.readString(topology);
      Files.writeString(topology, text.replace("a: {", "a: {" + auth + ", "));
      return topology.toString();
    }

    @Override
    List<LocalBroker> written() {
      return List.of(brokers.b());
    }

    @Override
    void end() {
      log.close();
    }
  },
  DISK_FULL {
    @Override
    String newStream(Path folder) {
      return ownFirst(Map.of());
    }

    /** What it has is beyond that already: the first record that comes ends it. */
    @Override
    void begin() {
      first().fillDisk(1_000);
    }

    @Override
    void assertInForce() throws Exception {
      Await.until(() -> !first().isAlive(), Duration.ofSeconds(60));
    }

    @Override
    void end() {
      first().restart();
    }
  },

  /** The input's second half takes ten seconds, five changes of the link. */
  FLAPPING {
    private Flapping flapping;

    @Override
    void begin() {
      flapping = new Flapping(first().link(), Duration.ofSeconds(2));
    }

    @Override
    long pauseMs() {
      return 5;
    }

    @Override
    void assertInForce() {
      assertThat(flapping.isGoingOn()).isTrue();
      assertThat(flapping.cuts()).isGreaterThan(1);
    }

    @Override
    void end() throws Exception {
      flapping.stop();
      super.end();
    }
  },

  /** The job cannot end before it does. */
  ALL_DOWN {
    @Override
    void begin() {
      cutBoth();
    }

    @Override
    void assertInForce() throws Exception {
      assertBothCut();
    }

    /** Else the sink would wait at the first barrier, and not come to the end of its input. */
    @Override
    Duration checkpointInterval() {
      return Duration.ofHours(1);
    }

    @Override
    boolean endsBeforeTheJob() {
      return true;
    }
  },
  ALL_DOWN_AT_A_CHECKPOINT {
    @Override
    void begin() {
      cutBoth();
    }

    @Override
    void assertInForce() throws Exception {
      assertBothCut();
    }

    @Override
    boolean holdsTheSinkAtABarrier() {
      return true;
    }

    @Override
    boolean endsBeforeTheJob() {
      return true;
    }
  };

  /** Of whoever runs the job. */
  static TwoBrokers brokers;

  static String stream = "";

  /** Instead of broker a, where a test does something to it that another would notice. */
  private static @Nullable LocalBroker own;

  /** Creates the topics and returns their name. */
  String newStream(Path folder) throws Exception {
    return brokers.stream(2);
  }

  /** Both primaries, by way of their links; but one of the test's own needs none. */
  String topology(Path folder) throws Exception {
    return TwoBrokers.topology(
        folder, stream, 2, 1, first().link().bootstrap(), brokers.b().link().bootstrap());
  }

  /** Returns when it is so. */
  abstract void begin() throws Exception;

  /** Called when the input of the sink has ended, and again when the job has. */
  abstract void assertInForce() throws Exception;

  /** How long each record of the second half of the input takes. */
  long pauseMs() {
    return 0;
  }

  /** Whether primary a takes records before. */
  boolean isUsedBefore() {
    return true;
  }

  Duration checkpointInterval() {
    return Duration.ofMillis(200);
  }

  /** Whether only the source can come to its end meanwhile. */
  boolean holdsTheSinkAtABarrier() {
    return false;
  }

  /** Whether the job waits for its end. */
  boolean endsBeforeTheJob() {
    return false;
  }

  /** Called once, whatever has happened since it began. */
  void end() throws Exception {
    first().link().open();
    brokers.b().link().open();
  }

  /** What else is so once it is over. */
  void assertAfterwards() throws Exception {}

  /** Where the records are. */
  List<LocalBroker> written() {
    return List.of(first(), brokers.b());
  }

  static LocalBroker first() {
    return own != null ? own : brokers.a();
  }

  static void closeOwn() {
    if (own != null) {
      own.close();
      own = null;
    }
  }

  /** A stream whose primary a is a broker of the test's own. */
  private static String ownFirst(Map<String, String> properties) {
    LocalBroker broker = LocalBroker.start("own", properties);
    own = broker;
    String name = brokers.newName();
    broker.createTopic(name, 2);
    brokers.b().createTopic(name, 2);
    return name;
  }

  private static void cutBoth() {
    first().link().cut();
    brokers.b().link().cut();
  }

  private static void assertBothCut() throws Exception {
    for (LocalBroker broker : List.of(first(), brokers.b())) {
      assertThat(Reach.answers(broker.link().bootstrap(), Duration.ofSeconds(2))).isFalse();
      assertThat(Reach.answers(broker.bootstrap(), Duration.ofSeconds(60))).isTrue();
    }
  }

  private static Set<RecordId> ids(LocalBroker broker) {
    Set<RecordId> ids = new HashSet<>();
    Logs.read(broker, stream).forEach(record -> ids.add(Logs.id(record)));
    return ids;
  }

  /** Lets the stream's topic take no batch of more bytes. */
  private static void limitBatches(LocalBroker broker, int bytes) throws Exception {
    ConfigEntry limit = new ConfigEntry("max.message.bytes", Integer.toString(bytes));
    try (Admin admin = broker.admin()) {
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, stream),
                  List.of(new AlterConfigOp(limit, AlterConfigOp.OpType.SET))))
          .all()
          .get();
    }
    Await.until(() -> Reach.maxBatchBytes(broker, stream) == bytes, Duration.ofSeconds(60));
  }
}
