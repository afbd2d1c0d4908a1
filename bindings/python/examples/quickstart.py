"""The quick-start application: Python handlers, a static answer and a native handler on one server."""

import asyncio
import os

from pydantic import BaseModel
from turboapi import TurboAPI

app = TurboAPI()


class Item(BaseModel):
    name: str
    price: float
    quantity: int = 1


@app.get("/")
def hello():
    return {"message": "Hello World"}


@app.get("/items/{item_id}")
def get_item(item_id: int, q: str | None = None):
    return {"item_id": item_id, "name": "Widget", "q": q}


@app.post("/items")
def create_item(item: Item):
    return {"item": item.model_dump(), "created": True}


@app.get("/async")
async def slow():
    await asyncio.sleep(0.01)
    return {"ok": True}


app.static_route("GET", "/health", '{"status":"ok"}')
app.add_native_route("GET", "/fast", "./libhandler.so", "handle_request")

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
