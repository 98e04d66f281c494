package dev.anabranch.restore;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.PathsCopyingFileSystem;
import org.apache.flink.core.fs.PathsCopyingFileSystem.CopyRequest;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Copies files so that each is there as a whole or not at all, also for whoever makes the same copy
 * at the same time. Within one container the service copies by itself; otherwise the bytes go
 * through this process.
 */
final class FileCopier {
  private static final int THREADS = 8;
  private static final int BUFFER = 1 << 20;

  private FileCopier() {}

  /** One file, and how long it must be. */
  record Task(Path source, Path target, long bytes) {}

  /** Copies all, or throws; some may then be there. */
  static void copy(List<Task> tasks) throws IOException {
    if (tasks.isEmpty()) {
      return;
    }
    FileSystem files = tasks.get(0).target().getFileSystem();
    files.mkdirs(tasks.get(0).target().getParent());
    List<Task> here = new ArrayList<>();
    List<CopyRequest> there = new ArrayList<>();
    for (Task task : tasks) {
      if (isRemote(task.source()) && files.canCopyPaths(task.source(), task.target())) {
        there.add(CopyRequest.of(task.source(), task.target(), task.bytes()));
      } else {
        here.add(task);
      }
    }
    if (!there.isEmpty()) {
      try (CloseableRegistry registry = new CloseableRegistry()) {
        ((PathsCopyingFileSystem) files).copyFiles(there, registry);
      }
    }
    throughHere(here);
    Folders folders = new Folders();
    for (Task task : tasks) {
      check(task, folders.fileNow(task.target()));
    }
  }

  /**
   * Writes a file that is there as a whole or not at all.
   *
   * @throws FileAlreadyExistsException it may be thrown where there is one already
   */
  static void write(byte[] content, Path target) throws IOException {
    FileSystem files = target.getFileSystem();
    files.mkdirs(target.getParent());
    RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(target);
    try {
      out.write(content);
      out.closeForCommit().commit();
    } finally {
      out.close();
    }
  }

  private static boolean isRemote(Path path) {
    String scheme = path.toUri().getScheme();
    return scheme != null && !scheme.equals("file");
  }

  private static void throughHere(List<Task> tasks) throws IOException {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (Task task : tasks) {
        running.add(
            threads.submit(
                () -> {
                  throughHere(task);
                  return null;
                }));
      }
      for (Future<?> each : running) {
        each.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the copying of files was stopped", e);
    } finally {
      threads.shutdownNow();
    }
  }

  private static void throughHere(Task task) throws IOException {
    FileSystem files = task.target().getFileSystem();
    RecoverableFsDataOutputStream out = files.createRecoverableWriter().open(task.target());
    try (InputStream in = task.source().getFileSystem().open(task.source())) {
      byte[] buffer = new byte[BUFFER];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        out.write(buffer, 0, read);
      }
      out.closeForCommit().commit();
    } catch (FileAlreadyExistsException e) {
      return; // somebody else makes the same copy; whether it is the same is looked at
    } catch (FileNotFoundException e) {
      throw new FileNotFoundException(task.source() + " was deleted while it was copied");
    } finally {
      out.close();
    }
  }

  private static void check(Task task, @Nullable FileStatus found) throws IOException {
    if (found == null || found.getLen() != task.bytes()) {
      throw new IOException(
          "the copy " + task.target() + (found == null ? " is gone" : " has another length"));
    }
  }
}
