package dev.anabranch.topology;

import java.io.FileNotFoundException;
import java.nio.file.NoSuchFileException;

/** Words for errors of the JDK whose messages alone say little. */
final class Causes {
  private Causes() {}

  static String sentence(Throwable error) {
    if (error instanceof FileNotFoundException || error instanceof NoSuchFileException) {
      return "there is no such file";
    }
    String message = error.getMessage();
    return message == null ? error.getClass().getSimpleName() : message;
  }
}
