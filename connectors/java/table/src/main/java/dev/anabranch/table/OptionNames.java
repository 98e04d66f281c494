package dev.anabranch.table;

import static java.util.stream.Collectors.toCollection;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigurationUtils;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;

/**
 * Finds misspelt options where no table factory of Flink does so: an option that is ignored reads
 * or writes something else than was asked for.
 */
final class OptionNames {
  /** A name that differs in more than a third of its letters is no slip. */
  private static final int LETTERS_PER_SLIP = 3;

  private OptionNames() {}

  /**
   * Fails where a name is none of the connector's, with the one that was probably meant.
   *
   * @param prefixes names that begin so are handed on, whatever they are
   */
  static void check(Set<String> given, DynamicTableFactory connector, String... prefixes) {
    List<ConfigOption<?>> options =
        Stream.of(connector.requiredOptions(), connector.optionalOptions())
            .<ConfigOption<?>>flatMap(Set::stream)
            // Elements are bytes or records here; a format would be ignored.
            .filter(option -> option != FactoryUtil.FORMAT)
            .toList();
    Set<String> known = options.stream().map(ConfigOption::key).collect(toCollection(TreeSet::new));
    for (String name : new TreeSet<>(given)) {
      if (!known.contains(name)
          && options.stream().noneMatch(option -> isEntry(option, name))
          && Arrays.stream(prefixes).noneMatch(name::startsWith)) {
        throw new ValidationException(
            "connector '%s' has no option '%s'%s; there are: %s"
                .formatted(
                    connector.factoryIdentifier(),
                    name,
                    closest(name, known),
                    String.join(", ", known)));
      }
    }
  }

  /** Whether the name is one entry of an option that is a map: {@code weights.a}. */
  private static boolean isEntry(ConfigOption<?> option, String name) {
    return ConfigurationUtils.canBePrefixMap(option)
        && ConfigurationUtils.filterPrefixMapKey(option.key(), name);
  }

  /** The known name that was probably meant, as the end of a sentence; empty where none is near. */
  static String closest(String name, Set<String> known) {
    return known.stream()
        .min(Comparator.comparingInt(other -> distance(name, other)))
        .filter(other -> distance(name, other) * LETTERS_PER_SLIP <= name.length())
        .map(other -> ", did you mean '" + other + "'?")
        .orElse("");
  }

  /** How many letters must be put in, left out or changed (Levenshtein). */
  private static int distance(String one, String other) {
    int[] row = new int[other.length() + 1];
    Arrays.setAll(row, j -> j);
    for (int i = 1; i <= one.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= other.length(); j++) {
        int changed = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[other.length()];
  }
}
