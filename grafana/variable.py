"""The variables at the top of a dashboard."""

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from grafana.query import select

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""A variable, because a fixed one or an `__inputs` section works either imported or provisioned, not both."""

Variable = DatasourceVariable | QueryVariable


def datasource() -> DatasourceVariable:
    """Return the choice of the Prometheus."""
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def job() -> QueryVariable:
    """Return the choice of scrape jobs."""
    return _several(_labels("job", "Job", "label_values(tickrmeter_build_info, job)"))


def instance() -> QueryVariable:
    """Return the choice of exporters."""
    return _several(
        _labels("instance", "Instance", 'label_values(tickrmeter_build_info{job=~"$job"}, instance)')
    )


def symbol() -> QueryVariable:
    """Return the choice of symbols."""
    of = select("tickrmeter_symbol_response_rate")
    return _several(_labels("symbol", "Symbol", f"label_values({of}, symbol)"))


def firmware_version() -> QueryVariable:
    """Return the choice of firmware versions."""
    of = select("tickrmeter_devices_by_firmware_total")
    return _several(_labels("firmware_version", "Firmware", f"label_values({of}, firmware_version)"))


def device_id() -> QueryVariable:
    """Return the choice of one device; another than those listed can be typed in."""
    of = select("tickrmeter_device_last_seen_timestamp")
    return _labels("device_id", "Device", f"label_values({of}, device_id)").allow_custom_value(
        allow_custom_value=True
    )


def board() -> QueryVariable:
    """Return the choice of one AutoCore device; another than those listed can be typed in."""
    of = select("autocore_device_online")
    return _labels("device_id", "Device", f"label_values({of}, device_id)").allow_custom_value(
        allow_custom_value=True
    )


def _labels(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": f"variable-{name}"})
        .definition(query)
        .datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
    )


def _several(variable: QueryVariable) -> QueryVariable:
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(multi=True).include_all(include_all=True).all_value(".+").current(everything)
