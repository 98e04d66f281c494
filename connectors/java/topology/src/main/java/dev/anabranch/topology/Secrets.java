package dev.anabranch.topology;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Resolves references ({@code env:NAME}, {@code file:PATH}) at the start of a client. */
final class Secrets {
  private static final String PEM_BLOCK = "-----BEGIN ";

  private final Function<String, @Nullable String> environment;

  /**
   * @param environment gives a variable's value, or null
   */
  Secrets(Function<String, @Nullable String> environment) {
    this.environment = environment;
  }

  /**
   * The secret that a reference stands for, read now. One line end at the end of a file is not part
   * of it: editors and echo add it.
   *
   * @param what what needs it, for the error
   */
  String resolve(String reference, String what) {
    if (reference.startsWith("env:")) {
      String value = environment.apply(reference.substring(4));
      if (value == null || value.isEmpty()) {
        throw missing(reference, what, "the variable is not set");
      }
      return value;
    }
    String value = read(reference, what);
    value = value.endsWith("\n") ? value.substring(0, value.length() - 1) : value;
    value = value.endsWith("\r") ? value.substring(0, value.length() - 1) : value;
    if (value.isEmpty()) {
      throw missing(reference, what, "the file is empty");
    }
    return value;
  }

  /** The text of a PEM file. */
  String pem(String reference, String what) {
    String text = read(reference, what);
    if (!text.contains(PEM_BLOCK)) {
      throw missing(reference, what, "the file holds no PEM block");
    }
    return text;
  }

  /** The text of a private key in the one form that both client families read. */
  String privateKey(String reference, String what) {
    String text = pem(reference, what);
    if (!text.contains("-----BEGIN PRIVATE KEY-----")) {
      throw missing(reference, what, "the key is not in PKCS #8 form without a password");
    }
    return text;
  }

  private static String read(String reference, String what) {
    try {
      return Files.readString(Path.of(reference.substring("file:".length())));
    } catch (NoSuchFileException e) {
      throw missing(reference, what, "the file does not exist");
    } catch (CharacterCodingException e) {
      throw missing(reference, what, "the file is not text");
    } catch (IOException e) {
      throw missing(reference, what, "the file cannot be read");
    }
  }

  private static TopologyException missing(String reference, String what, String problem) {
    return new TopologyException(what + ": " + reference + " cannot be resolved: " + problem);
  }
}
