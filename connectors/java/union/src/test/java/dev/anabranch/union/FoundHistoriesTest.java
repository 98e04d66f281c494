package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Histories that tests/model once found to break a promise. */
class FoundHistoriesTest {
  private static final String READ_TWO_OF_A_BATCH_THEN_LEAVE_AND_COME_BACK =
      "produce 0 0 5;settle;settle;produce 0 0 5;fetch 0 0 5 none;fetch 0 1 5 none;emit 0 2;"
          + "publish b=1;coordinate 5;deliver 0 5;publish a=0,b=1;coordinate 5;deliver 0 5;";

  /** The rest of a batch was emitted though its log had been ordered anew from before it. */
  @Test
  void deletedRecordsThatWereReadAreNoLossAndAreNotReadAgain() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 2 1 RESET 1 a=0,b=1",
            READ_TWO_OF_A_BATCH_THEN_LEAVE_AND_COME_BACK + "emit 0 9;trim 0 0 8;drain");
    assertThat(trace).containsOnlyOnce(",8,8]").containsOnlyOnce(",9,9]");
  }

  /** So was what had been written in its place after a truncation: it was passed over. */
  @Test
  void whatIsWrittenInPlaceOfTheRestOfABatchIsRead() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 2 1 RESET 1 a=0,b=1",
            READ_TWO_OF_A_BATCH_THEN_LEAVE_AND_COME_BACK
                + "emit 0 9;elect 0 0 2;produce 0 0 4;drain");
    assertThat(trace).contains(",8,10]", ",9,11]", ",10,12]", ",11,13]");
  }

  /** The start was looked up by the topic's name, in the log that had taken its place. */
  @Test
  void aLogBeginsAtAnOffsetOfItsOwn() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            "probe 0 2;wipe 0;produce 0 0 3;trim 0 0 2;probe 0 9;settle;drain");
    assertThat(trace).doesNotContain("[\"assigned\",0,[\"K0.0").contains("[\"assigned\",0,[\"K0.1");
  }

  /**
   * Two names show one cluster; its topic was created again after one of them had been looked up,
   * and the start at the latest was taken for the new one, too.
   */
  @Test
  void aLogThatIsMadeWhileAnotherNameIsLookedUpIsReadFromItsStart() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new latest 1 1 RESET 1 a=0",
            "publish a=0,b=0;probe 0 2;probe 1 1;probe 1 2;delete 0;create 0;produce 0 0 9;"
                + "fetch 0 0 5 none;fetch 0 0 5 none;drain");
    assertThat(trace).contains("Ag/0\",0]").doesNotContain("Ag/0\",9]");
  }

  /** Its splits came back to the reader after the news, and nobody told of the loss. */
  @Test
  void theLossOfAClusterIsToldThoughItsReaderFails() throws Exception {
    String trace =
        SimulatedWorld.play(
            "new earliest 1 1 RESET 1 a=0",
            "produce 0 0 4;settle;settle;wipe 0;settle;fail 0;drain");
    assertThat(trace.split("CLUSTER_REPLACED", -1)).hasSize(3);
  }
}
