package dev.anabranch.prism;

import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyWatcher;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Where an engine hears of topology documents. */
interface TopologyFeed extends AutoCloseable {
  /** The newest document; null as long as there was none. */
  @Nullable Topology current();

  /** When its location last confirmed it; null if never. */
  @Nullable Instant lastFetched();

  /** Registers the one listener, which is told of each newer document, from any thread. */
  void onChange(Consumer<Topology> listener);

  @Override
  void close();

  /** Follows the document at a location. */
  static TopologyFeed of(String location, PrismOptions options) {
    TopologyWatcher watcher =
        TopologyWatcher.open(location, options.topologyInterval(), options.cacheDirectory());
    return new TopologyFeed() {
      @Override
      public @Nullable Topology current() {
        return watcher.current();
      }

      @Override
      public @Nullable Instant lastFetched() {
        return watcher.lastFetched();
      }

      @Override
      public void onChange(Consumer<Topology> listener) {
        watcher.onChange(listener);
      }

      @Override
      public void close() {
        watcher.close();
      }
    };
  }
}
