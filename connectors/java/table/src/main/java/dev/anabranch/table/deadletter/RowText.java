package dev.anabranch.table.deadletter;

import java.io.Serializable;

/**
 * Makes a row readable for a person.
 *
 * @param <T> type of the rows
 */
@FunctionalInterface
public interface RowText<T> extends Serializable {
  /** The row in one line. */
  String of(T row);

  /** Called once, before any row. */
  default void open(ClassLoader classes) {}
}
