/** Hadoop's driver for Azure as Flink loads it, for comparison. */
@org.jspecify.annotations.NullMarked
package dev.anabranch.hadoopazure;
