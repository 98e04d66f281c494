package dev.anabranch.topology;

/**
 * A document as it was fetched.
 *
 * @param text all of it
 * @param tag opaque; what the place calls this version, empty if it does not say
 */
record Document(String text, String tag) {}
