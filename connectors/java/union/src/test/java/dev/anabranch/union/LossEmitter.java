package dev.anabranch.union;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.records.RecordId;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;

/** Emits records as they are, and an element for each loss. */
final class LossEmitter implements RecordDeserializer<RawRecord> {
  private static final long serialVersionUID = 1L;

  @Override
  public void deserialize(RawRecord record, Collector<RawRecord> out) {
    out.collect(record);
  }

  @Override
  public void onLoss(LossReport loss, Collector<RawRecord> out) {
    String text =
        "%s %s-%d %d..%d"
            .formatted(
                loss.kind(),
                loss.origin().topic(),
                loss.origin().partition(),
                loss.fromOffset(),
                loss.toOffset());
    out.collect(
        new RawRecord(
            loss.origin(),
            loss.fromOffset(),
            0,
            null,
            text.getBytes(UTF_8),
            RecordId.supplied("loss", loss.fromOffset()),
            false,
            RawHeader.NONE));
  }

  @Override
  public TypeInformation<RawRecord> getProducedType() {
    return RawRecordTypeInfo.INSTANCE;
  }
}
