package dev.anabranch.union;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;

/** A Kafka cluster with one topic, as far as a union source sees it. */
final class SimulatedBroker {
  private static final int MAX_PARTITIONS = 3;

  private final int place;
  private final int firstPartitions;
  private final List<SimulatedLog> logs = new ArrayList<>();
  private int wipes;
  private int topics;
  private int topicsBeforeWipe;
  private boolean hasTopic;
  private Former former = new Former(0, List.of());
  private Former readersSee;
  private Former probesSee;
  private boolean up = true;

  /** A topic that was deleted. */
  record Former(int number, List<SimulatedLog> logs) {}

  SimulatedBroker(int place, int partitions) {
    this.place = place;
    this.firstPartitions = partitions;
    create();
  }

  String clusterId() {
    return "K" + place + "." + wipes;
  }

  Uuid topicId() {
    return new Uuid(place + 1L, topics);
  }

  boolean hasTopic() {
    return hasTopic;
  }

  /**
   * Some of its brokers have not heard yet that the topic was created again, and show the former
   * one until they do; readers, or else probes, ask those.
   */
  void lag(boolean readers) {
    if (hasTopic && topics > topicsBeforeWipe + 1) {
      if (readers) {
        readersSee = former;
      } else {
        probesSee = former;
      }
    }
  }

  /** All of its brokers have heard of everything. */
  void catchUp() {
    readersSee = null;
    probesSee = null;
  }

  /** The topic that is shown although it is gone, or null. */
  Former shownStill(boolean toReaders) {
    return toReaders ? readersSee : probesSee;
  }

  Uuid idOf(Former topic) {
    return new Uuid(place + 1L, topic.number());
  }

  boolean isUp() {
    return up;
  }

  void up(boolean now) {
    up = now;
  }

  List<SimulatedLog> logs() {
    return logs;
  }

  /** The partition of that number, counted round; null where there is no topic. */
  SimulatedLog log(int number) {
    return hasTopic ? logs.get(number % logs.size()) : null;
  }

  void delete() {
    if (hasTopic) {
      former = new Former(topics, List.copyOf(logs));
    }
    hasTopic = false;
    logs.clear();
  }

  void create() {
    if (!hasTopic) {
      hasTopic = true;
      topics++;
      grow(firstPartitions);
    }
  }

  void grow(int by) {
    for (int i = 0; hasTopic && i < by && logs.size() < MAX_PARTITIONS; i++) {
      logs.add(new SimulatedLog());
    }
  }

  /** Loses all data; what comes up at its address is another cluster. */
  void wipe() {
    wipes++;
    delete();
    catchUp();
    topicsBeforeWipe = topics;
    create();
  }
}
