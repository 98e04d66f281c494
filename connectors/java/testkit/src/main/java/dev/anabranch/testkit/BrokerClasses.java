package dev.anabranch.testkit;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The archive of the classes that a broker loads (class data sharing, JEP 350), beside its jars:
 * with it a start takes two thirds of the CPU time. The first broker after a build writes it; a JVM
 * that it does not fit leaves it alone.
 */
final class BrokerClasses {
  private static final int WRITE_LIMIT_SECONDS = 60;

  private final Path archive;
  private final boolean there;

  /**
   * For one start.
   *
   * @param libs the folder of the broker's jars; what is older than a change of it does not count
   */
  BrokerClasses(Path libs) throws IOException {
    this.archive = libs.resolveSibling("broker.jsa");
    this.there =
        Files.isRegularFile(archive)
            && Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(libs)) >= 0;
  }

  /** For the JVM: to use the archive, or to be able to write it. */
  List<String> flags() {
    String mode = there ? "-XX:SharedArchiveFile=" + archive : "-XX:+RecordDynamicDumpInfo";
    return List.of(mode, "-Xlog:cds=off", "-Xlog:cds+dynamic=off");
  }

  /** A process that was started with these flags and is ready writes it, if nobody else does. */
  void keep(Process running) throws IOException {
    if (there) {
      return;
    }
    // Its name is the same for all: who makes it writes.
    Path scratch = archive.resolveSibling("broker.jsa.scratch");
    try {
      Files.createDirectory(scratch);
    } catch (FileAlreadyExistsException e) {
      clearIfLeft(scratch);
      return;
    }
    Path written = scratch.resolve("broker.jsa");
    String jcmd = System.getProperty("java.home") + "/bin/jcmd";
    String pid = Long.toString(running.pid());
    Process dump =
        new ProcessBuilder(jcmd, pid, "VM.cds", "dynamic_dump", written.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (dump.waitFor(WRITE_LIMIT_SECONDS, TimeUnit.SECONDS) && dump.exitValue() == 0) {
        Files.move(written, archive, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      dump.destroyForcibly();
      clear(scratch);
    }
  }

  /** By a JVM that was killed while it wrote; the next start writes then. */
  private static void clearIfLeft(Path scratch) {
    try {
      Instant made = Files.getLastModifiedTime(scratch).toInstant();
      if (made.isBefore(Instant.now().minusSeconds(2 * WRITE_LIMIT_SECONDS))) {
        clear(scratch);
      }
    } catch (IOException e) {
      // Who wrote has just ended.
    }
  }

  private static void clear(Path scratch) {
    try {
      Files.deleteIfExists(scratch.resolve("broker.jsa"));
      Files.deleteIfExists(scratch);
    } catch (IOException e) {
      // The broker may write still; what is left is cleared later, and no test needs the archive.
    }
  }
}
