package dev.anabranch.restore;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.StateObjectCollection;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.IncrementalRemoteKeyedStateHandle;
import org.apache.flink.runtime.state.InputChannelStateHandle;
import org.apache.flink.runtime.state.InputStateHandle;
import org.apache.flink.runtime.state.KeyGroupsSavepointStateHandle;
import org.apache.flink.runtime.state.KeyGroupsStateHandle;
import org.apache.flink.runtime.state.KeyedStateHandle;
import org.apache.flink.runtime.state.MergedInputChannelStateHandle;
import org.apache.flink.runtime.state.MergedResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStreamStateHandle;
import org.apache.flink.runtime.state.OutputStateHandle;
import org.apache.flink.runtime.state.ResultSubpartitionStateHandle;
import org.apache.flink.runtime.state.StateObject;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateBackendHandle;
import org.apache.flink.runtime.state.changelog.ChangelogStateHandleStreamImpl;
import org.apache.flink.runtime.state.changelog.inmemory.InMemoryChangelogStateHandle;
import org.apache.flink.runtime.state.filemerging.FileMergingOperatorStreamStateHandle;

/**
 * The state of an operator with each reference to bytes replaced, as a mapping says; all else stays
 * what it was. One that returns what it is given only looks. Every kind of handle that Flink can
 * read from metadata is known here; one that is not is an error, since files that are not seen
 * would be missing from a copy.
 */
final class HandleMapping {
  /** From one reference to bytes, in a file or in the metadata itself, to another. */
  interface Leaf {
    /** Called for each, also more than once for one file. */
    StreamStateHandle map(StreamStateHandle handle) throws IOException;
  }

  private interface Each<T> {
    T map(T handle) throws IOException;
  }

  private final Leaf leaf;

  HandleMapping(Leaf leaf) {
    this.leaf = leaf;
  }

  OperatorState map(OperatorState state) throws IOException {
    if (state.isFullyFinished()) {
      return state;
    }
    OperatorState mapped =
        new OperatorState(
            state.getOperatorName().orElse(null),
            state.getOperatorUid().orElse(null),
            state.getOperatorID(),
            state.getParallelism(),
            state.getMaxParallelism());
    mapped.setCoordinatorState(state.getCoordinatorState());
    for (Map.Entry<Integer, OperatorSubtaskState> subtask : state.getSubtaskStates().entrySet()) {
      mapped.putState(subtask.getKey(), subtask(subtask.getValue()));
    }
    return mapped;
  }

  private OperatorSubtaskState subtask(OperatorSubtaskState state) throws IOException {
    if (state.isFinished()) {
      return state;
    }
    return state.toBuilder()
        .setManagedOperatorState(all(state.getManagedOperatorState(), this::operatorState))
        .setRawOperatorState(all(state.getRawOperatorState(), this::operatorState))
        .setManagedKeyedState(all(state.getManagedKeyedState(), this::keyed))
        .setRawKeyedState(all(state.getRawKeyedState(), this::keyed))
        .setInputChannelState(all(state.getInputChannelState(), this::input))
        .setResultSubpartitionState(all(state.getResultSubpartitionState(), this::output))
        .build();
  }

  private static <T extends StateObject> StateObjectCollection<T> all(
      StateObjectCollection<T> handles, Each<T> each) throws IOException {
    List<T> mapped = new ArrayList<>();
    for (T handle : handles) {
      mapped.add(each.map(handle));
    }
    return new StateObjectCollection<>(mapped);
  }

  private OperatorStateHandle operatorState(OperatorStateHandle handle) throws IOException {
    StreamStateHandle delegate = handle.getDelegateStateHandle();
    if (handle instanceof FileMergingOperatorStreamStateHandle) {
      return unchanged(handle, delegate, "files that several subtasks share (file-merging)");
    }
    return new OperatorStreamStateHandle(
        handle.getStateNameToPartitionOffsets(), leaf.map(delegate));
  }

  private KeyedStateHandle keyed(KeyedStateHandle handle) throws IOException {
    if (handle instanceof KeyGroupsSavepointStateHandle groups) {
      return new KeyGroupsSavepointStateHandle(
          groups.getGroupRangeOffsets(), leaf.map(groups.getDelegateStateHandle()));
    }
    if (handle instanceof KeyGroupsStateHandle groups) {
      return KeyGroupsStateHandle.restore(
          groups.getGroupRangeOffsets(),
          leaf.map(groups.getDelegateStateHandle()),
          groups.getStateHandleId());
    }
    if (handle instanceof IncrementalRemoteKeyedStateHandle incremental) {
      return IncrementalRemoteKeyedStateHandle.restore(
          incremental.getBackendIdentifier(),
          incremental.getKeyGroupRange(),
          incremental.getCheckpointId(),
          files(incremental.getSharedState()),
          files(incremental.getPrivateState()),
          leaf.map(incremental.getMetaDataStateHandle()),
          incremental.getCheckpointedSize(),
          incremental.getStateHandleId());
    }
    return changelog(handle);
  }

  private List<HandleAndLocalPath> files(List<HandleAndLocalPath> files) throws IOException {
    List<HandleAndLocalPath> mapped = new ArrayList<>();
    for (HandleAndLocalPath file : files) {
      mapped.add(HandleAndLocalPath.of(leaf.map(file.getHandle()), file.getLocalPath()));
    }
    return mapped;
  }

  private KeyedStateHandle changelog(KeyedStateHandle handle) throws IOException {
    if (handle instanceof InMemoryChangelogStateHandle) {
      return handle; // all of it is in the metadata
    }
    HandleMapping same = new HandleMapping(part -> unchanged(part, part, "a changelog"));
    if (handle instanceof ChangelogStateBackendHandle backend) {
      for (KeyedStateHandle part : backend.getMaterializedStateHandles()) {
        same.keyed(part);
      }
      for (KeyedStateHandle part : backend.getNonMaterializedStateHandles()) {
        same.keyed(part);
      }
      return handle;
    }
    if (handle instanceof ChangelogStateHandleStreamImpl stream) {
      for (Tuple2<StreamStateHandle, Long> part : stream.getHandlesAndOffsets()) {
        same.leaf.map(part.f0);
      }
      return handle;
    }
    throw new IOException("state of an unknown kind: " + handle.getClass().getName());
  }

  private <T> T unchanged(T handle, StreamStateHandle part, String what) throws IOException {
    if (leaf.map(part) != part) {
      throw new UnsupportedStateException(
          "its state is kept in " + what + ", which cannot be copied: take a savepoint instead");
    }
    return handle;
  }

  private InputStateHandle input(InputStateHandle handle) throws IOException {
    if (handle instanceof InputChannelStateHandle one) {
      return new InputChannelStateHandle(
          one.getSubtaskIndex(),
          one.getInfo(),
          leaf.map(one.getDelegate()),
          one.getOffsets(),
          one.getStateSize());
    }
    if (handle instanceof MergedInputChannelStateHandle many) {
      return new MergedInputChannelStateHandle(
          many.getSubtaskIndex(),
          leaf.map(many.getDelegate()),
          many.getStateSize(),
          many.getSerializedChannelOffsets());
    }
    throw new IOException("records in flight of an unknown kind: " + handle.getClass().getName());
  }

  private OutputStateHandle output(OutputStateHandle handle) throws IOException {
    if (handle instanceof ResultSubpartitionStateHandle one) {
      return new ResultSubpartitionStateHandle(
          one.getSubtaskIndex(),
          one.getInfo(),
          leaf.map(one.getDelegate()),
          one.getOffsets(),
          one.getStateSize());
    }
    if (handle instanceof MergedResultSubpartitionStateHandle many) {
      return new MergedResultSubpartitionStateHandle(
          many.getSubtaskIndex(),
          leaf.map(many.getDelegate()),
          many.getStateSize(),
          many.getSerializedChannelOffsets());
    }
    throw new IOException("records in flight of an unknown kind: " + handle.getClass().getName());
  }
}
