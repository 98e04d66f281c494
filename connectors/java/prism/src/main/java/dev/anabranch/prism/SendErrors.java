package dev.anabranch.prism;

import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.jspecify.annotations.Nullable;

/** What the failure of an attempt says about the record, the producer and the primary. */
final class SendErrors {
  /** Whose fault it is. */
  enum Fault {
    /** The record's, for this primary at least: limits differ. */
    RECORD,
    /** Nobody's: the producer's buffer is full for the moment. */
    BUSY,
    /** The producer's: it will not recover. */
    PRODUCER,
    /** The primary's: unreachable, slow, without the topic, or we are not allowed. */
    PRIMARY
  }

  private SendErrors() {}

  static Fault faultOf(Exception error) {
    if (recordReason(error) != null) {
      return Fault.RECORD;
    }
    if (error instanceof BufferExhaustedException) {
      return Fault.BUSY;
    }
    return isFatal(error) ? Fault.PRODUCER : Fault.PRIMARY;
  }

  /** Whether the primary refused before anything was appended, so that it surely has no copy. */
  static boolean surelyNotWritten(Exception error) {
    return error instanceof UnknownTopicOrPartitionException
        || error instanceof InvalidTopicException
        || error instanceof AuthorizationException
        || error instanceof AuthenticationException
        || error instanceof BufferExhaustedException;
  }

  /** Whether it only tells that there was no answer; a lost connection says more. */
  static boolean isVague(Exception error) {
    return error instanceof TimeoutException && error.getCause() == null;
  }

  static RecordException recordError(Exception error) {
    RecordException.Reason reason = recordReason(error);
    return new RecordException(
        reason == null ? RecordException.Reason.REFUSED : reason, Lane.describe(error), error);
  }

  private static RecordException.@Nullable Reason recordReason(Exception error) {
    if (error instanceof RecordTooLargeException) {
      return RecordException.Reason.TOO_LARGE;
    }
    if (error instanceof SerializationException) {
      return RecordException.Reason.NOT_SERIALIZABLE;
    }
    // The other records of its batch fail with another class, and are sent again.
    return error instanceof InvalidRecordException || error instanceof InvalidTimestampException
        ? RecordException.Reason.REFUSED
        : null;
  }

  /**
   * States that an idempotent producer does not leave. A refused login is one of them: the producer
   * never asks for its id again, and a new one also reads renewed secrets.
   */
  private static boolean isFatal(Exception error) {
    return error instanceof ProducerFencedException
        || error instanceof OutOfOrderSequenceException
        || error instanceof InvalidPidMappingException
        || error instanceof InvalidProducerEpochException
        || error instanceof UnsupportedVersionException
        || error instanceof AuthenticationException
        || error instanceof ClusterAuthorizationException
        || error instanceof ProducerBrokenException;
  }

  /** The producer refused to take a record at all, for a reason that is not the record's. */
  static final class ProducerBrokenException extends Exception {
    private static final long serialVersionUID = 1L;

    ProducerBrokenException(Throwable cause) {
      super(cause.getMessage(), cause);
    }
  }
}
