"""Dependencies."""

from ..model import Table, ask

t = Table("depends")
overridden = Table("depends:overridden")
TABLES = [t, overridden]


def with_events(target: str, count: int) -> None:
    """A request, and what it left behind."""
    t.add(f"{target} and its events", ask("GET", target), ask("GET", f"/events/{count}"))


t.get("/common")
t.get("/common?q=a&limit=5")
t.get("/common?limit=x")
t.get("/def-common?q=a")
t.get("/def-common?limit=x")
t.get("/class?page=3&size=20")
t.get("/class?page=x&size=51")
t.get("/instance?q=foobar")
t.get("/nested?limit=3&own=4", {"x-name": "me"}, name="nested")
t.get("/nested?limit=x&own=y", name="nested errors, the shared one once")
t.get("/errors/x?limit=y&last=z", name="errors in order")
t.get("/cache")
with_events("/yield", 6)
with_events("/def-yield", 5)
with_events("/yield-http", 6)
with_events("/yield-error", 6)
with_events("/yield-stream", 6)
with_events("/yield-invalid", 2)
t.get("/turned")
t.get("/swallowed")
t.get("/late-request")
t.get("/late-function")
with_events("/early", 0)
with_events("/levels/order", 5)
t.get("/response")
t.get("/response-own")
t.get("/response-error")
with_events("/tasks", 2)
with_events("/tasks-fail", 1)
for path in ("/override?a=5&b=6", "/override?b=x", "/def-override?limit=x", "/openapi.json"):
    overridden.get(path)
t.get("/scopes")
t.get("/context")
t.get("/def-context")
t.get("/limited-dependency?b=3")
t.get("/request/5?x=1")
t.get("/openapi.json")
