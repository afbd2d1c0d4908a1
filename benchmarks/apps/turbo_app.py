"""The Python application under test: the routes of `fastapi_app.py` on turboapi.

Usage: `python turbo_app.py PORT`; the console prints the URL, with the real port for port 0.
"""

from __future__ import annotations

import sys

from pydantic import BaseModel
from turboapi import FastAPI

app = FastAPI()


class Item(BaseModel):
    name: str
    price: float
    quantity: int = 1


@app.get("/")
def hello():
    return {"message": "Hello World"}


@app.get("/async")
async def hello_async():
    return {"message": "Hello World"}


@app.get("/items/{item_id}")
def get_item(item_id: int, q: str | None = None):
    return {"item_id": item_id, "name": "Widget", "q": q}


@app.post("/items")
def create_item(item: Item):
    return {"item": item.model_dump(), "created": True}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
