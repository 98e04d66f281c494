/** Exact de-duplication by record id, and latest-by-version. */
@NullMarked
package dev.anabranch.dedup;

import org.jspecify.annotations.NullMarked;
