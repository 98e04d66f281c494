package dev.anabranch.bench;

import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.PrismSink;
import dev.anabranch.prism.RecordIdMode;
import dev.anabranch.union.RecordDeserializer;
import dev.anabranch.union.StopPosition;
import dev.anabranch.union.UnionSource;
import java.io.IOException;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.kafka.sink.HeaderProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchemaBuilder;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.jspecify.annotations.Nullable;

/** What is measured: each half alone and both together, plain and ours. */
enum Variant {
  PLAIN_READ {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      plainSource(env, setup, setup.plainInput()).sinkTo(new DiscardingSink<>());
    }
  },
  /** The records that the union reads: what the identity of records costs by itself. */
  PLAIN_READ_HEADER {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      plainSource(env, setup, setup.plainIdsInput()).sinkTo(new DiscardingSink<>());
    }
  },
  UNION_READ {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      unionSource(env, setup).sinkTo(new DiscardingSink<>());
    }
  },
  PLAIN_WRITE {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      generated(env, setup).sinkTo(plainSink(setup, null));
    }
  },
  /** With a header as large as an id: the bytes that Prism writes. */
  PLAIN_WRITE_HEADER {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      generated(env, setup).sinkTo(plainSink(setup, new IdHeader()));
    }
  },
  PRISM_WRITE {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      generated(env, setup).sinkTo(prismSink(setup));
    }
  },
  PLAIN_COPY {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      plainSource(env, setup, setup.plainInput()).sinkTo(plainSink(setup, null));
    }
  },
  /** The same bytes as through union and Prism, and as there with a new id. */
  PLAIN_COPY_HEADER {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      plainSource(env, setup, setup.plainIdsInput()).sinkTo(plainSink(setup, new IdHeader()));
    }
  },
  UNION_PRISM_COPY {
    @Override
    void build(StreamExecutionEnvironment env, BenchSetup setup) {
      unionSource(env, setup).sinkTo(prismSink(setup));
    }
  };

  abstract void build(StreamExecutionEnvironment env, BenchSetup setup);

  private static DataStream<byte[]> plainSource(
      StreamExecutionEnvironment env, BenchSetup setup, String topic) {
    KafkaSource<byte[]> source =
        KafkaSource.<byte[]>builder()
            .setBootstrapServers(setup.plainBootstrap())
            .setTopics(topic)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Bytes())
            .build();
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "plain source");
  }

  private static DataStream<byte[]> unionSource(StreamExecutionEnvironment env, BenchSetup setup) {
    UnionSource<byte[]> source =
        UnionSource.builder().topology(setup.topology()).stream(setup.unionInput())
            .stop(StopPosition.latest())
            .deserializer(RecordDeserializer.valueOnly(new Bytes()))
            .build();
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "union source");
  }

  private static DataStream<byte[]> generated(StreamExecutionEnvironment env, BenchSetup setup) {
    byte[] payload = Payloads.payload(7);
    DataGeneratorSource<byte[]> source =
        new DataGeneratorSource<>(
            number -> payload,
            setup.records(),
            PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
    return env.fromSource(source, WatermarkStrategy.noWatermarks(), "generator");
  }

  private static Sink<byte[]> plainSink(BenchSetup setup, @Nullable HeaderProvider<byte[]> header) {
    KafkaRecordSerializationSchemaBuilder<byte[]> serializer =
        KafkaRecordSerializationSchema.<byte[]>builder()
            .setTopic(setup.plainOutput())
            .setValueSerializationSchema(new Bytes());
    if (header != null) {
      serializer.setHeaderProvider(header);
    }
    return KafkaSink.<byte[]>builder()
        .setBootstrapServers(setup.plainBootstrap())
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        // What Prism's producers use, so that the connectors are compared and not two settings.
        .setProperty("linger.ms", "10")
        .setProperty("batch.size", "262144")
        .setProperty("compression.type", "lz4")
        .setProperty("acks", "all")
        .setRecordSerializer(serializer.build())
        .build();
  }

  private static Sink<byte[]> prismSink(BenchSetup setup) {
    return PrismSink.<byte[]>builder().topology(setup.topology()).stream(setup.unionOutput())
        .serializer(OutgoingRecord::of)
        .recordId(RecordIdMode.NONE)
        .build();
  }

  /** Bytes as they are, both ways. */
  private static final class Bytes
      implements DeserializationSchema<byte[]>, SerializationSchema<byte[]> {
    private static final long serialVersionUID = 1L;

    @Override
    public byte[] deserialize(byte[] message) throws IOException {
      return message;
    }

    @Override
    public byte[] serialize(byte[] element) {
      return element;
    }

    @Override
    public boolean isEndOfStream(byte[] next) {
      return false;
    }

    @Override
    public TypeInformation<byte[]> getProducedType() {
      return PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
    }
  }
}
