package dev.anabranch.table.decode;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.union.LossReport;
import dev.anabranch.union.RecordDeserializer;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;

/** Hands records on as they were read, and says in their midst what can no longer be read. */
public final class RawWithLosses implements RecordDeserializer<RawRecord> {
  private static final long serialVersionUID = 1L;

  @Override
  public void deserialize(RawRecord record, Collector<RawRecord> out) {
    out.collect(record);
  }

  @Override
  public void onLoss(LossReport loss, Collector<RawRecord> out) {
    out.collect(Marks.lost(loss));
  }

  @Override
  public TypeInformation<RawRecord> getProducedType() {
    return RawRecordTypeInfo.INSTANCE;
  }
}
