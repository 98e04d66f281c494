package dev.anabranch.hadoopazure;

import java.io.IOException;
import java.net.URI;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemFactory;
import org.apache.flink.runtime.fs.hdfs.HadoopFileSystem;
import org.apache.hadoop.fs.azurebfs.SecureAzureBlobFileSystem;

/**
 * Makes file systems for {@code abfss} by Hadoop's driver, wrapped as Flink wraps Hadoop's file
 * systems. Flink's own plugin does the same over a Hadoop that knows no workload identity. Options
 * that begin with {@code fs.azure.} are the driver's.
 */
public final class HadoopAzureFactory implements FileSystemFactory {
  private Configuration config = new Configuration();

  @Override
  public String getScheme() {
    return "abfss";
  }

  @Override
  public void configure(Configuration config) {
    this.config = config;
  }

  @Override
  public FileSystem create(URI uri) throws IOException {
    org.apache.hadoop.conf.Configuration options = new org.apache.hadoop.conf.Configuration();
    config
        .toMap()
        .forEach(
            (key, value) -> {
              if (key.startsWith("fs.azure.")) {
                options.set(key, value);
              }
            });
    org.apache.hadoop.fs.FileSystem files = new SecureAzureBlobFileSystem();
    files.initialize(uri, options);
    return new HadoopFileSystem(files);
  }
}
