package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.ExecutionException;
import javax.security.auth.login.LoginException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class ReasonsTest {
  @Test
  void isOneLineOfTheError() {
    assertThat(Reasons.of(new ExecutionException(new TimeoutException("late\nand more"))))
        .isEqualTo("TimeoutException: late");
    assertThat(Reasons.of(new IllegalStateException())).isEqualTo("IllegalStateException");
  }

  @Test
  void tellsWhatKeptAClientFromBeingMade() {
    Exception login = new LoginException("the token service refuses");
    Exception failed = new KafkaException("Failed to construct", new KafkaException(login));
    assertThat(Reasons.of(failed)).isEqualTo("LoginException: the token service refuses");
    assertThat(Reasons.of(new KafkaException("alone"))).isEqualTo("KafkaException: alone");
  }
}
