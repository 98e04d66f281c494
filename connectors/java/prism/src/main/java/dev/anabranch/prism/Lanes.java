package dev.anabranch.prism;

import dev.anabranch.topology.Primary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Makes, keeps and retires the lanes of an engine as the topology changes. */
final class Lanes {
  /** A send keeps one bit per primary. */
  private static final int MOST = Long.SIZE;

  private final PrismOptions options;
  private final Transport.Factory transports;
  private final LaneEvents events;
  private final BiConsumer<String, LaneStats> onNew;
  private final Map<String, LaneStats> figures = new HashMap<>();
  private final Map<String, Entry> current = new HashMap<>();
  private final List<Lane> retired = new ArrayList<>();

  /** Brings what a transport tells to the engine's thread. */
  interface LaneEvents {
    void ready(Lane lane, String cluster);

    void unready(Lane lane, String reason);
  }

  private record Entry(Lane lane, Primary primary, String topic) {}

  Lanes(
      PrismOptions options,
      Transport.Factory transports,
      LaneEvents events,
      BiConsumer<String, LaneStats> onNew) {
    this.options = options;
    this.transports = transports;
    this.events = events;
    this.onNew = onNew;
  }

  /**
   * The lanes for that document; those no longer written to live on until they are answered.
   *
   * @param kept bits of lanes that sends in flight still know
   */
  List<Lane> apply(StreamView view, long now, long kept) {
    Iterator<Entry> entries = current.values().iterator();
    while (entries.hasNext()) {
      Entry entry = entries.next();
      if (!isSame(entry, view)) {
        entries.remove();
        retire(entry, view.primaries().get(entry.lane().name()));
      }
    }
    List<Lane> lanes = new ArrayList<>();
    view.primaries().forEach((name, primary) -> lanes.add(laneOf(name, primary, view, now, kept)));
    lanes.addAll(retired);
    return lanes;
  }

  /** Ends retired lanes that nothing is waited for; returns whether there were any. */
  boolean reap() {
    return retired.removeIf(
        lane -> {
          boolean done = lane.outstanding() == 0;
          if (done) {
            lane.transport().close();
          }
          return done;
        });
  }

  /** All that still have a transport. */
  List<Lane> all() {
    List<Lane> all = new ArrayList<>(retired);
    current.values().forEach(entry -> all.add(entry.lane()));
    return all;
  }

  private static boolean isSame(Entry entry, StreamView view) {
    return entry.primary().equals(view.primaries().get(entry.lane().name()))
        && entry.topic().equals(view.topic());
  }

  private void retire(Entry entry, @Nullable Primary successor) {
    Lane lane = entry.lane();
    lane.active = false;
    if (successor != null) {
      // It lives elsewhere now: nothing will answer under the old address.
      lane.transport().close();
      lane.succeeded();
    }
    retired.add(lane);
  }

  private Lane laneOf(String name, Primary primary, StreamView view, long now, long kept) {
    Entry entry = current.get(name);
    if (entry != null) {
      return entry.lane();
    }
    int index = freeIndex(kept);
    LaneListener listener = new LaneListener(events);
    boolean isNew = !figures.containsKey(name);
    LaneStats stats = figures.computeIfAbsent(name, absent -> new LaneStats());
    Transport transport = transports.create(name, primary, view, listener);
    Lane lane = new Lane(name, index, transport, stats, now);
    lane.weight = options.weights().getOrDefault(name, 1);
    listener.attach(lane);
    current.put(name, new Entry(lane, primary, view.topic()));
    if (isNew) {
      onNew.accept(name, stats);
    }
    return lane;
  }

  /**
   * Another one than any lane has that a send may still know, be it of the same name: at another
   * address that may be another Kafka cluster.
   */
  private int freeIndex(long kept) {
    long used = kept;
    for (Lane lane : all()) {
      used |= lane.bit();
    }
    int index = Long.numberOfTrailingZeros(~used);
    if (index >= MOST) {
      throw new IllegalStateException("a writer can follow " + MOST + " primaries at most");
    }
    return index;
  }

  /** Holds back what a transport tells before its lane is there. */
  private static final class LaneListener implements Transport.Listener {
    private final LaneEvents events;
    private @Nullable Lane lane;
    private @Nullable Consumer<Lane> early;

    LaneListener(LaneEvents events) {
      this.events = events;
    }

    synchronized void attach(Lane made) {
      lane = made;
      if (early != null) {
        early.accept(made);
      }
    }

    @Override
    public void ready(String cluster) {
      tell(ready -> events.ready(ready, cluster));
    }

    @Override
    public void unready(String reason) {
      tell(unready -> events.unready(unready, reason));
    }

    private synchronized void tell(Consumer<Lane> news) {
      if (lane == null) {
        early = news;
      } else {
        news.accept(lane);
      }
    }
  }
}
