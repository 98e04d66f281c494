package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LoggedText;
import dev.anabranch.topology.Group;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How an engine follows the topology, with primaries in memory that acknowledge at once. */
@Timeout(60)
class PrismEngineTest {
  private static final PrismOptions OPTIONS =
      PrismOptions.builder()
          .hedgeAfter(Duration.ofMillis(200))
          .maxBlock(Duration.ofSeconds(1))
          .maxStale(Duration.ofMinutes(10))
          .build();

  private final Feed feed = new Feed();
  private final Map<String, MemoryTransport> made = new LinkedHashMap<>();
  private PrismEngine.Failures failures = PrismEngine.Failures.THROW;
  private int transports;
  private @Nullable PrismEngine engine;

  /** A topology that the test sets. */
  private static final class Feed implements TopologyFeed {
    @Nullable Topology current;
    @Nullable Instant fetched;
    @Nullable Consumer<Topology> listener;

    void publish(Topology topology) {
      current = topology;
      fetched = Instant.now();
      Consumer<Topology> told = listener;
      if (told != null) {
        told.accept(topology);
      }
    }

    @Override
    public @Nullable Topology current() {
      return current;
    }

    @Override
    public @Nullable Instant lastFetched() {
      return fetched;
    }

    @Override
    public void onChange(Consumer<Topology> listener) {
      this.listener = listener;
    }

    @Override
    public void close() {}
  }

  @AfterEach
  void close() {
    if (engine != null) {
      engine.close();
    }
  }

  private PrismEngine open() {
    return open(OPTIONS);
  }

  private PrismEngine open(PrismOptions options) {
    PrismEngine.Hooks hooks = new PrismEngine.Hooks(() -> {}, failures, (name, stats) -> {});
    Transport.Factory factory =
        (name, primary, view, listener) -> {
          MemoryTransport memory = new MemoryTransport().toldTo(listener);
          made.put(name + "@" + primary.bootstrap().get(0), memory);
          transports++;
          memory.ready();
          return memory;
        };
    PrismEngine opened = new PrismEngine("s", options, feed, factory, hooks);
    opened.start(true);
    engine = opened;
    return opened;
  }

  private static Topology topology(long generation, Map<String, Primary> primaries) {
    return topology(generation, primaries, 1);
  }

  private static Topology topology(long generation, Map<String, Primary> primaries, int copies) {
    StreamSpec spec = new StreamSpec(null, 1, copies, null, null);
    return new Topology(generation, Map.of("g", new Group(primaries, Map.of("s", spec))));
  }

  private static Primary primary(String bootstrap, WantedState state) {
    return new Primary(List.of(bootstrap), state, null);
  }

  private static void send(PrismEngine engine, int count) throws Exception {
    for (int i = 0; i < count; i++) {
      engine.send(OutgoingRecord.of(new byte[1]), RecordId.supplied("x", i), null, null);
    }
    settle(engine);
  }

  private static void settle(PrismEngine engine) throws Exception {
    Await.until(
        () -> {
          engine.process();
          return engine.isIdle();
        },
        Duration.ofSeconds(30));
  }

  private MemoryTransport at(String place) {
    MemoryTransport memory = made.get(place);
    assertThat(memory).as(place).isNotNull();
    return memory;
  }

  @Test
  void drainingPrimaryGetsNothingMore() throws Exception {
    Primary a = primary("h:1", WantedState.ACTIVE);
    Primary b = primary("h:2", WantedState.ACTIVE);
    feed.publish(topology(1, Map.of("a", a, "b", b)));
    PrismEngine engine = open();
    send(engine, 300);
    int before = at("b@h:2").log.size();
    assertThat(before).isPositive();

    feed.publish(topology(2, Map.of("a", a, "b", primary("h:2", WantedState.DRAINING))));
    engine.process();
    send(engine, 300);
    assertThat(at("b@h:2").log).hasSize(before);
    Await.until(
        () -> {
          engine.process();
          return at("b@h:2").closed;
        },
        Duration.ofSeconds(30));
    assertThat(at("a@h:1").closed).isFalse();
  }

  @Test
  void newAddressReplacesOneTransportOnly() throws Exception {
    Primary a = primary("h:1", WantedState.ACTIVE);
    feed.publish(topology(1, Map.of("a", a, "b", primary("h:2", WantedState.ACTIVE))));
    PrismEngine engine = open();
    send(engine, 10);
    feed.publish(topology(2, Map.of("a", a, "b", primary("h:3", WantedState.ACTIVE))));
    engine.process();
    assertThat(transports).isEqualTo(3);
    assertThat(at("b@h:2").closed).isTrue();
    send(engine, 300);
    assertThat(at("b@h:3").log).isNotEmpty();
  }

  @Test
  void startsWithoutADocumentAndGoesOnWhenThereIsOne() throws Exception {
    PrismEngine engine = open();
    engine.send(OutgoingRecord.of(new byte[1]), RecordId.supplied("x", 0), null, null);
    engine.process();
    assertThat(engine.isIdle()).isFalse();
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE))));
    settle(engine);
    assertThat(at("a@h:1").log).hasSize(1);
  }

  @Test
  void refusesToGoOnWithAnOldDocument() throws Exception {
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE))));
    PrismEngine engine = open();
    send(engine, 1);
    feed.fetched = Instant.now().minus(Duration.ofHours(1));
    assertThatThrownBy(
            () -> {
              // It is looked at with each tick, so the first ones may still pass.
              while (true) {
                send(engine, 1);
                Thread.sleep(20);
              }
            })
        .isInstanceOf(DeliveryException.class)
        .hasMessageContaining("more than max-stale (600 s)");
  }

  @Test
  void aStreamThatTheDocumentDoesNotHaveIsToldAtTheStart() {
    feed.publish(new Topology(1, Map.of("g", new Group(Map.of(), Map.of()))));
    assertThatThrownBy(this::open)
        .isInstanceOf(TopologyException.class)
        .hasMessageContaining("no stream 's'");
  }

  @Test
  void aHomeThatIsNoPrimaryIsToldAtTheStartAndADrainedOneIsNone() throws Exception {
    Primary drained = primary("h:2", WantedState.DRAINING);
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE), "b", drained)));
    assertThatThrownBy(() -> open(PrismOptions.builder().home("z").build()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no home primary 'z'");
    send(open(PrismOptions.builder().home("b").weight("z", 2).build()), 5);
    assertThat(at("a@h:1").log).hasSize(5);
  }

  @Test
  void aRecordThatDoesWithFewerCopiesIsListedAsItLiesInTheLog() throws Exception {
    List<String> listed = new ArrayList<>();
    failures =
        new PrismEngine.Failures() {
          @Override
          public void failed(OutgoingRecord record, RecordId id, RuntimeException error) {
            throw error;
          }

          @Override
          public boolean degraded(OutgoingRecord record, Delivery delivery) {
            List<String> headers = Arrays.stream(record.headers()).map(RawHeader::name).toList();
            return listed.add(
                record.timestampMs() + " " + headers + " " + delivery.describeCopies());
          }
        };
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE)), 2));
    PrismEngine engine = open(PrismOptions.builder().degradeAfter(Duration.ofMillis(100)).build());
    OutgoingRecord record =
        new OutgoingRecord(
            new byte[1],
            new byte[2],
            7L,
            new RawHeader[] {new RawHeader("colour", new byte[3])},
            null,
            0,
            true);
    engine.send(record, RecordId.supplied("x", 1), new RecordVersion(1, 2), null);
    settle(engine);
    assertThat(listed)
        .containsExactly(
            "7 [colour, anabranch-id, anabranch-version, anabranch-op] 1 of 2 copies written, to a");
  }

  @Test
  void aRecordThatNobodyListsIsALineInTheLogThatNamesItsStream() throws Exception {
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE)), 2));
    PrismEngine engine = open(PrismOptions.builder().degradeAfter(Duration.ofMillis(100)).build());
    try (LoggedText log = new LoggedText()) {
      send(engine, 1);
      String id = HexFormat.of().formatHex(RecordId.supplied("x", 0).toBytes());
      assertThat(log.soFar())
          .containsOnlyOnce("stream s: record " + id + ": 1 of 2 copies written, to a");
    }
  }

  @Test
  void aWriterStartsAgainWhereTheCopiesHaveBeenLoweredToOneMeanwhile() throws Exception {
    PrismOptions options = PrismOptions.builder().degradeAfter(Duration.ofSeconds(50)).build();
    Map<String, Primary> primaries = Map.of("a", primary("h:1", WantedState.ACTIVE));
    feed.publish(topology(1, primaries, 2));
    PrismEngine first = open(options);
    first.send(OutgoingRecord.of(new byte[1]), RecordId.supplied("x", 0), null, null);
    first.process();
    assertThat(first.isIdle()).isFalse();
    feed.publish(topology(2, primaries, 1));
    settle(first);
    first.close();

    send(open(options), 5);
    assertThat(at("a@h:1").log).hasSize(5);
  }

  @Test
  void aLaterDocumentWithoutTheStreamIsNotFollowed() throws Exception {
    feed.publish(topology(1, Map.of("a", primary("h:1", WantedState.ACTIVE))));
    PrismEngine engine = open();
    feed.publish(new Topology(2, Map.of("g", new Group(Map.of(), Map.of()))));
    send(engine, 5);
    assertThat(at("a@h:1").log).hasSize(5);
  }
}
