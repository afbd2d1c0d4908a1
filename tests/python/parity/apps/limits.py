"""Limits of bodies at every level."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel


class Item(BaseModel):
    name: str


app = FastAPI(max_body_size=100)
app.add_middleware(CORSMiddleware, allow_origins=["*"])


def refuse() -> None:
    raise HTTPException(401, "who")


@app.post("/item")
async def item(item: Item) -> Any:
    return item


@app.post("/def-item")
def item_in_thread(item: Item) -> Any:
    return item


@app.post("/raw")
async def raw(request: Request) -> Any:
    return len(await request.body())


@app.post("/unread")
async def unread() -> Any:
    return "unread"


@app.post("/refused", dependencies=[Depends(refuse)])
async def refused() -> Any: ...


@app.post("/more", max_body_size=200)
async def more(value: Annotated[Any, Body()]) -> Any:
    return "taken"


@app.post("/less", max_body_size=10)
async def less(value: Annotated[Any, Body()]) -> Any:
    return "taken"


@app.post("/nothing", max_body_size=0)
async def nothing(request: Request) -> Any:
    return len(await request.body())


router = APIRouter(prefix="/router", max_body_size=20)


@router.post("/raw")
async def router_raw(request: Request) -> Any:
    return len(await request.body())


app.include_router(router)
app.include_router(router, prefix="/wide", max_body_size=300)

handled = FastAPI(max_body_size=10)


@handled.exception_handler(413)
async def on_too_large(request: Request, exc: HTTPException) -> Any:
    return PlainTextResponse("my own 413", 413)


@handled.post("/raw")
async def handled_raw(request: Request) -> Any:
    return len(await request.body())
