package dev.anabranch.bench;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Fills one topic of one broker: {@code BOOTSTRAP TOPIC RECORDS ids|plain}. */
public final class FillTopic {
  private FillTopic() {}

  public static void main(String[] arguments) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", arguments[0]);
    properties.put("acks", "1");
    properties.put("linger.ms", "20");
    properties.put("batch.size", "262144");
    properties.put("compression.type", "lz4");
    long records = Long.parseLong(arguments[2]);
    boolean ids = arguments[3].equals("ids");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long i = 0; i < records; i++) {
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(arguments[1], Payloads.payload(i));
        if (ids) {
          record.headers().add(RecordHeaders.ID, RecordId.supplied(arguments[0], i).toBytes());
        }
        producer.send(record);
      }
    }
  }
}
