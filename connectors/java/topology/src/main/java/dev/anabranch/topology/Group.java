package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.Map;

/**
 * Independent Kafka clusters, each of which holds every topic of the group and takes writes.
 *
 * @param primaries by name, tombstones included
 * @param streams by name
 */
public record Group(
    @JsonProperty(required = true) Map<String, Primary> primaries,
    @JsonProperty(required = true) Map<String, StreamSpec> streams)
    implements Serializable {}
