package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.UUID;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream.Committer;
import org.apache.flink.core.fs.RecoverableWriter;
import org.apache.flink.core.fs.RecoverableWriter.CommitRecoverable;
import org.apache.flink.core.fs.RecoverableWriter.ResumeRecoverable;
import org.apache.flink.core.io.SimpleVersionedSerialization;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Files that are resumed and committed by other processes than the one that began them. */
class RecoverableWriterTest {
  private static final byte[] BYTES = random(1, 3_000);
  private static FileSystem files;
  private Path path;

  @BeforeAll
  static void open() throws IOException {
    files = Cloud.get().fileSystem();
  }

  @BeforeEach
  void choose() {
    path = new Path(Cloud.get().location(), "recoverable-" + UUID.randomUUID() + "/part");
  }

  /** Such as after a restore: by way of bytes, and with nothing of the first writer left. */
  private static ResumeRecoverable restored(ResumeRecoverable state) throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    byte[] bytes =
        SimpleVersionedSerialization.writeVersionAndSerialize(
            writer.getResumeRecoverableSerializer(), state);
    assertThat(bytes.length).isLessThan(300);
    return SimpleVersionedSerialization.readVersionAndDeSerialize(
        writer.getResumeRecoverableSerializer(), bytes);
  }

  private static CommitRecoverable restoredForCommit(CommitRecoverable state) throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    return SimpleVersionedSerialization.readVersionAndDeSerialize(
        writer.getCommitRecoverableSerializer(),
        SimpleVersionedSerialization.writeVersionAndSerialize(
            writer.getCommitRecoverableSerializer(), state));
  }

  @Test
  void isSeenOnlyWhenItIsCommitted() throws IOException {
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      out.write(BYTES);
      out.sync();
      out.persist();
      Committer committer = out.closeForCommit();
      assertThat(files.exists(path)).isFalse();
      committer.commit();
    }
    assertThat(read(files, path)).isEqualTo(BYTES);
  }

  @Test
  void publishesNothingWhenItIsClosedWithoutACommit() throws IOException {
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      out.write(BYTES);
      out.persist();
    }
    assertThat(files.exists(path)).isFalse();
    assertThat(files.listStatus(path.getParent())).isEmpty();
  }

  @Test
  void goesOnFromEachPointThatWasPersisted() throws IOException {
    ResumeRecoverable third;
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      out.write(BYTES, 0, 1000);
      third = restored(out.persist());
      out.write(random(9, 500)); // after the checkpoint: to be forgotten
      out.persist();
    }
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().recover(third)) {
      assertThat(out.getPos()).isEqualTo(1000);
      out.write(BYTES, 1000, 1000);
      third = restored(out.persist());
    }
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().recover(third)) {
      out.write(BYTES, 2000, 1000);
      out.closeForCommit().commit();
    }
    assertThat(read(files, path)).isEqualTo(BYTES);
  }

  @Test
  void goesOnFromTheVeryBeginning() throws IOException {
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      ResumeRecoverable start = restored(out.persist());
      out.write(random(9, 500)); // to be forgotten
      out.persist();
      try (RecoverableFsDataOutputStream again = files.createRecoverableWriter().recover(start)) {
        again.write(BYTES, 0, 10);
        again.closeForCommit().commit();
      }
    }
    assertThat(read(files, path)).isEqualTo(Arrays.copyOf(BYTES, 10));
  }

  @Test
  void isCommittedByARestoredJobOnceOrMore() throws IOException {
    CommitRecoverable pending;
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      out.write(BYTES);
      pending = restoredForCommit(out.closeForCommit().getRecoverable());
    }
    RecoverableWriter writer = files.createRecoverableWriter();
    writer.recoverForCommit(pending).commitAfterRecovery();
    writer.recoverForCommit(pending).commitAfterRecovery();
    writer.recoverForCommit(pending).commit();
    assertThat(read(files, path)).isEqualTo(BYTES);
  }

  @Test
  void doesNotTakeTheFileOfAWriterThatLivedOnForItsOwn() throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    RecoverableFsDataOutputStream first = writer.open(path);
    first.write(BYTES, 0, 1000);
    ResumeRecoverable checkpoint = restored(first.persist());
    // The old run is thought dead, and both go on from the same checkpoint.
    RecoverableFsDataOutputStream second = writer.recover(checkpoint);
    second.write(random(2, 1000));
    first.write(random(3, 1000));
    first.closeForCommit().commit();
    Committer late = second.closeForCommit();
    assertThatThrownBy(late::commit)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("exists already");
  }

  @Test
  void tellsThatBlocksAreGone() throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    CommitRecoverable pending;
    try (RecoverableFsDataOutputStream out = writer.open(path)) {
      out.write(BYTES);
      pending = out.closeForCommit().getRecoverable();
    }
    writer.recoverForCommit(pending).commit();
    files.delete(path, false);
    assertThatThrownBy(() -> writer.recoverForCommit(pending).commitAfterRecovery())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("blocks of it are gone");
    assertThat(files.exists(path)).isFalse();
  }

  @Test
  void commitsAnEmptyFile() throws IOException {
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(path)) {
      out.closeForCommit().commit();
    }
    assertThat(files.getFileStatus(path).getLen()).isZero();
  }
}
