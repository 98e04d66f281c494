package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.topology.Auth;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.union.UnionEnumeratorState.Outage;
import dev.anabranch.union.UnionEnumeratorState.Sighting;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

/** What goes into checkpoints comes back the same. */
class StateFormTest {
  private static final UnionSplit SPLIT =
      new UnionSplit(
          new LogId("A", "t3", 3),
          "a",
          "t",
          77,
          4,
          1000,
          50,
          LossReport.Kind.DELETED,
          Set.of("t1", "t2"));

  @Test
  void splits() throws Exception {
    UnionSplitSerializer serializer = new UnionSplitSerializer();
    UnionSplit fresh = Views.split("A", "t1", 0, "a");
    assertThat(serializer.deserialize(2, serializer.serialize(SPLIT))).isEqualTo(SPLIT);
    assertThat(serializer.deserialize(2, serializer.serialize(fresh))).isEqualTo(fresh);
    for (int version : new int[] {0, 3}) {
      assertThatThrownBy(() -> serializer.deserialize(version, new byte[0]))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("version " + version);
    }
  }

  @Test
  void splitsOfTheFirstVersion() throws Exception {
    UnionSplitSerializer serializer = new UnionSplitSerializer();
    byte[] bytes = serializer.serialize(SPLIT.behind(Set.of()));
    // How many former topics there were, and then those, is all that was added.
    byte[] withoutFormer = Arrays.copyOf(bytes, bytes.length - Integer.BYTES);
    assertThat(serializer.deserialize(1, withoutFormer)).isEqualTo(SPLIT.behind(Set.of()));
  }

  @Test
  void enumeratorStateWithEveryKindOfAuth() throws Exception {
    Map<String, Primary> primaries =
        Map.of(
            "a", new Primary(List.of("a:1", "a:2"), null, null),
            "b", primary(new Auth.None()),
            "c", primary(new Auth.Plain("u", "env:P", false, null)),
            "d", primary(new Auth.Scram("u", "env:P", null, null, "file:/ca")),
            "e", primary(new Auth.Mtls("file:/c", "file:/k", null)),
            "f", primary(new Auth.OAuthBearer("https://x", "id", "env:S", null, null, null)),
            "g", primary(new Auth.Workload("https://ns/.default", null, "file:/ca")),
            "h", new Primary(List.of("h:1"), null, null, false));
    UnionEnumeratorState state =
        new UnionEnumeratorState(
            42,
            new StreamView(7, "t", new StreamSpec("t", 4, 2, 60L, null), primaries),
            Set.of("b"),
            Map.of(new LogId("B", "t2", 1), "b"),
            Map.of("A", new Sighting("a", "a:1,a:2")),
            Map.of(new LogId("A", "t1", 3), "t"),
            Set.of(SPLIT),
            Map.of("b", new Outage(77, true, false), "c", new Outage(9, false, true)));
    UnionEnumeratorStateSerializer serializer = new UnionEnumeratorStateSerializer();
    assertThat(serializer.deserialize(3, serializer.serialize(state))).isEqualTo(state);
  }

  @Test
  void enumeratorStateOfEarlierVersions() throws Exception {
    UnionEnumeratorState state =
        new UnionEnumeratorState(
            7,
            Views.of(3, "a"),
            Set.of("a"),
            Map.of(),
            Map.of(),
            Map.of(new LogId("A", "t1", 3), "t"),
            Set.of(SPLIT),
            Map.of());
    UnionEnumeratorStateSerializer serializer = new UnionEnumeratorStateSerializer();
    byte[] bytes = serializer.serialize(state);
    // The count of outages, and then that of late logs, is all that was added.
    byte[] withoutLate = Arrays.copyOf(bytes, bytes.length - Integer.BYTES);
    byte[] withoutOutages = Arrays.copyOf(bytes, bytes.length - 2 * Integer.BYTES);
    assertThat(serializer.deserialize(2, withoutLate)).isEqualTo(state);
    assertThat(serializer.deserialize(1, withoutOutages)).isEqualTo(state);
    for (int version : new int[] {0, 4}) {
      assertThatThrownBy(() -> serializer.deserialize(version, bytes))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("version " + version);
    }
  }

  @Test
  void enumeratorStateBeforeAnyDocument() throws Exception {
    UnionEnumeratorState state =
        new UnionEnumeratorState(
            1, null, Set.of(), Map.of(), Map.of(), Map.of(), Set.of(), Map.of());
    UnionEnumeratorStateSerializer serializer = new UnionEnumeratorStateSerializer();
    assertThat(serializer.deserialize(3, serializer.serialize(state))).isEqualTo(state);
  }

  @Test
  void eventsOfAHoldTravel() throws Exception {
    HoldEvent hold = new HoldEvent(Set.of("a"), Set.of("a", "b"));
    ContactReport report = new ContactReport(Set.of("A/1/0"), Map.of("a", Contact.BEHIND));
    for (Object event : List.of(hold, report)) {
      byte[] bytes = InstantiationUtil.serializeObject(event);
      assertThat(InstantiationUtil.<Object>deserializeObject(bytes, getClass().getClassLoader()))
          .isEqualTo(event);
    }
  }

  @Test
  void eventsTravelBetweenJobManagerAndReaders() throws Exception {
    TopologyEvent event =
        new TopologyEvent(Views.of(1, "a"), Map.of("a", "A"), Map.of("a", "t1"), Set.of("X"));
    byte[] bytes = InstantiationUtil.serializeObject(event);
    assertThat(
            InstantiationUtil.<TopologyEvent>deserializeObject(bytes, getClass().getClassLoader()))
        .isEqualTo(event);
  }

  private static Primary primary(Auth auth) {
    return new Primary(List.of("x:1"), Primary.WantedState.DRAINING, auth);
  }
}
