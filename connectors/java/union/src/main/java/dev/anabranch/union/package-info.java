/** The union source: one stream read from every primary of its group. */
@NullMarked
package dev.anabranch.union;

import org.jspecify.annotations.NullMarked;
