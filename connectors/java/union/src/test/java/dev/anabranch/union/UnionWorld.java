package dev.anabranch.union;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Plays histories against the real enumerator and the real readers over simulated brokers: one
 * history a line on standard input, its commands separated by {@code ;}, and one line of JSON for
 * each. Driven by tests/model.
 */
public final class UnionWorld {
  private UnionWorld() {}

  /** Plays until the input ends. */
  public static void main(String[] arguments) throws IOException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(play(line.split(";")));
      out.flush();
    }
  }

  private static String play(String[] commands) {
    try {
      SimulatedWorld world = new SimulatedWorld(commands[0].split(" "));
      try {
        for (int i = 1; i < commands.length; i++) {
          world.step(i);
          world.run(commands[i]);
        }
        return world.trace();
      } finally {
        world.close();
      }
    } catch (Exception e) {
      StackTraceElement[] at = e.getStackTrace();
      return "[" + Trace.line("broken", e + " at " + (at.length == 0 ? "?" : at[0])) + "]";
    }
  }
}
