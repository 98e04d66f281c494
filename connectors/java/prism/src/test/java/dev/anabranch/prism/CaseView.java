package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/** Compares a {@link CaseWorld} with the expectations of a case. */
final class CaseView {
  private final CaseWorld world;

  CaseView(CaseWorld world) {
    this.world = world;
  }

  void expect(JsonNode expectations) {
    expectations
        .properties()
        .forEach(
            each -> {
              String what = each.getKey();
              JsonNode wanted = each.getValue();
              if (!records(what, wanted) && !primaries(what, wanted) && !byId(what, wanted)) {
                throw new IllegalArgumentException("expectation " + what);
              }
            });
  }

  private boolean records(String what, JsonNode wanted) {
    switch (what) {
      case "done" -> ids(what, with(d -> d.error() == null && !d.superseded()), wanted);
      case "failed" -> ids(what, with(d -> d.error() != null), wanted);
      case "ambiguous" -> ids(what, with(d -> d.ambiguous() && !d.superseded()), wanted);
      case "degraded" -> ids(what, with(Delivery::degraded), wanted);
      case "superseded" -> ids(what, with(Delivery::superseded), wanted);
      case "in_flight" ->
          assertThat(world.core.inFlightRecords()).as(what).isEqualTo(wanted.asInt());
      case "full" -> assertThat(world.core.isFull()).as(what).isEqualTo(wanted.asBoolean());
      case "each_on" -> eachOn(wanted.asInt());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean primaries(String what, JsonNode wanted) {
    switch (what) {
      case "holds" ->
          wanted
              .properties()
              .forEach(e -> ids("holds " + e.getKey(), log(e.getKey()), e.getValue()));
      case "log" ->
          wanted
              .properties()
              .forEach(
                  e ->
                      assertThat(log(e.getKey()))
                          .as("log of %s", e.getKey())
                          .isEqualTo(numbers(e.getValue())));
      case "owes" -> numbers(what, wanted, name -> world.stats.get(name).inFlight());
      case "hedged" -> numbers(what, wanted, name -> (int) world.stats.get(name).hedged());
      case "rebuilt" -> numbers(what, wanted, name -> world.primaries.get(name).rebuilds);
      case "states" ->
          wanted
              .properties()
              .forEach(
                  e ->
                      assertThat(state(e.getKey()))
                          .as(e.getKey())
                          .isEqualTo(e.getValue().asText()));
      case "troubles" ->
          wanted
              .properties()
              .forEach(e -> assertThat(lane(e.getKey()).trouble()).contains(e.getValue().asText()));
      case "closed" -> {
        List<String> closed = new ArrayList<>();
        world.clients.forEach(
            (name, all) -> all.stream().filter(c -> c.closed).forEach(c -> closed.add(name)));
        assertThat(closed).as(what).isEqualTo(texts(wanted));
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean byId(String what, JsonNode wanted) {
    switch (what) {
      case "acked_by" ->
          each(
              what,
              wanted,
              id -> delivery(id).acks().stream().map(Ack::primary).toList().toString());
      case "attempts" -> each(what, wanted, id -> Integer.toString(delivery(id).attempts()));
      case "error" -> error(wanted);
      case "alike" -> wanted.forEach(id -> alike(id.asInt()));
      default -> {
        return false;
      }
    }
    return true;
  }

  private void error(JsonNode wanted) {
    RuntimeException error = delivery(wanted.get("id").asInt()).error();
    assertThat(error)
        .isInstanceOf(
            wanted.get("refused").asBoolean() ? RecordException.class : DeliveryException.class);
    texts(wanted.get("says")).forEach(text -> assertThat(error).hasMessageContaining(text));
  }

  private void eachOn(int wanted) {
    List<Integer> everywhere = new ArrayList<>();
    world.primaries.keySet().forEach(name -> everywhere.addAll(new TreeSet<>(log(name))));
    for (int i = 0; i < world.ids.size(); i++) {
      int number = i;
      assertThat(everywhere.stream().filter(each -> each == number).count())
          .as("logs with %s", number)
          .isEqualTo(wanted);
    }
  }

  private void alike(int number) {
    JsonNode sent = world.asked.get(number);
    RecordId id = world.ids.get(number);
    List<Send> copies = new ArrayList<>();
    world
        .primaries
        .values()
        .forEach(p -> p.log.stream().filter(s -> s.id.equals(id)).forEach(copies::add));
    assertThat(copies).as("copies of %s", number).hasSizeGreaterThan(1);
    for (Send copy : copies) {
      assertThat(copy.record.value()).hasSize(sent.get("size").asInt()).containsOnly('x');
      assertThat(copy.record.key()).isEqualTo(CaseWorld.bytes(sent.get("key")));
      assertThat(copy.timestampMs).isEqualTo(sent.get("timestamp_ms").asLong());
      Map<String, byte[]> headers = new TreeMap<>();
      for (Header header : new Headers(copy)) {
        headers.put(header.key(), header.value());
      }
      assertThat(headers.remove(RecordHeaders.ID)).isEqualTo(id.toBytes());
      List<String> own = new ArrayList<>();
      headers.forEach(
          (name, value) -> own.add(name + "=" + new String(value, StandardCharsets.UTF_8)));
      List<String> given = new ArrayList<>();
      sent.get("headers").forEach(h -> given.add(h.get(0).asText() + "=" + h.get(1).asText()));
      assertThat(own).isEqualTo(given);
    }
  }

  private List<Integer> log(String name) {
    SimulatedPrimary primary = world.primaries.get(name);
    List<Integer> numbers = new ArrayList<>();
    if (primary != null) {
      primary.log.forEach(send -> numbers.add(world.ids.indexOf(send.id)));
    }
    numbers.removeIf(number -> number < 0);
    return numbers;
  }

  private List<Integer> with(Predicate<Delivery> property) {
    return world.deliveries.entrySet().stream()
        .filter(each -> property.test(each.getValue()))
        .map(Map.Entry::getKey)
        .toList();
  }

  private Lane lane(String name) {
    return world.lanes.all().stream()
        .filter(lane -> lane.name().equals(name) && lane.active)
        .findFirst()
        .orElseThrow();
  }

  private String state(String name) {
    return lane(name).breaker.state().name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private Delivery delivery(int number) {
    Delivery delivery = world.deliveries.get(number);
    assertThat(delivery).as("how %s ended", number).isNotNull();
    return delivery;
  }

  private static void ids(String what, List<Integer> seen, JsonNode wanted) {
    if (wanted.isInt()) {
      assertThat(seen).as(what).hasSize(wanted.asInt());
    } else {
      assertThat(seen.stream().sorted().toList()).as(what).isEqualTo(numbers(wanted));
    }
  }

  private static List<Integer> numbers(JsonNode array) {
    List<Integer> numbers = new ArrayList<>();
    array.forEach(each -> numbers.add(each.asInt()));
    return numbers;
  }

  private static void numbers(String what, JsonNode wanted, ToIntFunction<String> seen) {
    wanted
        .properties()
        .forEach(
            e ->
                assertThat(seen.applyAsInt(e.getKey()))
                    .as(what + " " + e.getKey())
                    .isEqualTo(e.getValue().asInt()));
  }

  private static void each(String what, JsonNode wanted, IntFunction<@Nullable String> seen) {
    wanted
        .properties()
        .forEach(
            e -> {
              JsonNode value = e.getValue();
              assertThat(seen.apply(Integer.parseInt(e.getKey())))
                  .as(what + " of " + e.getKey())
                  .isEqualTo(value.isArray() ? texts(value).toString() : value.asText());
            });
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(each -> texts.add(each.asText()));
    return texts;
  }
}
