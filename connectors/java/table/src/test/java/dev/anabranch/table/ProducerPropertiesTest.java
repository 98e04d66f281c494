package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProducerPropertiesTest {
  @Test
  void namesThatKafkaDoesNotKnowAreToldWithTheOneThatWasMeant() {
    assertThat(ProducerProperties.unknown("linger.mss"))
        .startsWith("'properties.linger.mss': Kafka's producers have no such property")
        .contains("did you mean 'linger.ms'?");
    assertThat(ProducerProperties.unknown("foo.bar")).doesNotContain("did you mean");
  }
}
