"""OpenTelemetry traces, metrics and logs. Costs next to nothing until a provider is set.

Nothing of OpenTelemetry is imported before a request is really observed.
"""

from ._api import TelemetryConfig as TelemetryConfig
from ._api import TelemetryData as TelemetryData
from ._api import get_telemetry_data as get_telemetry_data
