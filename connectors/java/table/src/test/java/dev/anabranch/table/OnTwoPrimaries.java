package dev.anabranch.table;

import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Statements on real brokers: one Flink and two primaries for all tests of a class. */
abstract class OnTwoPrimaries {
  @RegisterExtension static final MiniClusterExtension FLINK = Sql.cluster();

  static TwoPrimaries primaries;

  @BeforeAll
  static void start() throws Exception {
    primaries = new TwoPrimaries();
  }

  @AfterAll
  static void stop() {
    primaries.close();
  }
}
