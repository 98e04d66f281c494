package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A broker that lags shows a topic that the job may never have known. */
class LaggingBrokerTest {
  private static final String NEW = "new earliest 1 1 RESET 1 a=0";
  private static final String READ_FOUR = "produce 0 0 4;settle;settle;";
  private static final String AGAIN = "delete 0;create 0;";

  /** The topic was created again just before the job's first look. */
  @Test
  void aTopicCreatedAgainBeforeTheFirstLookIsReadOnceTheReadersBrokerHasHeardOfIt()
      throws Exception {
    String trace =
        SimulatedWorld.play(
            NEW,
            AGAIN + "produce 0 0 3;lag 0;settle;settle;tick;settle;catchup 0;produce 0 0 2;drain");
    assertThat(trace)
        .contains(",0,0]", ",1,1]", ",2,2]", ",3,3]", ",4,4]")
        .doesNotContain("TOPIC_REPLACED");
  }

  /** Nor does the job fail with a loss that is none. */
  @Test
  void aPolicyThatFailsWaitsForItToo() throws Exception {
    String trace =
        SimulatedWorld.play(
            NEW.replace("RESET", "FAIL"),
            AGAIN + "produce 0 0 3;lag 0;settle;settle;tick;settle;catchup 0;drain");
    assertThat(trace).contains(",0,0]", ",1,1]", ",2,2]").doesNotContain("TOPIC_REPLACED");
  }

  /** Created again twice between two looks; the broker that lags shows the one in the middle. */
  @Test
  void aTopicCreatedAgainTwiceIsReadOnceTheReadersBrokerHasHeardOfIt() throws Exception {
    String trace =
        SimulatedWorld.play(
            NEW,
            READ_FOUR
                + AGAIN
                + AGAIN
                + "produce 0 0 3;lag 0;tick;settle;tick;settle;settle;catchup 0;produce 0 0 2;drain");
    assertThat(trace)
        .contains(",0,4]", ",1,5]", ",2,6]", ",3,7]", ",4,8]")
        .containsOnlyOnce("TOPIC_REPLACED");
  }

  /** The reader hears of the new topic first: it waits for discovery, and then tells the loss. */
  @Test
  void aTopicThatWasCreatedAgainIsReplacedOnceDiscoveryHasHeardOfIt() throws Exception {
    String before = READ_FOUR + AGAIN + "produce 0 0 2;tick;fetch 0 0 5 none;fetch 0 0 5 none;";
    assertThat(SimulatedWorld.play(NEW, before + "emit 0 9")).doesNotContain("TOPIC_REPLACED");
    assertThat(SimulatedWorld.play(NEW, before + "emit 0 9;drain"))
        .containsOnlyOnce("TOPIC_REPLACED")
        .containsOnlyOnce(",0,4]")
        .containsOnlyOnce(",1,5]");
  }

  /** Discovery meets the broker that lags, and takes the older topic for the newer one. */
  @Test
  void aTopicThatDiscoveryWasShownFromBeforeTheJobTakesNothingFromTheOneThatIsThere()
      throws Exception {
    String trace =
        SimulatedWorld.play(
            NEW,
            AGAIN
                + READ_FOUR
                + "outdate 0;tick;settle;settle;produce 0 0 2;catchup 0;tick;settle;produce 0 0 1;drain");
    assertThat(trace)
        .containsOnlyOnce(",4,4]")
        .containsOnlyOnce(",5,5]")
        .containsOnlyOnce(",6,6]")
        .doesNotContain("TOPIC_REPLACED");
  }
}
