package dev.anabranch.table.deadletter;

/** Why a record was set aside. The texts are data: dead letters and dashboards hold them. */
public enum Reason {
  /** Not well-formed in its format: cut off, or followed by something else. */
  MALFORMED("malformed"),
  /** Text that is not valid UTF-8. */
  WRONG_ENCODING("wrong-encoding"),
  /** Well-formed, but a field does not fit the type of its column. */
  WRONG_TYPE("wrong-type"),
  /** A column that is NOT NULL got no value. */
  MISSING_FIELD("missing-field"),
  /** No value at all, where the table is not one of upserts. */
  NULL_VALUE("null-value"),
  /** No key, where the table's primary key comes from it. */
  NULL_KEY("null-key"),
  /** Longer than the table's {@code max-value-bytes}. */
  TOO_LARGE("too-large"),
  /** The format made no bytes of a row that was to be written. */
  NOT_SERIALIZABLE("not-serializable"),
  /** A row to be written that lacks its key, or what its id is made of. */
  INCOMPLETE("incomplete"),
  /** A primary refuses the record for what it is, such as a bad timestamp. */
  REFUSED("refused"),
  /** Written, but to fewer primaries than there are to be copies. */
  DEGRADED("degraded"),
  /** The format's decoder refused it for a cause of its own. */
  NOT_DECODABLE("not-decodable"),
  /** Created before the horizon of de-duplication: nobody can tell whether it was seen before. */
  LATE("late"),
  /** Not a record: a range that retention, truncation or a new log took away unread. */
  LOST("lost");

  private final String text;

  Reason(String text) {
    this.text = text;
  }

  /** What dead letters carry. */
  public String text() {
    return text;
  }
}
