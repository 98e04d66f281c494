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
  private int formerPartitions;
  private boolean hasTopic;
  private boolean lagging;
  private boolean up = true;

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

  /** Some of its brokers have not heard yet that the topic was created again; readers ask those. */
  void lagging(boolean now) {
    lagging = now && topics > 1;
  }

  boolean isLagging() {
    return lagging;
  }

  Uuid formerTopicId() {
    return new Uuid(place + 1L, topics - 1L);
  }

  int formerPartitions() {
    return formerPartitions;
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
    hasTopic = false;
    formerPartitions = logs.size();
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
    create();
  }
}
