/**
 * What a record is while it travels between the operators: its id, its version, the names of the
 * headers that carry them, and the raw record itself.
 */
@NullMarked
package dev.anabranch.records;

import org.jspecify.annotations.NullMarked;
