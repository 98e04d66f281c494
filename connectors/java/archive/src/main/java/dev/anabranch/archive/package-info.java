/** Raw records to Avro object-container files: exactly once, by Flink's file sink. */
@NullMarked
package dev.anabranch.archive;

import org.jspecify.annotations.NullMarked;
