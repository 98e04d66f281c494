package dev.anabranch.topology;

/** A rule that a field breaks; whoever knows the document adds file and line. */
final class InvalidFieldException extends TopologyException {
  private static final long serialVersionUID = 1L;

  private final String path;

  /**
   * @param path keys from the document's root, joined by dots
   * @param message what is wrong, without any value that could be a secret
   */
  InvalidFieldException(String path, String message) {
    super(path + ": " + message);
    this.path = path;
  }

  String path() {
    return path;
  }
}
