package dev.anabranch.dedup;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Tells Flink to use {@link StateKeySerializer}. */
final class StateKeyTypeInfo extends TypeInformation<StateKey> {
  static final StateKeyTypeInfo INSTANCE = new StateKeyTypeInfo();

  private static final long serialVersionUID = 1L;

  private StateKeyTypeInfo() {}

  @Override
  public boolean isBasicType() {
    return false;
  }

  @Override
  public boolean isTupleType() {
    return false;
  }

  @Override
  public int getArity() {
    return 1;
  }

  @Override
  public int getTotalFields() {
    return 1;
  }

  @Override
  public Class<StateKey> getTypeClass() {
    return StateKey.class;
  }

  @Override
  public boolean isKeyType() {
    return true;
  }

  @Override
  public TypeSerializer<StateKey> createSerializer(SerializerConfig config) {
    return new StateKeySerializer();
  }

  @Override
  public String toString() {
    return "StateKey";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StateKeyTypeInfo;
  }

  @Override
  public int hashCode() {
    return StateKeyTypeInfo.class.hashCode();
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof StateKeyTypeInfo;
  }
}
