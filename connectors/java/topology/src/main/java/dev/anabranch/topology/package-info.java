/**
 * The topology document as the JVM sees it: which primaries a group has, how to reach them, and
 * which streams they hold. Reading only; guards sit where documents are published.
 */
@NullMarked
package dev.anabranch.topology;

import org.jspecify.annotations.NullMarked;
