package dev.anabranch.prism;

/**
 * A writer's promise at a checkpoint: no version given before the next one is above {@code
 * ceiling}.
 *
 * @param ceiling a hybrid logical clock
 * @param atMs wall clock at the snapshot, Unix milliseconds
 */
record VersionFloor(long ceiling, long atMs) {}
