package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;

/** Hands records on as they were read. */
final class RawDeserializer implements RecordDeserializer<RawRecord> {
  private static final long serialVersionUID = 1L;

  @Override
  public void deserialize(RawRecord record, Collector<RawRecord> out) {
    out.collect(record);
  }

  @Override
  public TypeInformation<RawRecord> getProducedType() {
    return RawRecordTypeInfo.INSTANCE;
  }
}
