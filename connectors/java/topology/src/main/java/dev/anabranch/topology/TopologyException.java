package dev.anabranch.topology;

/** The document cannot be read, is invalid, or lacks what was asked of it. */
public class TopologyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public TopologyException(String message) {
    super(message);
  }

  public TopologyException(String message, Throwable cause) {
    super(message, cause);
  }
}
