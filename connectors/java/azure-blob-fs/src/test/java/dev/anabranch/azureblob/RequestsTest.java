package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.Test;

/** What the storage service says that it was asked: how often, and with which authorization. */
class RequestsTest {
  private static final Pattern REQUEST =
      Pattern.compile(".* RequestMethod=(\\S+) RequestURL=(\\S+) RequestHeaders:(\\{.*?\\}).*");
  private final Cloud cloud = Cloud.local();
  private final String directory = "requests-" + UUID.randomUUID();

  private record Request(String method, String url, String authorization) {}

  /** Those with this in their line. */
  private List<Request> logged(String part) throws IOException {
    List<Request> found = new ArrayList<>();
    try (Stream<String> lines = Files.lines(cloud.requests())) {
      for (String line : (Iterable<String>) lines.filter(l -> l.contains(part))::iterator) {
        Matcher request = REQUEST.matcher(line);
        if (request.matches()) {
          found.add(
              new Request(
                  request.group(1),
                  request.group(2),
                  new ObjectMapper().readTree(request.group(3)).path("authorization").asText()));
        }
      }
    }
    return found;
  }

  /** Once the log has caught up. */
  private List<Request> ofThisTest(int atLeast) throws IOException, InterruptedException {
    for (int tries = 0; tries < 100; tries++) {
      List<Request> found = logged(directory);
      if (found.size() >= atLeast) {
        return found;
      }
      Thread.sleep(50);
    }
    throw new AssertionError("the log of requests does not have " + atLeast + " of this test");
  }

  @Test
  void writesAndReadsASmallFileByOneRequestEach() throws Exception {
    FileSystem files = cloud.fileSystem();
    Path base = new Path(cloud.location(), directory);
    int count = 20;
    for (int i = 0; i < count; i++) {
      write(files, new Path(base, "state-" + i), random(i, 1 << i));
    }
    for (int i = 0; i < count; i++) {
      assertThat(read(files, new Path(base, "state-" + i))).isEqualTo(random(i, 1 << i));
    }
    List<Request> requests = ofThisTest(2 * count);
    System.out.printf(
        "requests per state file: written by %.2f, read by %.2f%n",
        requests.stream().filter(r -> r.method().equals("PUT")).count() / (double) count,
        requests.stream().filter(r -> r.method().equals("GET")).count() / (double) count);
    assertThat(requests.stream().filter(r -> r.method().equals("PUT"))).hasSize(count);
    assertThat(requests.stream().filter(r -> r.method().equals("GET"))).hasSize(count);
    assertThat(requests).hasSize(2 * count);
  }

  @Test
  void sendsABearerTokenWithEachRequest() throws Exception {
    FileSystem files = cloud.fileSystem();
    Path path = new Path(cloud.location(), directory + "/token");
    write(files, path, random(1, 9_000_000));
    read(files, path);
    files.delete(path.getParent(), true);
    ofThisTest(8);
    // Those of all other tests of this JVM, too.
    assertThat(logged("RequestMethod="))
        .allMatch(request -> request.authorization().startsWith("Bearer "));
  }
}
