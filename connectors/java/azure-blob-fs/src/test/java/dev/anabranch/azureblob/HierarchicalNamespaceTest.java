package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.storage.blob.options.BlockBlobSimpleUploadOptions;
import dev.anabranch.azureblob.FaultProxy.Fault;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.Test;

/**
 * An account with a hierarchical namespace, as far as one without can play it: directories are
 * blobs of their own, and one that is not empty is not deleted. Only a real account can show that
 * the service does it so.
 */
class HierarchicalNamespaceTest {
  private final Cloud cloud = Cloud.local();
  private final String root = "hierarchical-" + UUID.randomUUID();

  private void makeDirectory(String name) throws IOException {
    ContainerUri container = ContainerUri.of(new Path(cloud.location()).toUri());
    BlobResources.of(Settings.from(cloud.options()))
        .container(container)
        .getBlobClient(name)
        .getBlockBlobClient()
        .uploadWithResponse(
            new BlockBlobSimpleUploadOptions(BinaryData.fromBytes(new byte[0]))
                .setMetadata(Map.of("hdi_isfolder", "true")),
            null,
            Context.NONE);
  }

  @Test
  void deletesTheDeepestFirst() throws Exception {
    FileSystem direct = cloud.fileSystem();
    Set<String> there = ConcurrentHashMap.newKeySet();
    for (String directory : new String[] {"", "/a", "/a/b", "/a/b/c", "/d"}) {
      makeDirectory(root + directory);
      there.add(root + directory);
      String file = root + directory + "/file";
      write(direct, new Path(cloud.location(), file), random(1, 10));
      there.add(file);
    }
    try (FaultProxy proxy = new FaultProxy(cloud)) {
      proxy.rule =
          request -> {
            if (!request.startsWith("DELETE ")) {
              return Fault.none();
            }
            String name = request.substring(request.indexOf(root)).replace("%2F", "/");
            if (there.stream().anyMatch(other -> other.startsWith(name + "/"))) {
              return Fault.answered(409, "x-ms-error-code", "DirectoryIsNotEmpty");
            }
            there.remove(name);
            return Fault.none();
          };
      FileSystem files = cloud.fileSystem(proxy.options(), cloud.location());
      assertThat(files.delete(new Path(cloud.location(), root), true)).isTrue();
      assertThat(proxy.count("DELETE", "")).isEqualTo(10);
    }
    assertThat(there).isEmpty();
    assertThat(direct.exists(new Path(cloud.location(), root))).isFalse();
  }

  @Test
  void takesAMarkForADirectory() throws IOException {
    makeDirectory(root);
    makeDirectory(root + "/empty");
    FileSystem files = cloud.fileSystem();
    Path path = new Path(cloud.location(), root);
    assertThat(files.getFileStatus(path).isDir()).isTrue();
    assertThat(files.listStatus(path))
        .extracting(FileStatus::getPath, FileStatus::isDir)
        .containsExactly(tuple(new Path(path, "empty"), true));
    assertThat(files.listStatus(new Path(path, "empty"))).isEmpty();
    assertThat(files.delete(new Path(path, "empty"), false)).isTrue();
  }

  @Test
  void refusesToDeleteADirectoryThatIsNotEmpty() throws Exception {
    makeDirectory(root);
    try (FaultProxy proxy = new FaultProxy(cloud)) {
      proxy.first(1, "DELETE", root, Fault.answered(409, "x-ms-error-code", "DirectoryIsNotEmpty"));
      FileSystem files = cloud.fileSystem(proxy.options(), cloud.location());
      Path path = new Path(cloud.location(), root);
      assertThatThrownBy(() -> files.delete(path, false))
          .hasMessage("cannot delete " + path + ": there is something in it");
    }
  }
}
