package dev.anabranch.prism;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A broker's certificate that was good until two days ago, signed by an authority that is trusted.
 */
final class ExpiredCertificate {
  private static final String PASSWORD = "changeit";

  private final Path folder;

  /** Makes it by the JDK's keytool. */
  ExpiredCertificate(Path folder) throws Exception {
    this.folder = Files.createDirectories(folder.resolve("expired"));
    Files.writeString(password(), "secret");
    keytool("authority", "-genkeypair -keyalg EC -alias ca -dname CN=authority -ext bc:c");
    keytool("authority", "-exportcert -rfc -alias ca -file " + authority());
    keytool("broker", "-genkeypair -keyalg EC -alias broker -dname CN=broker");
    String request = this.folder.resolve("broker.req").toString();
    keytool("broker", "-certreq -alias broker -file " + request);
    String signed = this.folder.resolve("broker.pem").toString();
    keytool(
        "authority",
        "-gencert -rfc -alias ca -startdate -3d -validity 1 -ext san=ip:127.0.0.1,dns:localhost -infile %s -outfile %s"
            .formatted(request, signed));
    keytool("broker", "-importcert -noprompt -alias ca -file " + authority());
    keytool("broker", "-importcert -noprompt -alias broker -file " + signed);
  }

  /** The certificate of who signed it, as PEM. */
  Path authority() {
    return folder.resolve("authority.pem");
  }

  /** A file with the password of alice. */
  Path password() {
    return folder.resolve("password");
  }

  /** Has the listener of a broker's link show it, and ask for alice's password. */
  Map<String, String> properties() {
    Map<String, String> properties = new TreeMap<>();
    properties.put(
        "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,LINK:SASL_SSL,CONTROLLER:PLAINTEXT");
    properties.put("sasl.enabled.mechanisms", "PLAIN");
    properties.put(
        "listener.name.link.plain.sasl.jaas.config",
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"secret\";");
    properties.put("listener.name.link.ssl.keystore.location", store("broker").toString());
    properties.put("listener.name.link.ssl.keystore.password", PASSWORD);
    return properties;
  }

  private Path store(String name) {
    return folder.resolve(name + ".p12");
  }

  private void keytool(String store, String options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(options.split(" ")));
    command.addAll(List.of("-storepass", PASSWORD, "-keystore", store(store).toString()));
    Path log = folder.resolve("keytool.log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    if (process.waitFor() != 0) {
      throw new IllegalStateException(Files.readString(log));
    }
  }
}
