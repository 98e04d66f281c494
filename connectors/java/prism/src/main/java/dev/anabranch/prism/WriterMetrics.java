package dev.anabranch.prism;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;

/** Flink's standard sink metrics, and one group per primary. */
final class WriterMetrics {
  private final SinkWriterMetricGroup group;
  private final Counter records;
  private final Counter bytes;
  private final Counter errors;
  private final Counter degraded;
  private final Counter repeatedIds;

  WriterMetrics(SinkWriterMetricGroup group) {
    this.group = group;
    this.records = group.getNumRecordsSendCounter();
    this.bytes = group.getNumBytesSendCounter();
    this.errors = group.getNumRecordsSendErrorsCounter();
    this.degraded = group.counter("degraded");
    this.repeatedIds = group.counter("repeatedIds");
  }

  void sent(OutgoingRecord record) {
    records.inc();
    bytes.inc(record.size());
  }

  void error() {
    errors.inc();
  }

  /** A record was written with fewer copies than wanted. */
  void degraded() {
    degraded.inc();
  }

  /** A row has the id of another one of this job. */
  void repeatedId() {
    repeatedIds.inc();
  }

  void inFlight(Gauge<Integer> gauge) {
    group.gauge("recordsInFlight", gauge);
  }

  /** Registers a primary's figures. */
  void primary(String name, LaneStats stats) {
    MetricGroup lane = group.addGroup("primary", name);
    lane.gauge("acknowledged", stats::acknowledged);
    lane.gauge("failed", stats::failed);
    lane.gauge("hedged", stats::hedged);
    lane.gauge("inFlight", stats::inFlight);
    lane.gauge("breaker", stats::breaker);
    lane.gauge("up", () -> stats.ready() ? 1 : 0);
    lane.gauge("ackLatencyMs", stats::ackLatencyMs);
  }
}
