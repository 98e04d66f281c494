package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import dev.anabranch.union.UnionEnumeratorState.Outage;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The enumerator's bookkeeping of outages: for which active primaries the watermark is held, and
 * since how much time down. An outage begins before a primary is known to be up, and ends when all
 * readers have read what it had when it came back. No threads, clients or clock.
 */
final class OutageBook {
  private final Duration max;
  private final Map<String, Outage> restored;
  private final Map<String, Outage> outages = new TreeMap<>();
  private final Set<String> active = new TreeSet<>();
  private final Set<String> discovered = new HashSet<>();
  private final Set<String> partlyDiscovered = new HashSet<>();
  private final Map<Integer, ContactReport> reports = new HashMap<>();

  /**
   * @param max time down after which an outage holds the watermark no longer
   * @param restored the outages of a checkpoint
   */
  OutageBook(Duration max, Map<String, Outage> restored) {
    this.max = max;
    this.restored = new HashMap<>(restored);
  }

  /** Follows a document: who becomes active is waited for until it is found and caught up with. */
  void follow(StreamView view) {
    Set<String> now = new TreeSet<>();
    view.primaries()
        .forEach(
            (name, primary) -> {
              if (primary.state() == Primary.WantedState.ACTIVE) {
                now.add(name);
              }
            });
    for (String name : now) {
      if (active.add(name)) {
        Outage known = restored.remove(name);
        outages.put(name, known == null ? Outage.BEGUN : known);
      }
    }
    // What is not active by now is no outage should it be active again.
    restored.clear();
    active.retainAll(now);
    outages.keySet().retainAll(now);
    discovered.retainAll(now);
    partlyDiscovered.retainAll(now);
  }

  /** A primary has shown its logs, and those that were new wait for readers or have them. */
  void discovered(String primary) {
    discovered.add(primary);
    partlyDiscovered.remove(primary);
  }

  /**
   * A primary has shown its logs, and some of the new ones did not answer: no reader can have
   * those, so that it counts as down whatever readers say of the others.
   */
  void partlyDiscovered(String primary) {
    partlyDiscovered.add(primary);
  }

  /** A primary did not answer the enumerator, which counts where no reader has a split of it. */
  void unanswered(String primary) {
    discovered.remove(primary);
  }

  /** A reader says how it stands. */
  void reported(int subtask, ContactReport report) {
    reports.put(subtask, report);
  }

  /** A reader is away; what it said does not hold for the next one. */
  void away(int subtask) {
    reports.remove(subtask);
  }

  /**
   * Adds to the time down of the outages that go on.
   *
   * @return primaries whose outage has reached the bound just now
   */
  Set<String> elapsed(Duration time) {
    Set<String> givenUp = new TreeSet<>();
    outages.replaceAll(
        (name, outage) -> {
          if (!outage.down() || outage.givenUp()) {
            return outage;
          }
          long timeDownMs = outage.timeDownMs() + time.toMillis();
          boolean over = timeDownMs >= max.toMillis();
          if (over) {
            givenUp.add(name);
          }
          return new Outage(timeDownMs, true, over);
        });
    return givenUp;
  }

  /**
   * Judges from what is known now which outages begin and end.
   *
   * @param parallelism how many readers there are
   * @param assigned the splits that each reader was given
   * @param pending primaries of which splits wait for a reader
   * @return primaries whose outage is over
   */
  Set<String> judge(int parallelism, Map<Integer, Set<String>> assigned, Set<String> pending) {
    boolean heardOfAll =
        assigned.size() == parallelism
            && assigned.entrySet().stream()
                .allMatch(
                    each -> {
                      ContactReport report = reports.get(each.getKey());
                      return report != null && report.splitIds().containsAll(each.getValue());
                    });
    Set<String> over = new TreeSet<>();
    for (String name : active) {
      Contact contact = partlyDiscovered.contains(name) ? Contact.LOST : contact(name);
      boolean known = contact != null || discovered.contains(name);
      Outage outage = outages.get(name);
      if (outage == null) {
        boolean down = contact == Contact.LOST || !known;
        if (down || pending.contains(name)) {
          // Of splits that a reader lost nobody knows how far they are read, until one has them.
          outages.put(name, new Outage(0, down, false));
        }
      } else if (heardOfAll
          && known
          && !pending.contains(name)
          && (contact == null || contact == Contact.CURRENT)) {
        outages.remove(name);
        over.add(name);
      } else if (contact != Contact.UNHEARD) {
        boolean down = contact == null ? !known : contact == Contact.LOST;
        outages.put(name, new Outage(outage.timeDownMs(), down, outage.givenUp()));
      }
    }
    return over;
  }

  /** What readers have to know. */
  HoldEvent event() {
    Set<String> held = new TreeSet<>();
    Set<String> waitFor = new TreeSet<>(active);
    outages.forEach(
        (name, outage) -> {
          if (outage.givenUp()) {
            waitFor.remove(name);
          } else {
            held.add(name);
          }
        });
    return new HoldEvent(held, waitFor);
  }

  /** The outages that go on, of primaries that are active. */
  Map<String, Outage> snapshot() {
    return Map.copyOf(outages);
  }

  /** How the readers stand with a primary, as the worst of them; null where none has a split. */
  private @Nullable Contact contact(String primary) {
    return reports.values().stream()
        .map(report -> report.contacts().get(primary))
        .filter(contact -> contact != null)
        .reduce(Contact::worse)
        .orElse(null);
  }
}
