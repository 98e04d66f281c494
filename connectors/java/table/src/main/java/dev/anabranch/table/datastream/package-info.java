/** What the DataStream API needs beside source and sink, above all from Python. */
@NullMarked
package dev.anabranch.table.datastream;

import org.jspecify.annotations.NullMarked;
