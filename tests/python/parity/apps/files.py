"""Files: FileResponse, StaticFiles and frontend()."""

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

SITE = Path(__file__).parents[1] / "files" / "site"
for path in SITE.rglob("*"):
    os.utime(path, (1_700_000_000, 1_700_000_000))

app = FastAPI()


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(SITE / "text.txt")


@app.get("/file-class", response_class=FileResponse)
def file_class() -> Any:
    return str(SITE / "assets/app.js")


@app.get("/download")
async def download() -> FileResponse:
    return FileResponse(SITE / "text.txt", filename="näme “x”.txt", media_type="text/x")


@app.get("/inline")
async def inline() -> FileResponse:
    return FileResponse(
        SITE / "plain", 201, {"X-F": "1"}, filename="a b.txt", content_disposition_type="inline"
    )


@app.get("/absent")
async def absent() -> FileResponse:
    return FileResponse(SITE / "absent")


app.mount("/static", StaticFiles(directory=SITE), name="static")
app.mount("/html", StaticFiles(directory=SITE, html=True), name="html")


@app.get("/urls")
async def urls(request: Request) -> Any:
    return [str(request.url_for("static", path="/a b.txt")), app.url_path_for("html", path="x")]


frontend = FastAPI()


@frontend.get("/api/items")
async def items() -> Any:
    return ["item"]


@frontend.post("/text.txt")
async def taken() -> Any:
    return "posted"


frontend.frontend("/", directory=SITE)
frontend.frontend("/app", directory=SITE, fallback="index.html")
frontend.frontend("/none", directory=SITE, fallback=None)
