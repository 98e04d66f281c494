/** From rows to records: keys, values, ids and what else a table's metadata columns give. */
@NullMarked
package dev.anabranch.table.encode;

import org.jspecify.annotations.NullMarked;
