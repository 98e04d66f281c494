package dev.anabranch.union;

import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.util.UserCodeClassLoader;

/** What a deserializer gets to know when it is opened. */
record ReaderInitialization(SourceReaderContext context)
    implements DeserializationSchema.InitializationContext {
  @Override
  public MetricGroup getMetricGroup() {
    return context.metricGroup().addGroup("deserializer");
  }

  @Override
  public UserCodeClassLoader getUserCodeClassLoader() {
    return context.getUserCodeClassLoader();
  }
}
