/** Records that cannot go on: how they are described, encoded and written to a stream. */
@NullMarked
package dev.anabranch.table.deadletter;

import org.jspecify.annotations.NullMarked;
