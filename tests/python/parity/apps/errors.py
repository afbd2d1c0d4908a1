"""Exceptions, handlers of them, and what the router says by itself."""

from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exception_handlers import (
    http_exception_handler,
    request_validation_exception_handler,
)
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

app = FastAPI()
handled = FastAPI()
caught = FastAPI()


class Item(BaseModel):
    name: str


DETAILS: dict[str, Any] = {
    "text": "some detail",
    "none": None,
    "dict": {"a": [1, {"b": None}]},
    "list": ["x", 1],
    "empty": "",
    "zero": 0,
    "unicode": "é\u2028",
    "model": [{"name": "x"}],
}


@app.get("/http/{code}/{detail}")
async def http_error(code: int, detail: str) -> Any:
    raise HTTPException(code, DETAILS[detail], headers={"X-Error": detail})


@app.get("/def-http")
def http_error_in_thread() -> Any:
    raise HTTPException(404, "not here")


@app.get("/starlette/{code}")
async def starlette_error(code: int) -> Any:
    raise StarletteHTTPException(code)


@app.get("/unencodable")
async def unencodable() -> Any:
    raise HTTPException(400, object())


@app.get("/raise/{kind}")
async def raising(kind: str) -> Any:
    raise {"value": ValueError("v"), "key": KeyError("k"), "exit": RuntimeError("r")}[kind]


@app.get("/def-raise")
def raising_in_thread() -> Any:
    return 1 / 0


@app.get("/bad-model", response_model=Item)
async def bad_model() -> Any:
    return {}


@app.get("/no-json")
async def no_json():
    return {"x": lambda: None}


@app.get("/only-get")
async def only_get() -> Any:
    return "get"


@app.post("/only-post")
async def only_post() -> Any:
    return "post"


@app.put("/twice")
async def twice_put() -> Any:
    return "put"


@app.get("/twice")
async def twice_get() -> Any:
    return "get"


@app.get("/slash/")
async def slash() -> Any:
    return "slash"


@app.get("/slash/{name}/")
async def slash_name(name: str) -> Any:
    return name


@app.get("/shadow/{name}")
async def shadow(name: str) -> Any:
    return f"any {name}"


@app.get("/shadow/me")
async def shadowed() -> Any:
    return "never"


@app.post("/shadow/me")
async def not_shadowed() -> Any:
    return "posted"


@app.get("/users/me")
async def users_me() -> Any:
    return "me"


@app.get("/users/{name}")
async def users_name(name: str) -> Any:
    return name


# --- handlers ---


class Unicorn(Exception):
    pass


class Pony(Unicorn):
    pass


@handled.exception_handler(Unicorn)
async def on_unicorn(request: Request, exc: Unicorn) -> Response:
    return JSONResponse({"unicorn": str(exc), "path": request.url.path}, 418, {"X-U": "1"})


@handled.exception_handler(StarletteHTTPException)
async def on_http(request: Request, exc: StarletteHTTPException) -> Response:
    if exc.status_code == 410:
        return await http_exception_handler(request, exc)
    return PlainTextResponse(f"{exc.status_code}: {exc.detail}", exc.status_code)


@handled.exception_handler(RequestValidationError)
async def on_validation(request: Request, exc: RequestValidationError) -> Response:
    if request.url.path.endswith("default"):
        return await request_validation_exception_handler(request, exc)
    return JSONResponse(
        {"errors": jsonable_encoder(exc.errors()), "body": jsonable_encoder(exc.body)}, 400
    )


@handled.exception_handler(ResponseValidationError)
def on_response(request: Request, exc: ResponseValidationError) -> Response:
    return PlainTextResponse(f"{len(exc.errors())} errors", 502)


@handled.exception_handler(409)
async def on_conflict(request: Request, exc: HTTPException) -> Response:
    return PlainTextResponse("conflict", 409)


@handled.get("/unicorn")
async def unicorn() -> Any:
    raise Unicorn("u")


@handled.get("/pony")
def pony() -> Any:
    raise Pony("p")


@handled.get("/http/{code}")
async def handled_http(code: int) -> Any:
    raise HTTPException(code, "d")


@handled.post("/item")
async def handled_item(item: Item, n: int = 0) -> Any:
    return item


@handled.post("/item/default")
async def handled_item_default(item: Item) -> Any:
    return item


@handled.get("/bad-model", response_model=list[Item])
async def handled_bad_model() -> Any:
    return [{}, {"name": 1}]


@handled.get("/raise")
async def handled_raise() -> Any:
    raise ValueError("nobody handles it")


# --- the last handler ---


@caught.exception_handler(Exception)
async def on_anything(request: Request, exc: Exception) -> Response:
    return JSONResponse({"caught": type(exc).__name__}, 500)


@caught.exception_handler(404)
async def on_missing(request: Request, exc: HTTPException) -> Response:
    return PlainTextResponse("nothing", 404)


@caught.get("/raise")
async def caught_raise() -> Any:
    raise ValueError("v")


@caught.get("/def-raise")
def caught_raise_in_thread() -> Any:
    raise KeyError("k")


@caught.get("/http")
async def caught_http() -> Any:
    raise HTTPException(401, "plain")


@caught.get("/bad-model", response_model=Item)
async def caught_bad_model() -> Any:
    return {}


no_redirect = FastAPI(redirect_slashes=False)


@no_redirect.get("/slash/")
async def unredirected() -> Any:
    return "slash"
