"""The published metrics, typed in from the contract by hand: nothing here is derived from the catalogue.

Operators' dashboards and alerts use these names, types and labels as they stand.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A metric as dashboards know it; `symbol_labels` None: left out in symbol detail."""

    name: str
    type: str
    device_labels: frozenset[str]
    symbol_labels: frozenset[str] | None


# name, type, labels in device detail, labels in symbol detail ("=": the same, "-": left out)
_TABLE = """
tickrmeter_devices_online_total                 gauge      firmware_version,iv,flash_id   =
tickrmeter_device_battery_level                 gauge      device_id,firmware_version     -
tickrmeter_device_charging_status               gauge      device_id                      -
tickrmeter_device_uptime_seconds                gauge      device_id                      -
tickrmeter_device_wifi_lost_count               gauge      device_id                      -
tickrmeter_device_vin_level                     gauge      device_id                      -
tickrmeter_device_boot_count                    gauge      device_id                      -
tickrmeter_device_last_seen_timestamp           gauge      device_id                      -
tickrmeter_device_symbols_displaced             gauge      device_id                      -
tickrmeter_devices_by_firmware_total            gauge      firmware_version,iv            =
tickrmeter_devices_by_charging_state_total      gauge      charging_state                 =
tickrmeter_devices_by_flash_id_total            gauge      flash_id                       =
tickrmeter_stock_update_requests_total          counter    device_id,symbol               symbol
tickrmeter_stock_update_responses_total         counter    device_id,symbol               symbol
tickrmeter_stock_update_latency_seconds         histogram  device_id,symbol               symbol
tickrmeter_stock_update_timeout_total           counter    symbol                         =
tickrmeter_symbol_timeout_total                 counter    symbol                         =
tickrmeter_stock_update_avg_latency_seconds     gauge      symbol                         =
tickrmeter_symbol_avg_latency_seconds           gauge      symbol                         =
tickrmeter_symbol_avg_response_time             gauge      symbol                         =
tickrmeter_stock_update_p95_latency_seconds     gauge      symbol                         =
tickrmeter_stock_update_p99_latency_seconds     gauge      symbol                         =
tickrmeter_symbol_response_rate                 gauge      symbol                         =
tickrmeter_symbol_anomaly                       gauge      symbol                         =
tickrmeter_symbol_anomaly_score                 gauge      symbol                         =
tickrmeter_symbol_latency_trend_ratio           gauge      symbol,window                  =
tickrmeter_stock_update_slowest_symbol_seconds  gauge      symbol                         =
tickrmeter_slowest_symbols_ranking              gauge      symbol,rank                    =
tickrmeter_stock_update_superseded_total        counter    symbol                         =
tickrmeter_stock_update_abandoned_total         counter    symbol                         =
tickrmeter_stock_update_unmatched_total         counter    reason                         =
tickrmeter_stock_updates_pending                gauge      .                              =
tickrmeter_stock_update_answers_missing         gauge      .                              =
tickrmeter_stock_update_events_total            counter    event                          =
tickrmeter_stock_update_outcomes_total          counter    firmware_version,outcome       =
tickrmeter_device_boots_total                   counter    firmware_version               =
tickrmeter_device_boot_duration_seconds         histogram  firmware_version               =
tickrmeter_http_stream_requests_total           counter    firmware_version               =
tickrmeter_mqtt_connected                       gauge      .                              =
tickrmeter_mqtt_protocol_info                   gauge      protocol                       =
tickrmeter_mqtt_connection_changes_total        counter    event,reason                   =
tickrmeter_mqtt_last_message_timestamp_seconds  gauge      .                              =
tickrmeter_receiver_silence_seconds             gauge      .                              =
tickrmeter_messages_total                       counter    message_type                   =
tickrmeter_message_errors_total                 counter    message_type,reason            =
tickrmeter_messages_repaired_total              counter    message_type,kind              =
tickrmeter_message_processing_duration_seconds  histogram  message_type                   =
tickrmeter_queue_size                           gauge      queue                          =
tickrmeter_queue_dropped_total                  counter    queue                          =
tickrmeter_partition_info                       gauge      partition,partitions           =
tickrmeter_partitions                           gauge      .                              =
tickrmeter_kafka_partitions                     gauge      .                              =
tickrmeter_kafka_partitions_assigned            gauge      .                              =
tickrmeter_kafka_lag_seconds                    gauge      .                              =
tickrmeter_kafka_lag_records                    gauge      .                              =
tickrmeter_kafka_rebalances_total               counter    .                              =
tickrmeter_kafka_undelivered_messages_total     counter    .                              =
tickrmeter_foreign_messages_total               counter    .                              =
tickrmeter_identities_rejected_total            counter    kind,reason                    =
tickrmeter_identities_displaced_total           counter    kind                           =
tickrmeter_dead_letters_total                   counter    outcome                        =
tickrmeter_series_expired_total                 counter    kind                           =
tickrmeter_otlp_exports_total                   counter    outcome                        =
tickrmeter_otlp_spans_total                     counter    outcome                        =
tickrmeter_otlp_log_records_total               counter    outcome                        =
tickrmeter_log_lines_dropped_total              counter    .                              =
tickrmeter_exposition_age_seconds               gauge      .                              =
tickrmeter_exposition_series                    gauge      .                              =
tickrmeter_build_info                           gauge      version,revision,python_version,otel_sdk_version  =
tickrmeter_config_last_reload_successful        gauge      .                              =
tickrmeter_config_last_reload_success_timestamp_seconds  gauge  .                         =
tickrmeter_state_saved_timestamp_seconds        gauge      .                              =
tickrmeter_state_save_failures_total            counter    .                              =
system_cpu_usage_percent                        gauge      cpu                            =
system_memory_usage_bytes                       gauge      type                           =
system_memory_total_bytes                       gauge      type                           =
http_requests_total                             counter    method,endpoint,status         =
http_request_duration_seconds                   histogram  method,endpoint                =
tickrmeter_http_tls_handshake_failures_total    counter    reason                         =
process_cpu_seconds_total                       counter    .                              =
process_resident_memory_bytes                   gauge      .                              =
process_open_fds                                gauge      .                              =
process_start_time_seconds                      gauge      .                              =
dagda_status                                    gauge      .                              =
"""


# The other fleet's; there is one level of detail.
_AUTOCORE = """
autocore_devices                                gauge      status
autocore_device_online                          gauge      device_id
autocore_device_last_seen_timestamp_seconds     gauge      device_id
autocore_device_uptime_seconds                  gauge      device_id
autocore_device_memory_free_bytes               gauge      device_id
autocore_device_wifi_signal_dbm                 gauge      device_id
autocore_device_clock_offset_seconds            gauge      device_id
autocore_device_info                            gauge      device_id,device_type,firmware_version
autocore_connectivity_changes_total             counter    to,cause
autocore_relay_state                            gauge      device_id,relay
autocore_relay_last_change_timestamp_seconds    gauge      device_id,relay
autocore_relay_changes_total                    counter    device_id,relay,triggered_by
autocore_relay_repeats_total                    counter    device_id
autocore_relay_safety_shutoffs_total            counter    device_id
autocore_telemetry_temperature_celsius          gauge      device_id
autocore_telemetry_humidity_ratio               gauge      device_id
autocore_telemetry_voltage_volts                gauge      device_id
autocore_telemetry_value                        gauge      device_id,sensor,unit
autocore_telemetry_average                      gauge      device_id,sensor,window
autocore_telemetry_anomaly                      gauge      device_id,sensor
autocore_telemetry_anomaly_score                gauge      device_id,sensor
autocore_telemetry_anomalies_total              counter    sensor,kind
autocore_interactions_total                     counter    device_id,action
autocore_system_messages_total                  counter    kind
autocore_messages_total                         counter    message_type
autocore_message_errors_total                   counter    message_type,reason
autocore_message_processing_duration_seconds    histogram  message_type
autocore_mqtt_connected                         gauge      .
autocore_mqtt_connected_seconds_total           counter    .
autocore_database_up                            gauge      .
autocore_database_size_bytes                    gauge      .
autocore_database_connections                   gauge      state
autocore_database_write_duration_seconds        histogram  table
autocore_database_rows_written_total            counter    table
autocore_database_errors_total                  counter    kind
autocore_retention_rows_deleted_total           counter    table
autocore_notifications_total                    counter    channel,kind,outcome
autocore_queue_size                             gauge      queue
autocore_queue_capacity                         gauge      queue
autocore_queue_dropped_total                    counter    queue
autocore_spool_size_bytes                       gauge      .
autocore_spool_oldest_timestamp_seconds         gauge      .
autocore_automation_runs_total                  counter    rule,outcome
autocore_dead_letters                           gauge      .
autocore_dead_letters_total                     counter    reason
"""


# Of jobs, besides the status that is always there. The first nine and that are a published document's.
_DAGDA = """
dagda_shards_total                              gauge      .
dagda_workers_total                             gauge      shard_id
dagda_workers_by_status                         gauge      status,shard_id
dagda_worker_operations_total                   counter    operation,status
dagda_worker_ticks_total                        counter    worker_id,blueprint
dagda_worker_progress_ratio                     gauge      worker_id,blueprint
dagda_message_queue_size                        gauge      queue_type
dagda_tick_processing_duration_seconds          histogram  shard_id
dagda_worker_processing_duration_seconds        histogram  message_type
dagda_ticks_skipped_total                       counter    shard_id
dagda_shard_restarts_total                      counter    shard_id
dagda_messages_merged_total                     counter    .
dagda_worker_outcomes_total                     counter    blueprint,outcome
"""


def published() -> list[Published]:
    """Return the table of the TickrMeter fleet and of the program."""
    return _read(_TABLE)


def published_of_autocore() -> list[Published]:
    """Return the table of the AutoCore fleet."""
    return _read_plain(_AUTOCORE)


def published_of_jobs() -> list[Published]:
    """Return the table of the job controller."""
    return _read_plain(_DAGDA)


def _read_plain(table: str) -> list[Published]:
    return _read("".join(f"{line} =\n" for line in table.strip().splitlines()))


def _read(table: str) -> list[Published]:
    found = []
    for line in table.strip().splitlines():
        name, kind, device, symbol = line.split()
        device_labels = _labels(device)
        symbol_labels = {"=": device_labels, "-": None}.get(symbol, _labels(symbol))
        found.append(Published(name, kind, device_labels, symbol_labels))
    return found


def _labels(text: str) -> frozenset[str]:
    return frozenset() if text == "." else frozenset(text.split(","))
