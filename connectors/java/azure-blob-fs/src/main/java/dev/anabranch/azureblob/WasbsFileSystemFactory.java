package dev.anabranch.azureblob;

/**
 * Makes file systems for the scheme {@code wasbs}, the older name, of paths that end in {@code
 * blob.core.windows.net}.
 */
public final class WasbsFileSystemFactory extends BlobFileSystemFactory {
  @Override
  public String getScheme() {
    return "wasbs";
  }
}
