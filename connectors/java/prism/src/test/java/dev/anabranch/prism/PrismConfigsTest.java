package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which producer properties a user may set. */
class PrismConfigsTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "acks",
        "enable.idempotence",
        "transactional.id",
        "max.block.ms",
        "bootstrap.servers",
        "key.serializer",
        "value.serializer"
      })
  void propertiesThatThePromisesRestOnAreRefused(String name) {
    PrismOptionsBuilder builder = PrismOptions.builder().kafka(name, "1");
    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("producer property '" + name + "' cannot be set: ");
  }

  @Test
  void otherPropertiesGoOverPrismsOwn() {
    PrismOptions options = PrismOptions.builder().kafka("linger.ms", "1").build();
    Primary primary = new Primary(List.of("h:1"), WantedState.ACTIVE, null);
    assertThat(ProducerConfigs.of("a", primary, 1, options))
        .containsEntry("linger.ms", "1")
        .containsEntry("acks", "all")
        .containsEntry("enable.idempotence", true)
        .doesNotContainKey("max.in.flight.requests.per.connection");
  }

  @Test
  void aPrimaryWithoutIdempotenceKeepsOrderByOneRequestAtATime() {
    PrismOptions options =
        PrismOptions.builder().kafka("max.in.flight.requests.per.connection", "5").build();
    Primary primary = new Primary(List.of("h:1"), WantedState.ACTIVE, null, false);
    assertThat(ProducerConfigs.of("a", primary, 1, options))
        .containsEntry("acks", "all")
        .containsEntry("enable.idempotence", false)
        .containsEntry("max.in.flight.requests.per.connection", 1);
  }
}
