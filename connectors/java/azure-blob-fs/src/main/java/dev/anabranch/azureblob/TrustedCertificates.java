package dev.anabranch.azureblob;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/** The authorities whose certificates are believed: the JVM's own, and those of one PEM file. */
final class TrustedCertificates {
  private TrustedCertificates() {}

  /**
   * A context for clients.
   *
   * @param more PEM file with further authorities
   * @throws IOException a sentence that names the option, where the file is missing or no PEM
   */
  static SSLContext context(@Nullable Path more) throws IOException {
    try {
      if (more == null) {
        return SSLContext.getDefault();
      }
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {trustManager(union(more))}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException(
          AzureBlobOptions.CA_FILE.key() + ": no certificates can be read from " + more, e);
    }
  }

  private static KeyStore union(Path more) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int count = 0;
    for (X509Certificate own : trustManager(null).getAcceptedIssuers()) {
      store.setCertificateEntry("jvm-" + count++, own);
    }
    try (InputStream in = Files.newInputStream(more)) {
      for (Certificate given : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        store.setCertificateEntry("given-" + count++, given);
      }
    } catch (IOException e) {
      throw new IOException(AzureBlobOptions.CA_FILE.key() + ": cannot read " + more, e);
    }
    return store;
  }

  private static X509TrustManager trustManager(@Nullable KeyStore store)
      throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509TrustManager x509) {
        return x509;
      }
    }
    throw new GeneralSecurityException("the JVM has no X.509 trust manager");
  }
}
