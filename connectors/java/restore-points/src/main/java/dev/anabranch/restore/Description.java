package dev.anabranch.restore;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.CheckpointProperties;
import org.apache.flink.runtime.checkpoint.CheckpointType;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.checkpoint.SnapshotType;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.jspecify.annotations.Nullable;

/** A restore point in words and numbers, for JSON. Sizes are bytes, times milliseconds. */
final class Description {
  private Description() {}

  /** What a list shows of one. */
  static Map<String, @Nullable Object> brief(Examined examined) {
    Map<String, @Nullable Object> told = new LinkedHashMap<>();
    RestorePoint point = examined.point();
    told.put("uri", uri(examined.folder()));
    told.put("modified_ms", examined.modifiedMs());
    told.put("complete", examined.isComplete());
    told.put("problem", examined.problem());
    told.put("kind", point == null ? null : kind(point));
    told.put("checkpoint_id", point == null ? null : point.metadata().getCheckpointId());
    told.put("bytes", point == null ? null : point.bytes());
    told.put("files", point == null ? null : point.files().size());
    told.put("missing", missing(examined));
    return told;
  }

  /** All of one. */
  static Map<String, @Nullable Object> whole(Examined examined) {
    Map<String, @Nullable Object> told = brief(examined);
    RestorePoint point = examined.point();
    if (point != null) {
      told.put("metadata_bytes", point.status().getLen());
      told.put("operators", operators(point));
      told.put("referenced", referenced(point));
    }
    return told;
  }

  private static String kind(RestorePoint point) {
    CheckpointProperties properties = point.metadata().getCheckpointProperties();
    SnapshotType type = properties == null ? null : properties.getCheckpointType();
    if (type instanceof SavepointType savepoint) {
      return savepoint.getFormatType() == SavepointFormatType.NATIVE
          ? "native savepoint"
          : "canonical savepoint";
    }
    if (type == null) {
      return "unknown"; // written by a Flink that did not note it
    }
    boolean full = CheckpointType.FULL_CHECKPOINT.equals(type) || !isIncremental(point);
    return full ? "full checkpoint" : "incremental checkpoint";
  }

  private static boolean isIncremental(RestorePoint point) {
    for (OperatorState operator : point.metadata().getOperatorStates()) {
      for (OperatorSubtaskState subtask : operator.getStates()) {
        for (KeyedStateHandle handle : subtask.getManagedKeyedState()) {
          // RocksDB's full ones have the same class, and none of their files is to be shared.
          if (handle instanceof IncrementalRemoteKeyedStateHandle files
              && !files.getSharedState().isEmpty()) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private static List<Map<String, String>> missing(Examined examined) {
    List<Map<String, String>> told = new ArrayList<>();
    for (Examined.Missing file : examined.missing()) {
      told.add(Map.of("uri", uri(file.path()), "reason", file.reason()));
    }
    return told;
  }

  private static List<Map<String, @Nullable Object>> operators(RestorePoint point) {
    List<Map<String, @Nullable Object>> told = new ArrayList<>();
    for (OperatorState operator : point.metadata().getOperatorStates()) {
      Map<String, @Nullable Object> one = new LinkedHashMap<>();
      one.put("hash", operator.getOperatorID().toString());
      one.put("uid", operator.getOperatorUid().orElse(null));
      one.put("name", operator.getOperatorName().orElse(null));
      one.put("parallelism", operator.getParallelism());
      one.put("max_parallelism", operator.getMaxParallelism());
      one.put("finished", operator.isFullyFinished());
      one.put("bytes", operator.getStateSize());
      told.add(one);
    }
    return told;
  }

  private static List<Map<String, Object>> referenced(RestorePoint point) {
    List<Map<String, Object>> told = new ArrayList<>();
    for (StateFile file : point.files()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("uri", uri(file.path()));
      one.put("bytes", file.bytes());
      one.put("own", isOwn(file.path(), point.folder()));
      told.add(one);
    }
    return told;
  }

  /** As people write it: of a local file Flink itself makes {@code file:/tmp}. */
  private static String uri(Path path) {
    String authority = path.toUri().getAuthority();
    return "file".equals(path.toUri().getScheme()) && authority == null
        ? "file://" + path.getPath()
        : path.toString();
  }

  /** Whether it lies in the folder of the restore point, and so goes where that goes. */
  private static boolean isOwn(Path file, Path folder) {
    return file.toString().startsWith(folder + Path.SEPARATOR);
  }
}
