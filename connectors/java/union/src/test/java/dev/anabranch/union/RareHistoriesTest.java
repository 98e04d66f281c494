package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Histories that break a promise for want of one guard; tests/model comes upon few of them. */
class RareHistoriesTest {
  private static final String READ_FOUR = "produce 0 0 4;settle;settle;";

  /** The primary was asked before its topic was created again, and answers what it had then. */
  @Test
  void anAnswerFromBeforeAnOrderSaysNothingOfTheOrdersLog() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            READ_FOUR
                + "tick;fetch 0 0 5 none;delete 0;create 0;produce 0 0 3;probe 0 4;coordinate 5;"
                + "deliver 0 5;fetch 0 0 5 none;drain");
    assertThat(trace).containsOnlyOnce("TOPIC_REPLACED").contains(",0,4]", ",1,5]", ",2,6]");
  }

  /** Not all brokers of a primary hear of a change at the same moment. */
  @Test
  void aBrokerThatStillShowsTheFormerTopicSaysNothingOfItsSuccessor() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            READ_FOUR
                + "delete 0;create 0;produce 0 0 3;settle;tick;lag 0;tick;settle;settle;"
                + "catchup 0;produce 0 0 2;drain");
    assertThat(trace).containsOnlyOnce("TOPIC_REPLACED").contains(",0,4]", ",3,7]", ",4,8]");
  }

  /** Nor where the reader hears of the new topic, from the enumerator, before its broker does. */
  @Test
  void aLogIsReadOnceTheReadersBrokerHasHeardOfItToo() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            READ_FOUR
                + "delete 0;create 0;lag 0;tick;settle;tick;settle;catchup 0;produce 0 0 2;drain");
    assertThat(trace).containsOnlyOnce("TOPIC_REPLACED").contains(",0,4]", ",1,5]");
  }

  /** Its records were in the queue when the news came that their cluster had been replaced. */
  @Test
  void theLossOfAClusterBeginsBehindWhatWasReadOfIt() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            READ_FOUR
                + "produce 0 0 5;fetch 0 0 5 none;fetch 0 0 5 none;wipe 0;probe 0 4;deliver 0 5;"
                + "emit 0 9;drain");
    assertThat(trace).contains("CLUSTER_REPLACED\",9,-1").contains(",8,8]");
  }

  /** A poll was under way meanwhile: what it brought is within what was reported as lost. */
  @Test
  void nothingIsReadOfAClusterOnceItsLossIsTold() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            READ_FOUR
                + "produce 0 0 15;fetch 0 0 5 none;wipe 0;probe 0 4;"
                + "fetch 0 0 3 POLLED|deliver 0 5;emit 0 9;emit 0 9;drain");
    assertThat(trace).contains(",8,8]", "CLUSTER_REPLACED\",9,-1").doesNotContain(",9,9]");
  }
}
