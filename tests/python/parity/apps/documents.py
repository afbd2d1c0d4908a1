"""OpenAPI documents and the pages that show them."""

from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Body,
    Cookie,
    FastAPI,
    File,
    Form,
    Header,
    Path,
    Query,
    Response,
    UploadFile,
)
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, HttpUrl, computed_field


class Item(BaseModel):
    """An item.\f Not shown."""

    name: str = Field(description="what it is called", examples=["foo"])
    price: float | None = Field(None, gt=0, deprecated=True)
    url: HttpUrl | None = None
    tags: set[str] = set()
    model_config = {"json_schema_extra": {"examples": [{"name": "n"}]}}

    @computed_field
    @property
    def total(self) -> float:
        return 1.0


class Message(BaseModel):
    message: str


class Invoice(BaseModel):
    id: str
    parts: list["Invoice"] = []


def make_id(route: APIRoute) -> str:
    return f"{route.tags[0] if route.tags else 'none'}-{route.name}"


app = FastAPI(
    title="Title <b>&",
    summary="Summary",
    description="# Text",
    version="2.0",
    openapi_tags=[{"name": "items", "description": "Items."}],
    servers=[{"url": "/", "description": "here"}],
    terms_of_service="https://example.com/terms",
    contact={"name": "C", "url": "https://example.com/c"},
    license_info={"name": "MIT", "identifier": "MIT"},
    openapi_external_docs={"url": "https://example.com"},
    responses={418: {"description": "Teapot"}},
    swagger_ui_parameters={"deepLinking": False},
)

callbacks = APIRouter()


@callbacks.post("{$callback_url}/invoices/{$request.body.id}", response_model=Message)
def notify(body: Invoice) -> Any: ...


@app.webhooks.post("new-item")
def new_item(body: Item) -> Any:
    """Sent for each new item."""


@app.post(
    "/items/{item_id}",
    tags=["items"],
    summary="Make one",
    description="Makes *one*.",
    response_description="the item",
    responses={404: {"model": Message}, 403: {"description": "no"}, "5XX": {"model": Message}},
    status_code=201,
    callbacks=callbacks.routes,
    openapi_extra={"x-own": [1], "requestBody": {"description": "extra"}},
    operation_id="make",
)
async def make(
    item_id: Annotated[int, Path(title="The id", ge=1)],
    item: Item,
    q: Annotated[str | None, Query(description="a query", deprecated=True, examples=["x"])] = None,
    flag: Annotated[bool, Query(include_in_schema=False)] = False,
    x_token: Annotated[list[str] | None, Header()] = None,
    session: Annotated[str, Cookie(openapi_examples={"one": {"value": "1"}})] = "",
    callback_url: HttpUrl | None = None,
) -> Item:
    """Not used: there is a description."""
    return item


@app.get("/items", tags=["items", "list"], deprecated=True)
async def list_items(limit: int = 10) -> list[Item]:
    """Lists them.

    All of them.\f
    Secret.
    """
    return []


@app.post("/form")
async def form(
    a: Annotated[str, Form()], f: UploadFile, b: Annotated[bytes | None, File()] = None
) -> Any: ...


@app.post("/several")
async def several(item: Item, invoice: Invoice, n: Annotated[int, Body()] = 1) -> Invoice: ...  # type: ignore[empty-body]


@app.get("/html", response_class=HTMLResponse, responses={200: {"content": {"image/png": {}}}})
async def html() -> Any:
    return "x"


@app.get("/response", responses={422: {"model": Message}})
async def response(n: int) -> Response:
    return Response()


@app.get("/hidden", include_in_schema=False)
async def hidden() -> Any: ...


@app.delete("/gone", status_code=204)
async def gone() -> None: ...


ids = FastAPI(generate_unique_id_function=make_id, separate_input_output_schemas=False)


@ids.post("/items", tags=["t"])
async def ids_item(item: Item) -> Item:
    return item


moved = FastAPI(openapi_url="/api.json", docs_url="/api/docs", redoc_url=None)


@moved.get("/")
async def root() -> Any:
    return "moved"


def own_openapi() -> dict[str, Any]:
    if not moved.openapi_schema:
        moved.openapi_schema = get_openapi(title="Own", version="9", routes=moved.routes)
        moved.openapi_schema["info"]["x-own"] = True
    return moved.openapi_schema


moved.openapi = own_openapi  # type: ignore[method-assign]

undocumented = FastAPI(openapi_url=None)


@undocumented.get("/")
async def undocumented_root() -> Any:
    return "no documents"
