/**
 * A Flink file system over Azure Blob Storage: checkpoints, savepoints, HA data and sinks in a
 * container, authenticated by workload identity and nothing else.
 *
 * <p>A file is one block blob. What is written is collected in blocks ({@code BlockStager}) within
 * one {@code MemoryBudget}, staged in parallel, and becomes visible by one commit ({@code
 * BlobCommit}). What is read comes in ranges ({@code BlobInputStream}) of one version of the blob.
 */
@NullMarked
package dev.anabranch.azureblob;

import org.jspecify.annotations.NullMarked;
