-- Rows of socktally for ClickHouse, 18.16 or later. Made once:
--   curl --data-binary @table.sql http://127.0.0.1:8123/
-- What is not known is NULL, as in the output: sum() leaves it out.
CREATE TABLE IF NOT EXISTS socktally
(
    ts DateTime DEFAULT now(),
    host Nullable(String) DEFAULT hostName(),
    duration_ns Nullable(UInt64),
    backend Nullable(String),
    complete Nullable(UInt8),
    pid Nullable(UInt32),
    process Nullable(String),
    user Nullable(String),
    unit Nullable(String),
    container Nullable(String),
    rx_bytes Nullable(UInt64),
    tx_bytes Nullable(UInt64),
    connections Nullable(UInt64)
)
ENGINE = MergeTree()
PARTITION BY toYYYYMM(ts)
ORDER BY ts
