package dev.anabranch.azureblob;

/**
 * Makes file systems for the scheme {@code abfs}, the same as {@code abfss}: there is no access
 * without TLS.
 */
public final class AbfsFileSystemFactory extends BlobFileSystemFactory {
  @Override
  public String getScheme() {
    return "abfs";
  }
}
