package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.records.RecordId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The operator in a whole job, on streams and on bounded input that Flink sorts by key. */
class DedupJobTest {
  private static final int IDS = 4_000;

  @ParameterizedTest
  @EnumSource(
      value = RuntimeExecutionMode.class,
      names = {"STREAMING", "BATCH"})
  void eachIdPassesOnce(RuntimeExecutionMode mode) throws Exception {
    List<RawRecord> records = new ArrayList<>();
    for (int i = 0; i < IDS; i++) {
      RecordId id = RecordId.supplied("run-" + i % 3, i / 3);
      records.add(Records.of(id, 1_000_000 + i));
      records.add(Records.of(id, 1_000_000 + i));
    }
    Collections.shuffle(records, new Random(1));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.setRuntimeMode(mode);
    env.setParallelism(2);
    SingleOutputStreamOperator<RawRecord> passed =
        Dedup.by(
            env.fromData(records, RawRecordTypeInfo.INSTANCE),
            "runs",
            DedupOptions.defaults().withCachedBlocks(2));
    List<RecordId> ids = new ArrayList<>();
    CloseableIterator<RawRecord> results = passed.executeAndCollect();
    try {
      results.forEachRemaining(record -> ids.add(record.id()));
    } finally {
      results.close();
    }
    assertThat(ids).hasSize(IDS);
    assertThat(new HashSet<>(ids)).hasSize(IDS);
  }
}
