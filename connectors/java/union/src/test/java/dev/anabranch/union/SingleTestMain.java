package dev.anabranch.union;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.lang.reflect.Method;
import java.util.Arrays;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * Runs one test of this package, {@code <class> <method>}, for tests/model, which has taken a guard
 * out of what it tests. The exit code is {@link #FAILED} where it fails, and 0 where it passes.
 */
public final class SingleTestMain {
  /** None that a JVM has for troubles of its own. */
  static final int FAILED = 10;

  private SingleTestMain() {}

  /** Ends the JVM. */
  public static void main(String[] arguments) throws Exception {
    SummaryGeneratingListener heard = new SummaryGeneratingListener();
    Class<?> type = Class.forName(SingleTestMain.class.getPackageName() + "." + arguments[0]);
    // By name alone: parameterized tests have parameters.
    Arrays.stream(type.getDeclaredMethods())
        .filter(method -> method.getName().equals(arguments[1]))
        .forEach(method -> run(type, method, heard));
    TestExecutionSummary summary = heard.getSummary();
    if (summary == null || summary.getTestsStartedCount() == 0) {
      throw new IllegalArgumentException("no test " + String.join(".", arguments));
    }
    summary.getFailures().forEach(failure -> System.out.println(failure.getException()));
    System.exit(summary.getTotalFailureCount() == 0 ? 0 : FAILED);
  }

  private static void run(Class<?> type, Method method, SummaryGeneratingListener heard) {
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request().selectors(selectMethod(type, method)).build(),
            heard);
  }
}
