/** SQL connectors 'union' and 'prism', decoding and dead letters. */
@NullMarked
package dev.anabranch.table;

import org.jspecify.annotations.NullMarked;
