package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** No subtask has more than one split above another. */
class SplitBalancerTest {
  private static List<UnionSplit> splits(String cluster, int count) {
    List<UnionSplit> splits = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      splits.add(Views.split(cluster, "t1", i, cluster));
    }
    return splits;
  }

  @Test
  void sharesEachClusterOutEvenly() {
    SplitBalancer balancer = new SplitBalancer();
    balancer.registered(0, Set.of());
    balancer.registered(1, Set.of());
    List<UnionSplit> all = splits("A", 4);
    all.addAll(splits("B", 4));
    Map<Integer, List<UnionSplit>> shares = balancer.share(all, Set.of());
    for (int subtask : new int[] {0, 1}) {
      assertThat(shares.get(subtask).stream().map(split -> split.log().clusterId()))
          .containsExactlyInAnyOrder("A", "A", "B", "B");
    }
  }

  @Test
  void countsWhatReadersWereRestoredWith() {
    SplitBalancer balancer = new SplitBalancer();
    balancer.registered(0, Set.of("A/t/0", "A/t/1"));
    balancer.registered(1, Set.of("A/t/2"));
    balancer.registered(2, Set.of());
    Map<Integer, List<UnionSplit>> shares = balancer.share(splits("B", 3), Set.of());
    assertThat(shares.get(0)).isNull();
    assertThat(shares.get(1)).hasSize(1);
    assertThat(shares.get(2)).hasSize(2);
  }

  @Test
  void doesNotCountWhatReadersGiveUp() {
    SplitBalancer balancer = new SplitBalancer();
    balancer.registered(0, Set.of("A/t0/0"));
    balancer.registered(1, Set.of("B/t/0"));
    assertThat(balancer.share(splits("A", 1), Set.of("A/t0/0"))).containsOnlyKeys(0);
  }

  @Test
  void norWhatOneGetsThatIsToGiveItUp() {
    SplitBalancer balancer = new SplitBalancer();
    balancer.registered(0, Set.of());
    balancer.registered(1, Set.of());
    List<UnionSplit> all = splits("A", 2);
    all.addAll(splits("B", 2));
    Map<Integer, List<UnionSplit>> shares = balancer.share(all, Set.of("A/t1/0", "A/t1/1"));
    assertThat(shares.get(0)).extracting(split -> split.log().clusterId()).contains("B");
    assertThat(shares.get(1)).extracting(split -> split.log().clusterId()).contains("B");
  }

  @Test
  void isReadyOnlyWhileEveryReaderIsThere() {
    SplitBalancer balancer = new SplitBalancer();
    balancer.registered(0, Set.of());
    assertThat(balancer.isReady(2)).isFalse();
    balancer.registered(1, Set.of());
    assertThat(balancer.isReady(2)).isTrue();
    balancer.away(0);
    assertThat(balancer.isReady(2)).isFalse();
  }
}
