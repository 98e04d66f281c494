package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;

/** Decodes values by a Flink schema. */
final class ValueDeserializer<T> implements RecordDeserializer<T> {
  private static final long serialVersionUID = 1L;

  private final DeserializationSchema<T> schema;

  ValueDeserializer(DeserializationSchema<T> schema) {
    this.schema = schema;
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) throws Exception {
    schema.open(context);
  }

  @Override
  public void deserialize(RawRecord record, Collector<T> out) throws Exception {
    byte[] value = record.value();
    if (value != null) {
      schema.deserialize(value, out);
    }
  }

  @Override
  public boolean readsHeaders() {
    return false;
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return schema.getProducedType();
  }
}
