package dev.anabranch.restore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.plugin.DefaultPluginManager;
import org.apache.flink.core.plugin.DirectoryBasedPluginFinder;
import org.apache.flink.core.plugin.PluginDescriptor;

/** Flink's file systems in a JVM that was not started as one of Flink's processes. */
public final class FileSystems {
  private FileSystems() {}

  /**
   * Loads them, those of plugins among them. It holds for all of the JVM, until somebody does it
   * anew.
   *
   * @param options Flink's
   * @param folders as Flink's {@code plugins/}, of which the first that has a plugin of some name
   *     gives it; those that are not there are left out
   */
  public static void initialize(Map<String, String> options, List<String> folders)
      throws IOException {
    Configuration configuration = Configuration.fromMap(new HashMap<>(options));
    Map<String, PluginDescriptor> plugins = new LinkedHashMap<>();
    for (String folder : folders) {
      Path path = Path.of(folder);
      if (Files.isDirectory(path)) {
        for (PluginDescriptor plugin : new DirectoryBasedPluginFinder(path).findPlugins()) {
          plugins.putIfAbsent(plugin.getPluginId(), plugin);
        }
      }
    }
    FileSystem.initialize(
        configuration,
        new DefaultPluginManager(
            plugins.values(), CoreOptions.getPluginParentFirstLoaderPatterns(configuration)));
  }
}
