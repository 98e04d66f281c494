package dev.anabranch.table.decode;

import java.io.Serializable;

/**
 * Looks at bytes before a format's decoder does, for what decoders let pass in silence. Called once
 * a record from the task thread.
 */
interface BytesCheck extends Serializable {
  /** Throws where the bytes must not be decoded. */
  void check(byte[] bytes) throws UndecodableException;
}
