package dev.anabranch.azureblob;

/**
 * Makes file systems for the scheme {@code abfss}, the name that Hadoop's driver and Azure's
 * documents use.
 */
public final class AbfssFileSystemFactory extends BlobFileSystemFactory {
  @Override
  public String getScheme() {
    return "abfss";
  }
}
