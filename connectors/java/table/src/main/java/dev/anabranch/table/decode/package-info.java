/** From raw records to rows, and the strict checks that no format makes by itself. */
@NullMarked
package dev.anabranch.table.decode;

import org.jspecify.annotations.NullMarked;
