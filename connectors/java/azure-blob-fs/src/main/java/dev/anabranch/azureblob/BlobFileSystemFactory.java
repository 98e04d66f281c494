package dev.anabranch.azureblob;

import java.io.IOException;
import java.net.URI;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemFactory;

/**
 * Makes a file system of a container. Flink configures it once and then asks once per scheme and
 * authority; nothing is connected to before the first request.
 */
abstract class BlobFileSystemFactory implements FileSystemFactory {
  private volatile Configuration config = new Configuration();

  @Override
  public void configure(Configuration config) {
    // Read at the first use: a wrong option must not keep jobs from starting that use another
    // storage.
    this.config = config;
  }

  @Override
  public FileSystem create(URI uri) throws IOException {
    ContainerUri container = ContainerUri.of(uri);
    Settings settings;
    try {
      settings = Settings.from(config);
    } catch (IllegalArgumentException | IllegalConfigurationException e) {
      throw new IOException(e.getMessage(), e);
    }
    BlobResources resources = BlobResources.of(settings);
    return new BlobFileSystem(container, settings, resources, resources.container(container));
  }
}
