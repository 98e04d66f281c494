package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;

/** Takes its time for each record, so that a test finds the reader within a batch. */
final class SlowEmitter implements RecordDeserializer<RawRecord> {
  private static final long serialVersionUID = 1L;

  private final long perRecordMs;

  SlowEmitter(long perRecordMs) {
    this.perRecordMs = perRecordMs;
  }

  @Override
  public void deserialize(RawRecord record, Collector<RawRecord> out) throws Exception {
    Thread.sleep(perRecordMs);
    out.collect(record);
  }

  @Override
  public TypeInformation<RawRecord> getProducedType() {
    return RawRecordTypeInfo.INSTANCE;
  }
}
