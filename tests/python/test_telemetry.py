"""Spans, metrics and log records of observed connections, and the gate for all others.

The providers below implement OpenTelemetry's API; its SDK is not needed.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode
from turboapi import BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket
from turboapi.telemetry import TelemetryConfig, get_telemetry_data
from turboapi.telemetry._asgi import NativeTelemetry
from turboapi.telemetry._runtime import _export_endpoint
from turboapi.testclient import TestClient


class Span(NonRecordingSpan):
    """Remembers what is done to it."""

    def __init__(self, number: int, name: str, parent: Any, attributes: Any) -> None:
        super().__init__(SpanContext(1, number, is_remote=False))
        self.name, self.parent = name, parent
        self.attributes: dict[str, Any] = dict(attributes or {})
        self.status = StatusCode.UNSET
        self.ends = 0

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def update_name(self, name: str) -> None:
        self.name = name

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status

    def end(self, end_time: int | None = None) -> None:
        self.ends += 1


class Tracers(trace.TracerProvider):
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        assert args[0] == "fastapi"
        provider = self

        class Tracer(trace.NoOpTracer):
            def start_span(self, name: str, context: Any = None, **options: Any) -> Any:
                parent = trace.get_current_span(context).get_span_context().span_id
                made = Span(len(provider.spans) + 1, name, parent, options.get("attributes"))
                provider.spans.append(made)
                return made

        return Tracer()

    def named(self, name: str) -> Span:
        return next(span for span in self.spans if span.name == name)


class Meters(metrics.NoOpMeterProvider):
    def __init__(self) -> None:
        self.points: list[tuple[str, float, dict[str, Any]]] = []

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        points = self.points

        class Meter(metrics.NoOpMeter):
            def create_histogram(self, name: str, *args: Any, **kwargs: Any) -> Any:
                return Instrument(name)

            def create_up_down_counter(self, name: str, *args: Any, **kwargs: Any) -> Any:
                return Instrument(name)

        class Instrument:
            def __init__(self, name: str) -> None:
                self.name = name

            def add(self, value: float, attributes: Any, context: Any = None) -> None:
                points.append((self.name, value, dict(attributes)))

            record = add

        return Meter("test")


class Loggers(_logs.LoggerProvider):
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def get_logger(self, *args: Any, **kwargs: Any) -> Any:
        records = self.records

        class Logger(_logs.NoOpLogger):
            def emit(self, record: Any = None, **fields: Any) -> None:
                records.append({**fields, "data": get_telemetry_data()})

        return Logger("test")


@pytest.fixture
def providers() -> Iterator[tuple[Tracers, Meters, Loggers]]:
    yield Tracers(), Meters(), Loggers()


def config(providers: tuple[Tracers, Meters, Loggers], **options: Any) -> TelemetryConfig:
    tracers, meters, loggers = providers
    made: Any = {
        "tracer_provider": tracers,
        "meter_provider": meters,
        "logger_provider": loggers,
        **options,
    }
    return made  # type: ignore[no-any-return]


def application(telemetry: TelemetryConfig) -> FastAPI:
    app = FastAPI(telemetry=telemetry)

    def dependency() -> int:
        return 2

    @app.get("/items/{item_id}")
    async def item(item_id: int, value: Annotated[int, Depends(dependency)]) -> int:
        data = get_telemetry_data()
        if data is not None:
            assert data.values == {"item_id": item_id, "value": value}
        return item_id

    @app.get("/sync")
    def sync() -> int:
        return 1

    @app.get("/boom")
    def boom() -> None:
        raise ValueError("boom")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    @app.get("/tasks")
    async def tasks(background: BackgroundTasks) -> int:
        background.add_task(sync)
        return 1

    @app.websocket("/ws/{name}")
    async def socket(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.close()

    child = FastAPI()

    @child.get("/leaf/{x}")
    async def leaf(x: int) -> int:
        return x

    app.mount("/sub/{tenant}", child)
    return app


def test_spans_of_a_request(providers: Any) -> None:
    tracers, meters, _ = providers
    client = TestClient(application(config(providers)))
    headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "host": "Example.com:81"}
    assert client.get("/items/7?a=%C3%A9&sig=x", headers=headers).json() == 7
    server = tracers.named("GET /items/{item_id}")
    assert server.parent == int("2" * 16, 16)
    assert server.attributes == {
        "server.address": "example.com",
        "server.port": 81,
        "url.path": "/items/7",
        "url.query": "a=%C3%A9&sig=REDACTED",
        "url.scheme": "http",
        "http.request.method": "GET",
        "network.protocol.version": "1.1",
        "http.route": "/items/{item_id}",
        "http.response.status_code": 200,
    }
    names = ["fastapi.dependencies", "fastapi.endpoint", "fastapi.serialization"]
    assert [span.name for span in tracers.spans[1:]] == names
    for span in tracers.spans[1:]:
        assert span.parent == server.get_span_context().span_id
        assert span.attributes["code.function.name"].endswith("application.<locals>.item")
    assert all(span.ends == 1 for span in tracers.spans)
    (began, one, _), (name, seconds, attributes), (ended, minus_one, _) = meters.points
    assert (began, one) == (ended, -minus_one) == ("http.server.active_requests", 1)
    assert name == "http.server.request.duration"  # Recorded while the request still counts.
    assert 0 <= seconds < 60
    assert attributes["http.route"] == "/items/{item_id}"
    assert attributes["http.response.status_code"] == 200


@pytest.mark.parametrize(
    ("method", "path", "name", "status", "error"),
    [
        ("GET", "/nope", "GET", 404, None),
        ("DELETE", "/sync", "DELETE /sync", 405, None),
        ("FOO", "/sync", "HTTP /sync", 405, None),
        ("GET", "/teapot", "GET /teapot", 418, None),
        ("GET", "/boom", "GET /boom", 500, "ValueError"),
        ("GET", "/sub/a/leaf/1", "GET /sub/{tenant}/leaf/{x}", 200, None),
        ("GET", "/sub/a/none", "GET /sub/{tenant}/{path}", 404, None),
    ],
)
def test_names_and_errors(
    providers: Any, method: str, path: str, name: str, status: int, error: str | None
) -> None:
    tracers, _, loggers = providers
    client = TestClient(application(config(providers)), raise_server_exceptions=False)
    assert client.request(method, path).status_code == status
    server = tracers.spans[0]
    assert server.name == name
    assert server.attributes["http.response.status_code"] == status
    assert server.attributes.get("error.type") == error
    assert server.status == (StatusCode.ERROR if error else StatusCode.UNSET)
    logged = [record["event_name"] for record in loggers.records]
    assert logged == (["http.server.request.exception"] if error else [])
    if error:
        assert isinstance(loggers.records[0]["exception"], ValueError)


def test_validation_is_logged_with_data_but_without_values(providers: Any) -> None:
    _, _, loggers = providers
    client = TestClient(application(config(providers)))
    assert client.get("/items/secret").status_code == 422
    (record,) = loggers.records
    assert record["event_name"] == "fastapi.validation.failed"
    assert record["attributes"] == {
        "fastapi.validation.error_count": 1,
        "http.route": "/items/{item_id}",
    }
    assert record["data"].errors[0]["input"] == "secret"
    assert get_telemetry_data() is None


def test_background_tasks_are_below_an_ended_span(providers: Any) -> None:
    tracers, _, _ = providers
    TestClient(application(config(providers))).get("/tasks")
    task = tracers.named("fastapi.background_task")
    assert task.parent == tracers.spans[0].get_span_context().span_id
    assert tracers.spans[0].ends == 1


def test_websocket(providers: Any) -> None:
    tracers, meters, _ = providers
    with TestClient(application(config(providers))).websocket_connect("/ws/x"):
        pass
    server = tracers.spans[0]
    assert server.name == "WS /ws/{name}"
    assert server.attributes["network.protocol.name"] == "websocket"
    assert "http.response.status_code" not in server.attributes
    assert server.ends == 1
    assert meters.points == []


def test_switches_and_exclusion(providers: Any) -> None:
    tracers, meters, _ = providers
    TestClient(application(config(providers, operation_spans=False))).get("/sync")
    assert [span.name for span in tracers.spans] == ["GET /sync"]
    tracers.spans.clear()
    meters.points.clear()
    TestClient(application(config(providers, tracing=False))).get("/sync")
    assert tracers.spans == []
    assert meters.points
    meters.points.clear()
    TestClient(application(config(providers, exclude=lambda scope: True))).get("/sub/a/leaf/1")
    assert tracers.spans == meters.points == []


@pytest.mark.parametrize(
    ("messages", "received", "error"),
    [
        ([], [], "RuntimeError"),
        ([{"type": "http.response.start", "status": 200, "headers": []}], [], "RuntimeError"),
        ([], [{"type": "http.disconnect"}], "ConnectionError"),
    ],
)
def test_unfinished_responses_are_errors(
    providers: Any, messages: Any, received: Any, error: str
) -> None:
    tracers, _, _ = providers
    app = FastAPI(telemetry=config(providers))

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        for _ in received:
            await receive()
        for message in messages:
            await send(message)

    app.mount("/", broken)
    waiting = list(received)

    async def receive() -> Any:
        return waiting.pop()

    async def send(message: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert tracers.spans[0].attributes["error.type"] == error
    assert "fastapi.telemetry" not in scope


def test_gate_sees_providers_and_getters_that_come_late(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = NativeTelemetry({})
    assert not telemetry.enabled()
    with monkeypatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", Tracers())
        assert telemetry.enabled()
        assert not NativeTelemetry({"tracing": False}).enabled()
    with monkeypatch.context() as patch:
        patch.setattr(metrics, "get_meter_provider", Meters)
        assert telemetry.enabled()
        assert NativeTelemetry({}).enabled()  # One that never saw the original.
    with monkeypatch.context() as patch:
        patch.setattr(_logs._internal, "_LOGGER_PROVIDER", Loggers())
        assert telemetry.enabled()
    with monkeypatch.context() as patch:
        patch.delattr(metrics, "get_meter_provider")  # As while the module is being imported.
        assert not telemetry.enabled()
    assert not telemetry.enabled()
    assert NativeTelemetry({"logger_provider": Loggers()}).enabled()
    assert not NativeTelemetry({"logger_provider": Loggers(), "logs": False}).enabled()


def test_nothing_of_opentelemetry_is_imported_for_unobserved_applications() -> None:
    code = (
        "import sys; from turboapi import FastAPI; from turboapi.testclient import TestClient\n"
        "app = FastAPI(); app.get('/')(lambda: 1)\n"
        "with TestClient(app) as client: assert client.get('/').json() == 1\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    environment = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**_environment(), **environment})


def _environment() -> dict[str, str]:
    import os

    return {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"ENDPOINT": "http://a:1/x/"}, "http://a:1/x/v1/traces"),
        ({"ENDPOINT": "http://a", "TRACES_ENDPOINT": "http://t/own"}, "http://t/own"),
        ({"ENDPOINT": "http://a", "PROTOCOL": "http/protobuf"}, "http://a/v1/traces"),
        ({"ENDPOINT": "http://a", "PROTOCOL": "grpc"}, "http/protobuf protocol"),
        ({"ENDPOINT": "bad"}, "Invalid OTLP traces endpoint"),
    ],
)
def test_export_endpoint(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None
) -> None:
    for name in ("ENDPOINT", "PROTOCOL", "TRACES_ENDPOINT", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    if expected is None or expected.startswith("http://"):
        assert _export_endpoint("TRACES") == expected
    else:
        with pytest.raises(RuntimeError, match=expected):
            _export_endpoint("TRACES")
