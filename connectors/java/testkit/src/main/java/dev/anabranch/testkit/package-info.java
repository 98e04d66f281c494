/** Real Kafka brokers as processes of a test. */
@NullMarked
package dev.anabranch.testkit;

import org.jspecify.annotations.NullMarked;
