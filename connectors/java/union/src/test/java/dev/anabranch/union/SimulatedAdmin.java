package dev.anabranch.union;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.internals.KafkaFutureImpl;

/** Answers at once from a simulated broker, or fails at once where it is down. */
final class SimulatedAdmin {
  private static final Node NODE = new Node(0, "simulated", 9092);

  /** Its constructor is Kafka's own, but nothing else makes one without a network. */
  private static final Constructor<DescribeClusterResult> CLUSTER_RESULT = clusterResult();

  private final SimulatedBroker broker;
  private final boolean isReaders;

  private SimulatedAdmin(SimulatedBroker broker, boolean isReaders) {
    this.broker = broker;
    this.isReaders = isReaders;
  }

  static Admin of(SimulatedBroker broker, String clientId) {
    SimulatedAdmin answers =
        new SimulatedAdmin(broker, clientId.startsWith(PrimaryFetcher.CLIENT_ID));
    return (Admin)
        Proxy.newProxyInstance(
            SimulatedAdmin.class.getClassLoader(),
            new Class<?>[] {Admin.class},
            (self, method, args) ->
                switch (method.getName()) {
                  case "describeCluster" -> answers.describeCluster();
                  case "describeTopics" -> answers.describeTopics(names(args[0]));
                  case "listOffsets" -> answers.listOffsets(question(args[0]));
                  case "close" -> null;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  @SuppressWarnings("unchecked")
  private static Collection<String> names(Object argument) {
    return (Collection<String>) argument;
  }

  @SuppressWarnings("unchecked")
  private static Map<TopicPartition, OffsetSpec> question(Object argument) {
    return (Map<TopicPartition, OffsetSpec>) argument;
  }

  private static Constructor<DescribeClusterResult> clusterResult() {
    try {
      Constructor<DescribeClusterResult> found =
          DescribeClusterResult.class.getDeclaredConstructor(
              KafkaFuture.class, KafkaFuture.class, KafkaFuture.class, KafkaFuture.class);
      found.setAccessible(true);
      return found;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private DescribeClusterResult describeCluster() throws ReflectiveOperationException {
    KafkaFuture<String> id = broker.isUp() ? done(broker.clusterId()) : failed(down());
    return CLUSTER_RESULT.newInstance(null, null, id, null);
  }

  private DescribeTopicsResult describeTopics(Collection<String> names) {
    Map<String, KafkaFuture<TopicDescription>> found = new HashMap<>();
    names.forEach(name -> found.put(name, describe(name)));
    return new DescribeTopicsResult(null, found) {};
  }

  private KafkaFuture<TopicDescription> describe(String name) {
    if (!broker.isUp()) {
      return failed(down());
    }
    SimulatedBroker.Former former = broker.shownStill(isReaders);
    if (former != null) {
      return topic(name, broker.idOf(former), former.logs().size());
    }
    if (!broker.hasTopic()) {
      return failed(new UnknownTopicOrPartitionException("no " + name));
    }
    return topic(name, broker.topicId(), broker.logs().size());
  }

  private static KafkaFuture<TopicDescription> topic(String name, Uuid id, int partitions) {
    List<TopicPartitionInfo> infos = new ArrayList<>();
    for (int i = 0; i < partitions; i++) {
      infos.add(new TopicPartitionInfo(i, NODE, List.of(NODE), List.of(NODE)));
    }
    return done(new TopicDescription(name, false, infos, null, id));
  }

  private ListOffsetsResult listOffsets(Map<TopicPartition, OffsetSpec> question) {
    Map<TopicPartition, KafkaFuture<ListOffsetsResultInfo>> found = new HashMap<>();
    question.forEach((place, spec) -> found.put(place, offset(place, spec)));
    return new ListOffsetsResult(found);
  }

  private static long answer(SimulatedLog log, OffsetSpec spec) {
    if (spec instanceof OffsetSpec.TimestampSpec) {
      return log.atTime(timestampMs(spec));
    }
    return spec instanceof OffsetSpec.EarliestSpec ? log.start() : log.end();
  }

  private static long timestampMs(OffsetSpec spec) {
    try {
      Field field = OffsetSpec.TimestampSpec.class.getDeclaredField("timestamp");
      field.setAccessible(true);
      return field.getLong(spec);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private KafkaFuture<ListOffsetsResultInfo> offset(TopicPartition place, OffsetSpec spec) {
    if (!broker.isUp()) {
      return failed(down());
    }
    SimulatedBroker.Former former = broker.shownStill(isReaders);
    List<SimulatedLog> logs = former == null ? broker.logs() : former.logs();
    if (place.partition() >= logs.size()) {
      return failed(new UnknownTopicOrPartitionException("no " + place));
    }
    if (!logs.get(place.partition()).isLed()) {
      // Kafka's client looks for a leader for as long as it may.
      return failed(new TimeoutException("no leader of " + place));
    }
    long offset = answer(logs.get(place.partition()), spec);
    return done(new ListOffsetsResultInfo(offset, -1, Optional.empty()));
  }

  private static RuntimeException down() {
    return new TimeoutException("the broker is down");
  }

  private static <T> KafkaFuture<T> done(T value) {
    return KafkaFuture.completedFuture(value);
  }

  private static <T> KafkaFuture<T> failed(RuntimeException error) {
    KafkaFutureImpl<T> future = new KafkaFutureImpl<>();
    future.completeExceptionally(error);
    return future;
  }
}
