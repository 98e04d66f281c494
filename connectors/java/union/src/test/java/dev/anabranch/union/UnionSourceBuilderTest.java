package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawRecord;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which positions go together, and what a job may not override. */
class UnionSourceBuilderTest {
  private static UnionSourceBuilder<RawRecord> source() {
    return UnionSource.builder().topology("t.yaml").stream("logs")
        .deserializer(RecordDeserializer.raw());
  }

  @Test
  void committedOffsetsOfAnyPrimaryNeedAGroup() {
    StartPosition committed = StartPosition.committed(StartPosition.earliest());
    UnionSourceBuilder<RawRecord> starts = source().start("a", committed);
    UnionSourceBuilder<RawRecord> stops =
        source().stop(StopPosition.latest()).stop("a", StopPosition.committed());
    for (UnionSourceBuilder<RawRecord> each : List.of(starts, stops)) {
      assertThatThrownBy(each::build)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("committed offsets need a groupId");
      assertThatCode(() -> each.groupId("g").build()).doesNotThrowAnyException();
    }
  }

  @Test
  void allPrimariesStopOrNone() {
    assertThatThrownBy(() -> source().stop("b", StopPosition.latest()).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("primary b has a stop position and the others have none: give one");
    assertThatThrownBy(
            () -> source().stop(StopPosition.latest()).stop("b", StopPosition.never()).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("primary b never stops and the others do: give it a stop position");
    assertThat(source().stop("b", StopPosition.never()).build().getBoundedness())
        .isEqualTo(Boundedness.CONTINUOUS_UNBOUNDED);
    assertThat(
            source()
                .stop("b", StopPosition.timestamp(5))
                .stop(StopPosition.latest())
                .build()
                .getBoundedness())
        .isEqualTo(Boundedness.BOUNDED);
  }

  @Test
  void modesOfTheWatermarkHaveABoundAboveZeroAndTravelWithTheJob() {
    assertThatThrownBy(() -> WatermarkMode.hold(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("above 0");
    assertThatThrownBy(() -> WatermarkMode.advance().withIdleTimeout(Duration.ofSeconds(-1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("negative");
    UnionSource<RawRecord> held =
        source().watermarkMode(WatermarkMode.hold(Duration.ofHours(1))).build();
    assertThatCode(() -> InstantiationUtil.clone(held)).doesNotThrowAnyException();
  }

  @Test
  void positionsTravelWithTheJob() {
    UnionSource<RawRecord> source =
        source()
            .start("b", StartPosition.latest())
            .stop(StopPosition.latest())
            .stop("b", StopPosition.timestamp(5))
            .build();
    assertThatCode(() -> InstantiationUtil.clone(source)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bootstrap.servers",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "enable.auto.commit",
        "auto.offset.reset",
        "allow.auto.create.topics",
        "interceptor.classes",
        "key.deserializer",
        "value.deserializer"
      })
  void propertiesOnWhichPromisesRestAreRefused(String name) {
    assertThatThrownBy(() -> source().consumerProperty(name, "x").build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("consumer property '" + name + "' cannot be set: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"fetch.max.bytes", "max.poll.records", "client.rack", "isolation.level"})
  void propertiesThatTuneAreTaken(String name) {
    assertThatCode(() -> source().consumerProperty(name, "1").build()).doesNotThrowAnyException();
  }
}
