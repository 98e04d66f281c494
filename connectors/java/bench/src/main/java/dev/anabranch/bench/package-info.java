/** Union and Prism against the plain Kafka connectors, in one JVM, interleaved. */
@NullMarked
package dev.anabranch.bench;

import org.jspecify.annotations.NullMarked;
