"""OpenAPI documents."""

from ..model import Table

t = Table("documents")
ids = Table("documents:ids")
moved = Table("documents:moved")
undocumented = Table("documents:undocumented")
TABLES = [t, ids, moved, undocumented]

for table in TABLES:
    for path in ("/openapi.json", "/api.json", "/"):
        table.get(path)
moved.get("/docs")
moved.get("/redoc")
undocumented.get("/docs")
t.send("HEAD", "/openapi.json")
t.send("POST", "/openapi.json")
t.get("/openapi.json?x=1")
t.get("/hidden")
t.get("/html")
t.get("/response?n=x")
t.send("DELETE", "/gone")
