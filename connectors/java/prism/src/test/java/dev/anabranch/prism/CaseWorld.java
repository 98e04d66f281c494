package dev.anabranch.prism;

import com.fasterxml.jackson.databind.JsonNode;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.jspecify.annotations.Nullable;

/**
 * Plays the acting steps of {@code tests/unit/vectors/prism.json} with a core, on simulated time;
 * {@link CaseView} tells what came of it.
 */
final class CaseWorld {
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  final Map<String, SimulatedPrimary> primaries = new TreeMap<>();
  final Map<String, List<SimulatedPrimary.Client>> clients = new TreeMap<>();
  final Map<String, LaneStats> stats = new HashMap<>();
  final Map<Integer, Delivery> deliveries = new LinkedHashMap<>();
  final List<RecordId> ids = new ArrayList<>();
  final List<JsonNode> asked = new ArrayList<>();
  final PrismCore core;
  final Lanes lanes;
  private final Completions completions = new Completions(() -> {});
  private long now = TimeUnit.DAYS.toNanos(1);
  private final Map<String, String> addresses = new HashMap<>();
  private int copies;
  private int warmed;

  CaseWorld(JsonNode theCase, JsonNode defaults) {
    core =
        new PrismCore(
            "s",
            options(theCase, defaults),
            completions,
            (send, superseded, error) -> {
              if (send.listener != null) {
                send.listener.onDone(send.delivery(superseded, error));
              }
            });
    lanes = new Lanes(options(theCase, defaults), this::client, laneEvents(), stats::put);
    theCase
        .path("clusters")
        .properties()
        .forEach(e -> primaries.put(e.getKey(), new SimulatedPrimary(e.getValue().asText())));
    copies = orDefault("copies", theCase, defaults).asInt();
    Map<String, WantedState> states = new TreeMap<>();
    orDefault("primaries", theCase, defaults)
        .forEach(name -> states.put(name.asText(), WantedState.ACTIVE));
    follow(states);
    core.hold(null);
  }

  private static JsonNode orDefault(String field, JsonNode theCase, JsonNode defaults) {
    return theCase.has(field) ? theCase.get(field) : defaults.get(field);
  }

  private static PrismOptions options(JsonNode theCase, JsonNode defaults) {
    Map<String, JsonNode> all = new HashMap<>();
    for (JsonNode options : List.of(defaults.get("options"), theCase.path("options"))) {
      options.properties().forEach(each -> all.put(each.getKey(), each.getValue()));
    }
    PrismOptionsBuilder builder = PrismOptions.builder();
    int records = PrismOptions.defaults().maxInFlightRecords();
    long bytes = PrismOptions.defaults().maxInFlightBytes();
    for (Map.Entry<String, JsonNode> each : all.entrySet()) {
      JsonNode value = each.getValue();
      switch (each.getKey()) {
        case "home" -> builder.home(value.asText());
        case "weights" ->
            value.properties().forEach(w -> builder.weight(w.getKey(), w.getValue().asInt()));
        case "hedge_after_s" -> builder.hedgeAfter(seconds(value));
        case "degrade_after_s" -> builder.degradeAfter(seconds(value));
        case "max_block_s" -> builder.maxBlock(seconds(value));
        case "max_in_flight_records" -> records = value.asInt();
        case "max_in_flight_bytes" -> bytes = value.asLong();
        default -> throw new IllegalArgumentException("option " + each.getKey());
      }
    }
    return builder.maxInFlight(records, bytes).build();
  }

  private static Duration seconds(JsonNode value) {
    return Duration.ofMillis(Math.round(value.asDouble() * 1000));
  }

  private Transport client(
      String name, Primary primary, StreamView view, Transport.Listener listener) {
    SimulatedPrimary simulated =
        primaries.computeIfAbsent(at(name).split("/")[0], SimulatedPrimary::new);
    SimulatedPrimary.Client client = simulated.new Client(listener);
    clients.computeIfAbsent(name, absent -> new ArrayList<>()).add(client);
    listener.ready(simulated.cluster);
    return client;
  }

  private Lanes.LaneEvents laneEvents() {
    return new Lanes.LaneEvents() {
      @Override
      public void ready(Lane lane, String cluster) {
        core.ready(lane, cluster, now);
      }

      @Override
      public void unready(Lane lane, String reason) {
        core.unready(lane, reason, now);
      }
    };
  }

  private void follow(Map<String, WantedState> states) {
    Map<String, Primary> active = new TreeMap<>();
    states.forEach(
        (name, state) -> {
          if (state == WantedState.ACTIVE) {
            active.put(name, new Primary(List.of(at(name) + ":9092"), state, null));
          }
        });
    StreamView view = new StreamView("s", "s", 1, copies, active);
    core.setLanes(lanes.apply(view, now, core.knownLanes()), copies);
  }

  /** Where a primary is: its own name, unless the document has it elsewhere. */
  private String at(String name) {
    return addresses.getOrDefault(name, name);
  }

  /** Brings everything about that takes no time. */
  private void settle() {
    boolean more = true;
    while (more) {
      clients.values().forEach(all -> all.forEach(SimulatedPrimary.Client::work));
      more = false;
      for (Attempt attempt = completions.takeAll(); attempt != null; ) {
        Attempt next = attempt.nextCompleted;
        attempt.nextCompleted = null;
        core.ended(attempt, now);
        attempt = next;
        more = true;
      }
      more |= core.pump(now);
    }
  }

  /** One step, unless it is an expectation. */
  void act(JsonNode step) {
    String verb = step.fieldNames().next();
    JsonNode about = step.get(verb);
    switch (verb) {
      case "warm" -> warm(about.asInt());
      case "send" -> send(about);
      case "pass_s" -> pass(seconds(about));
      case "topology" -> {
        step.path("at").properties().forEach(e -> addresses.put(e.getKey(), e.getValue().asText()));
        topology(about);
      }
      case "hold" -> core.hold(about.isNull() ? null : about.asText());
      default -> hurt(verb, at(about), step);
    }
  }

  private void hurt(String verb, SimulatedPrimary primary, JsonNode step) {
    switch (verb) {
      case "pause" -> {
        primary.answering = false;
        primary.accepts = step.path("writing").asBoolean(true);
      }
      case "answer" -> primary.answer(step.get("count").asInt(), step.path("skip").asInt(0));
      case "stop" -> stop(primary, clients.get(step.get(verb).asText()));
      case "go_on" -> goOn(primary, clients.get(step.get(verb).asText()));
      case "fail" ->
          primary.error =
              step.get("with").asText().equals("unknown")
                  ? new TimeoutException("no answer from the leader")
                  : new TopicAuthorizationException("not allowed");
      case "mend" -> primary.error = null;
      case "break" -> primary.clientBroken = true;
      case "limit" -> {
        primary.maxBytes = step.path("bytes").asInt(Integer.MAX_VALUE);
        primary.clientMaxBytes = step.path("client_bytes").asInt(Integer.MAX_VALUE);
        primary.clientFull = step.path("client_full").asBoolean(false);
      }
      default -> throw new IllegalArgumentException("step " + step);
    }
  }

  private static void stop(SimulatedPrimary primary, List<SimulatedPrimary.Client> all) {
    primary.reachable = false;
    for (SimulatedPrimary.Client client : all) {
      client.listener.unready("connection refused");
      client.loseConnection();
    }
  }

  private static void goOn(SimulatedPrimary primary, List<SimulatedPrimary.Client> all) {
    boolean wasReachable = primary.reachable;
    primary.reachable = true;
    primary.answering = true;
    primary.accepts = true;
    if (!wasReachable) {
      all.forEach(client -> client.listener.ready(primary.cluster));
    }
  }

  private void warm(int count) {
    for (int i = 0; i < count; i++) {
      RecordId id = RecordId.supplied("warm", warmed++);
      accept(new Send(OutgoingRecord.of(new byte[4]), id, null, 1, null));
    }
  }

  private void send(JsonNode about) {
    for (int i = about.isInt() ? about.asInt() : 1; i > 0; i--) {
      if (core.isFull()) {
        throw new AssertionError("a send would wait");
      }
      int number = ids.size();
      RecordId id = RecordId.supplied("case", number);
      ids.add(id);
      asked.add(about);
      accept(
          new Send(
              record(about),
              id,
              version(about.path("version"), number),
              about.path("timestamp_ms").asLong(1),
              delivery -> note(number, delivery)));
    }
  }

  private void accept(Send send) {
    core.accept(send, now);
    settle();
  }

  private void note(int number, Delivery delivery) {
    if (deliveries.put(number, delivery) != null) {
      throw new AssertionError(number + " was told twice");
    }
  }

  private static OutgoingRecord record(JsonNode about) {
    byte[] value = new byte[about.path("size").asInt(10)];
    Arrays.fill(value, (byte) 'x');
    List<RawHeader> headers = new ArrayList<>();
    about
        .path("headers")
        .forEach(h -> headers.add(new RawHeader(h.get(0).asText(), bytes(h.get(1)))));
    byte[] key = about.has("key") ? bytes(about.get("key")) : null;
    return new OutgoingRecord(key, value, null, headers.toArray(RawHeader[]::new), null, 0, false);
  }

  private static @Nullable RecordVersion version(JsonNode version, int number) {
    if (version.isMissingNode()) {
      return null;
    }
    return new RecordVersion(0, version.isTextual() ? number + 1 : version.asLong());
  }

  static byte[] bytes(JsonNode text) {
    return text.asText().getBytes(StandardCharsets.UTF_8);
  }

  private void pass(Duration time) {
    for (long ticks = Math.round((double) time.toNanos() / TICK_NANOS); ticks > 0; ticks--) {
      now += TICK_NANOS;
      clients.values().forEach(all -> all.forEach(SimulatedPrimary.Client::tick));
      settle();
      core.tick(now);
      settle();
      lanes.reap();
    }
  }

  private void topology(JsonNode about) {
    Map<String, WantedState> states = new TreeMap<>();
    about
        .properties()
        .forEach(
            each -> {
              if (each.getKey().equals("copies")) {
                copies = each.getValue().asInt();
              } else {
                states.put(
                    each.getKey(), WantedState.valueOf(each.getValue().asText().toUpperCase()));
              }
            });
    follow(states);
    settle();
  }

  private SimulatedPrimary at(JsonNode name) {
    SimulatedPrimary primary = primaries.get(name.asText());
    if (primary == null) {
      throw new IllegalArgumentException("primary " + name);
    }
    return primary;
  }
}
