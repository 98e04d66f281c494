package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.util.Collector;
import org.apache.flink.util.UserCodeClassLoader;

/** One attempt of a subtask: a reader, its fetchers, and the messages that wait for it. */
final class SimulatedTask implements SourceReaderContext, ReaderOutput<String> {
  /** What reaches a task, one at a time. */
  interface Message {
    void handle() throws Exception;
  }

  private final int subtask;
  private final Trace trace;
  private final Consumer<SourceEvent> toCoordinator;
  private final Deque<Message> inbox = new ArrayDeque<>();
  private final List<PrimaryFetcher> fetchers = new ArrayList<>();
  private final UnionReader<String> reader;

  SimulatedTask(
      int subtask,
      UnionSettings settings,
      Trace trace,
      Consumer<SourceEvent> toCoordinator,
      Surroundings around) {
    this.subtask = subtask;
    this.trace = trace;
    this.toCoordinator = toCoordinator;
    this.reader = new UnionReader<>(this, settings, new Tracing(subtask, trace), around);
  }

  /** Writes down what a reader emits. */
  private record Tracing(int subtask, Trace trace) implements RecordDeserializer<String> {
    @Override
    public void deserialize(RawRecord record, Collector<String> out) {
      String value = new String(record.value(), StandardCharsets.UTF_8);
      String split = split(record.origin());
      out.collect(Trace.line("record", subtask, split, record.offset(), Long.parseLong(value)));
    }

    @Override
    public void onLoss(LossReport loss, Collector<String> out) {
      out.collect(Trace.loss("loss", subtask, loss));
    }

    private static String split(dev.anabranch.records.Origin origin) {
      return new LogId(origin.clusterId(), origin.topicId(), origin.partition()).splitId();
    }

    @Override
    public TypeInformation<String> getProducedType() {
      return org.apache.flink.api.common.typeinfo.Types.STRING;
    }
  }

  UnionReader<String> reader() {
    return reader;
  }

  List<PrimaryFetcher> fetchers() {
    return fetchers;
  }

  void send(Message message) {
    inbox.add(message);
  }

  /** Handles the next message; false where there is none. */
  boolean deliver() throws Exception {
    Message next = inbox.poll();
    if (next != null) {
      next.handle();
    }
    return next != null;
  }

  /** Emits up to so many records. */
  void emit(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      if (reader.pollNext(this) != InputStatus.MORE_AVAILABLE) {
        return;
      }
    }
  }

  @Override
  public void collect(String element) {
    trace.add(element);
  }

  @Override
  public void collect(String element, long timestamp) {
    trace.add(element);
  }

  @Override
  public void emitWatermark(Watermark watermark) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void markIdle() {}

  @Override
  public void markActive() {}

  @Override
  public SourceOutput<String> createOutputForSplit(String splitId) {
    return this;
  }

  @Override
  public void releaseOutputForSplit(String splitId) {}

  @Override
  public SourceReaderMetricGroup metricGroup() {
    return UnregisteredMetricsGroup.createSourceReaderMetricGroup();
  }

  @Override
  public Configuration getConfiguration() {
    return new Configuration();
  }

  @Override
  public String getLocalHostName() {
    return "simulated";
  }

  @Override
  public int getIndexOfSubtask() {
    return subtask;
  }

  @Override
  public void sendSplitRequest() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void sendSourceEventToCoordinator(SourceEvent event) {
    toCoordinator.accept(event);
  }

  @Override
  public UserCodeClassLoader getUserCodeClassLoader() {
    throw new UnsupportedOperationException();
  }
}
