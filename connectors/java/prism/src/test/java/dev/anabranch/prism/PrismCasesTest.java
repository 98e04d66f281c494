package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The core through the cases that the Python producer is held to as well ({@code
 * test_prism_cases.py}).
 */
class PrismCasesTest {
  @TestFactory
  Stream<DynamicTest> theCoreBehavesAsTheCaseSays() throws IOException {
    JsonNode file = new ObjectMapper().readTree(vectors().toFile());
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode each : file.required("cases")) {
      if (each.path("only").asText("java").equals("java")) {
        String name = each.required("name").asText();
        tests.add(DynamicTest.dynamicTest(name, () -> play(each, file.required("defaults"))));
      }
    }
    assertThat(tests).hasSizeGreaterThan(25);
    return tests.stream();
  }

  private static Path vectors() {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path file = at.resolve("tests/unit/vectors/prism.json");
      if (Files.exists(file)) {
        return file;
      }
    }
    throw new IllegalStateException("no tests/unit/vectors/prism.json above the module");
  }

  private static void play(JsonNode theCase, JsonNode defaults) {
    CaseWorld world = new CaseWorld(theCase, defaults);
    play(theCase.required("steps"), world, new CaseView(world));
  }

  private static void play(JsonNode steps, CaseWorld world, CaseView view) {
    int number = 0;
    for (JsonNode step : steps) {
      try {
        if (step.has("repeat")) {
          for (int i = 0; i < step.get("repeat").asInt(); i++) {
            play(step.required("steps"), world, view);
          }
        } else if (step.has("expect")) {
          view.expect(step.get("expect"));
        } else {
          world.act(step);
        }
      } catch (AssertionError e) {
        throw new AssertionError("step " + number + " " + step + ": " + e.getMessage(), e);
      }
      number++;
    }
  }
}
