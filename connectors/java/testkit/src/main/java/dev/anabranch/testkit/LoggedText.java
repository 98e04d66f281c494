package dev.anabranch.testkit;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** What is logged meanwhile, by all threads of the process: tests log to the error stream. */
public final class LoggedText implements AutoCloseable {
  private final PrintStream before = System.err;
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();

  /** Begins to listen; nothing is shown until it is closed. */
  public LoggedText() {
    System.setErr(new PrintStream(text, true, StandardCharsets.UTF_8));
  }

  /** All so far. */
  public String soFar() {
    return text.toString(StandardCharsets.UTF_8);
  }

  /** Shows what there was, and listens no more. */
  @Override
  public void close() {
    System.setErr(before);
    before.print(soFar());
  }
}
