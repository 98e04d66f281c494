-- Reads the union of both clusters and appends it, with where each record came from, to another stream.
SET 'pipeline.name' = 'copy';
SET 'execution.checkpointing.interval' = '1 s';

CREATE TEMPORARY TABLE logs (
  run STRING NOT NULL,
  seq BIGINT NOT NULL,
  origin STRING METADATA FROM 'primary' VIRTUAL,
  input_id BYTES METADATA FROM 'record-id' VIRTUAL
) WITH (
  'connector' = 'union', 'topology' = '/opt/anabranch/topology.yaml', 'stream' = 'training-logs',
  'format' = 'json', 'discovery.interval' = '2 s'
);

CREATE TEMPORARY TABLE copies (
  run STRING,
  seq BIGINT,
  origin STRING,
  input_id BYTES METADATA FROM 'record-id'
) WITH (
  'connector' = 'prism', 'topology' = '/opt/anabranch/topology.yaml', 'stream' = 'run-metrics',
  'format' = 'json', 'job-uid' = 'compose', 'sink-uid' = 'copies'
);

INSERT INTO copies SELECT run, seq, origin, input_id FROM logs;
