"""Streams."""

from ..model import Table, ask

t = Table("streams")
TABLES = [t]

for path in (
    "lines",
    "def-lines",
    "lines-plain",
    "lines-invalid",
    "lines-raise",
    "lines-first-raise",
    "lines-none",
    "raw",
    "def-raw",
    "raw-class",
    "events",
    "def-events",
    "events-plain",
    "events-objects",
    "openapi.json",
    "lines/0",
    "lines/500",
    "lines/100?size=20000",
    "lines/x",
    "def-lines/50",
):
    t.get(f"/{path}")
t.post("/events-post", {"last-event-id": "7"}, json={"name": "n"}, name="events of a POST")
t.post("/events-post", {"last-event-id": "x"}, json={}, name="events of a bad POST")
t.add(
    "a resource lives as long as its stream", ask("GET", "/events-resource"), ask("GET", "/closed")
)
t.send("HEAD", "/lines")
t.send("POST", "/events")
