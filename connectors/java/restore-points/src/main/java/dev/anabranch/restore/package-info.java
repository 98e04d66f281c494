/**
 * Checkpoints and savepoints as files: which there are, what they refer to, whether all of it is
 * there, and copies that no job can delete. Read by Flink's own classes and file systems, so that
 * the same identity, options and code path are used as in a job, and without the classes of users.
 */
@NullMarked
package dev.anabranch.restore;

import org.jspecify.annotations.NullMarked;
