package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;

/** docs/azure.md lists the options that there are, with their defaults. */
class OptionsTest {
  private static String rowOf(ConfigOption<?> option) {
    Object value = option.defaultValue();
    String key = option.key();
    if (value instanceof Map) {
      return "| `" + key + ".ACCOUNT` | none |";
    }
    if (value instanceof MemorySize size) {
      return "| `" + key + "` | " + size.getMebiBytes() + " mb |";
    }
    String text = String.valueOf(value == null ? "none" : value);
    return "| `" + key + "` | " + text.replaceAll("^PT(\\d+)S$", "$1 s") + " |";
  }

  @Test
  void areAllInTheDocs() throws IOException, IllegalAccessException {
    List<String> rows = new ArrayList<>();
    for (Field field : AzureBlobOptions.class.getDeclaredFields()) {
      if (Modifier.isPublic(field.getModifiers())) {
        ConfigOption<?> option = (ConfigOption<?>) field.get(null);
        rows.add(rowOf(option));
      }
    }
    List<String> documented =
        Files.readAllLines(Path.of("../../../docs/azure.md")).stream()
            .filter(line -> line.startsWith("| `fs.azure.blob."))
            .toList();
    assertThat(documented).hasSameSizeAs(rows);
    for (String row : rows) {
      assertThat(documented).anyMatch(line -> line.startsWith(row));
    }
  }
}
