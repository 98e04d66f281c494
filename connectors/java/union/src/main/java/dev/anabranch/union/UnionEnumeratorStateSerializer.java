package dev.anabranch.union;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.anabranch.union.UnionEnumeratorState.Outage;
import dev.anabranch.union.UnionEnumeratorState.Sighting;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.jspecify.annotations.Nullable;

/** Writes the enumerator's checkpoint; the document within it as JSON, in its own form. */
final class UnionEnumeratorStateSerializer
    implements SimpleVersionedSerializer<UnionEnumeratorState> {
  static final int VERSION = 3;

  /** The last version without outages. */
  private static final int WITHOUT_OUTAGES = 1;

  /** The last version without late logs. */
  private static final int WITHOUT_LATE = 2;

  // A document of a newer version must not keep an older job from its state.
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  private final UnionSplitSerializer splits = new UnionSplitSerializer();

  @Override
  public int getVersion() {
    return VERSION;
  }

  @Override
  public byte[] serialize(UnionEnumeratorState state) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeLong(state.jobStartMs());
      writeBytes(json(state.view()), out);
      out.writeInt(state.awaited().size());
      for (String primary : state.awaited()) {
        out.writeUTF(primary);
      }
      out.writeInt(state.sightings().size());
      for (Map.Entry<String, Sighting> each : state.sightings().entrySet()) {
        out.writeUTF(each.getKey());
        out.writeUTF(each.getValue().primary());
        out.writeUTF(each.getValue().bootstrap());
      }
      writeLogs(state.known(), out);
      out.writeInt(splits.getVersion());
      out.writeInt(state.pending().size());
      for (UnionSplit split : state.pending()) {
        writeBytes(splits.serialize(split), out);
      }
      out.writeInt(state.outages().size());
      for (Map.Entry<String, Outage> each : state.outages().entrySet()) {
        out.writeUTF(each.getKey());
        out.writeLong(each.getValue().timeDownMs());
        out.writeBoolean(each.getValue().down());
        out.writeBoolean(each.getValue().givenUp());
      }
      writeLogs(state.late(), out);
    }
    return bytes.toByteArray();
  }

  @Override
  public UnionEnumeratorState deserialize(int version, byte[] serialized) throws IOException {
    if (version < WITHOUT_OUTAGES || version > VERSION) {
      throw new IOException(
          "union state of version " + version + "; this source knows versions 1 to " + VERSION);
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(serialized))) {
      long jobStartMs = in.readLong();
      StreamView view = view(readBytes(in));
      Set<String> awaited = new HashSet<>();
      for (int left = in.readInt(); left > 0; left--) {
        awaited.add(in.readUTF());
      }
      Map<String, Sighting> sightings = new HashMap<>();
      for (int left = in.readInt(); left > 0; left--) {
        sightings.put(in.readUTF(), new Sighting(in.readUTF(), in.readUTF()));
      }
      Map<LogId, String> known = readLogs(in);
      int splitVersion = in.readInt();
      Set<UnionSplit> pending = new HashSet<>();
      for (int left = in.readInt(); left > 0; left--) {
        pending.add(splits.deserialize(splitVersion, readBytes(in)));
      }
      Map<String, Outage> outages = version <= WITHOUT_OUTAGES ? Map.of() : outages(in);
      Map<LogId, String> late = version <= WITHOUT_LATE ? Map.of() : readLogs(in);
      return new UnionEnumeratorState(
          jobStartMs, view, awaited, late, sightings, known, pending, outages);
    }
  }

  private static Map<String, Outage> outages(DataInputStream in) throws IOException {
    Map<String, Outage> outages = new HashMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      outages.put(in.readUTF(), new Outage(in.readLong(), in.readBoolean(), in.readBoolean()));
    }
    return outages;
  }

  private static void writeLogs(Map<LogId, String> logs, DataOutputStream out) throws IOException {
    out.writeInt(logs.size());
    for (Map.Entry<LogId, String> each : logs.entrySet()) {
      out.writeUTF(each.getKey().clusterId());
      out.writeUTF(each.getKey().topicId());
      out.writeInt(each.getKey().partition());
      out.writeUTF(each.getValue());
    }
  }

  private static Map<LogId, String> readLogs(DataInputStream in) throws IOException {
    Map<LogId, String> logs = new HashMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      logs.put(new LogId(in.readUTF(), in.readUTF(), in.readInt()), in.readUTF());
    }
    return logs;
  }

  private static byte[] json(@Nullable StreamView view) throws JsonProcessingException {
    return JSON.writeValueAsBytes(view);
  }

  private static @Nullable StreamView view(byte[] json) throws IOException {
    return JSON.readValue(json, StreamView.class);
  }

  private static void writeBytes(byte[] bytes, DataOutputStream out) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }

  private static byte[] readBytes(DataInputStream in) throws IOException {
    byte[] bytes = new byte[in.readInt()];
    in.readFully(bytes);
    return bytes;
  }
}
