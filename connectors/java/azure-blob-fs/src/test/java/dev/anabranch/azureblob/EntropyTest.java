package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.EntropyInjector;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.OutputStreamAndPath;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.Test;

/** Random characters in the names of state files, by Flink's own injector. */
class EntropyTest {
  private static final Path STATE =
      new Path(Cloud.get().location(), "entropy-" + UUID.randomUUID() + "/_entropy_/state");

  @Test
  void replacesTheKeyInNamesOfStateAndDropsItElsewhere() throws Exception {
    Configuration options = new Configuration();
    options.set(AzureBlobOptions.ENTROPY_KEY, "_entropy_");
    options.set(AzureBlobOptions.ENTROPY_LENGTH, 6);
    FileSystem files = Cloud.get().fileSystem(options, Cloud.get().location());
    assertThat(EntropyInjector.isEntropyInjecting(files, STATE)).isTrue();
    OutputStreamAndPath made =
        EntropyInjector.createEntropyAware(files, STATE, WriteMode.NO_OVERWRITE);
    made.stream().write(1);
    made.stream().close();
    assertThat(made.path().toString()).matches(".*/entropy-[^/]+/[0-9a-zA-Z]{6}/state");
    assertThat(files.exists(made.path())).isTrue();
    assertThat(EntropyInjector.removeEntropyMarkerIfPresent(files, STATE).toString())
        .matches(".*/entropy-[^/]+/state");
  }

  @Test
  void changesNothingWithoutAKey() throws Exception {
    FileSystem files = Cloud.get().fileSystem();
    assertThat(EntropyInjector.isEntropyInjecting(files, STATE)).isFalse();
    assertThat(EntropyInjector.addEntropy(files, STATE)).isEqualTo(STATE);
  }
}
