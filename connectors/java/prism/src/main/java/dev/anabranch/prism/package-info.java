/** The Prism sink: each record written to whichever primaries work. */
@NullMarked
package dev.anabranch.prism;

import org.jspecify.annotations.NullMarked;
