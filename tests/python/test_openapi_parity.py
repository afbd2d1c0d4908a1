"""The OpenAPI document: values and order of keys are FastAPI 0.165.0's."""

import json
import warnings
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, Field, ValidationError
from turboapi import APIRouter, Cookie, Depends, FastAPI, Header, Query
from turboapi.openapi.docs import (
    get_redoc_html,
    get_swagger_ui_html,
    get_swagger_ui_oauth2_redirect_html,
)
from turboapi.responses import EventSourceResponse, HTMLResponse, RedirectResponse


class Item(BaseModel):
    name: str
    price: float | None = None


class Problem(BaseModel):
    code: int


def test_whole_document_in_order() -> None:
    app = FastAPI(title="T", version="1", description="D", servers=[{"url": "/x"}])

    @app.post("/items/{item_id}", tags=["t"], responses={404: {"model": Problem}}, status_code=201)
    def create(item_id: int, item: Item, q: str = "d", x_y: Annotated[int, Header()] = 1) -> Item:
        """Does things.\x0c
        hidden"""
        return item

    error = {"$ref": "#/components/schemas/HTTPValidationError"}
    expected = {
        "openapi": "3.1.0",
        "info": {"title": "T", "description": "D", "version": "1"},
        "servers": [{"url": "/x"}],
        "paths": {
            "/items/{item_id}": {
                "post": {
                    "tags": ["t"],
                    "summary": "Create",
                    "description": "Does things.",
                    "operationId": "create_items__item_id__post",
                    "parameters": [
                        {
                            "name": "item_id",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "integer", "title": "Item Id"},
                        },
                        {
                            "name": "q",
                            "in": "query",
                            "required": False,
                            "schema": {"type": "string", "default": "d", "title": "Q"},
                        },
                        {
                            "name": "x-y",
                            "in": "header",
                            "required": False,
                            "schema": {"type": "integer", "default": 1, "title": "X-Y"},
                        },
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Item"}}
                        },
                    },
                    "responses": {
                        "201": {
                            "description": "Successful Response",
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/Item"}
                                }
                            },
                        },
                        "404": {
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/Problem"}
                                }
                            },
                            "description": "Not Found",
                        },
                        "422": {
                            "description": "Validation Error",
                            "content": {"application/json": {"schema": error}},
                        },
                    },
                }
            }
        },
    }
    document = app.openapi()
    schemas = document["components"]["schemas"]
    assert list(schemas) == ["HTTPValidationError", "Item", "Problem", "ValidationError"]
    assert schemas["Item"]["required"] == ["name"]
    without_schemas = {key: value for key, value in document.items() if key != "components"}
    assert json.dumps(without_schemas) == json.dumps(expected)
    assert list(document) == ["openapi", "info", "servers", "paths", "components"]
    assert app.openapi() is document


def operation(app: FastAPI, path: str, method: str = "get") -> Any:
    return app.openapi()["paths"][path][method]


def test_parameter_models_are_flattened() -> None:
    app = FastAPI()

    class Filters(BaseModel):
        a_b: int
        c: int = Field(validation_alias=AliasChoices("c1", "c2"))

    @app.get("/")
    def endpoint(
        filters: Annotated[Filters, Header()],
        optional: Annotated[Filters | None, Query()] = None,
        hidden: Annotated[Filters | None, Cookie(include_in_schema=False)] = None,
    ) -> None: ...

    listed = [(p["in"], p["name"], p["required"]) for p in operation(app, "/")["parameters"]]
    assert listed == [
        ("query", "a_b", False),
        ("query", "c1", False),
        ("header", "a-b", True),
        ("header", "c1", True),
    ]


def test_responses_of_classes_and_streams() -> None:
    app = FastAPI()

    @app.get("/html", response_class=HTMLResponse)
    def html() -> None: ...

    @app.get("/moved", response_class=RedirectResponse)
    def moved() -> None: ...

    @app.get("/none", status_code=204)
    def none() -> None: ...

    @app.get("/lines")
    async def lines() -> AsyncIterator[Item]:
        yield Item(name="x")

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[Item]:
        yield Item(name="x")

    item = {"$ref": "#/components/schemas/Item"}
    assert operation(app, "/html")["responses"]["200"]["content"] == {
        "text/html": {"schema": {"type": "string"}}
    }
    assert operation(app, "/moved")["responses"] == {"307": {"description": "Successful Response"}}
    assert operation(app, "/none")["responses"] == {"204": {"description": "Successful Response"}}
    assert operation(app, "/lines")["responses"]["200"]["content"] == {
        "application/jsonl": {"itemSchema": item}
    }
    event = operation(app, "/events")["responses"]["200"]["content"]["text/event-stream"]
    assert event["itemSchema"]["properties"]["data"]["contentSchema"] == item
    assert event["itemSchema"]["required"] == ["data"]


def test_additional_responses_stay_as_they_were_declared() -> None:
    declared: dict[int | str, dict[str, Any]] = {
        "4XX": {"model": Problem, "content": {"application/json": {"examples": {}}}},
        "default": {"description": "else"},
    }
    before = repr(declared)
    app = FastAPI(responses=declared)

    @app.api_route("/", methods=["GET", "PUT"])
    def endpoint(q: int) -> None: ...

    first = app.openapi()
    app.openapi_schema = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert app.openapi() == first
    assert repr(declared) == before
    responses = first["paths"]["/"]["get"]["responses"]
    assert "422" not in responses  # described by the application
    assert responses["4XX"]["description"] == "Client Error"


def test_callbacks_webhooks_and_extra() -> None:
    app = FastAPI()
    callbacks = APIRouter()

    @callbacks.post("{$url}/done")
    def done(item: Item) -> None: ...

    @app.post("/start", callbacks=callbacks.routes, openapi_extra={"x-a": 1, "tags": ["extra"]})
    def start() -> None: ...

    @app.webhooks.post("happened")
    def happened(problem: Problem) -> None: ...

    document = app.openapi()
    started = document["paths"]["/start"]["post"]
    assert list(started["callbacks"]["done"]["{$url}/done"]) == ["post"]
    assert (started["x-a"], started["tags"]) == (1, ["extra"])
    assert list(document["webhooks"]) == ["happened"]
    assert {"Item", "Problem"} <= set(document["components"]["schemas"])


def test_one_entry_for_a_parameter_of_several_dependencies() -> None:
    app = FastAPI()

    def needs(q: int) -> int:
        return q

    @app.get("/")
    def endpoint(a: Annotated[int, Depends(needs)], q: int = 1) -> None: ...

    (parameter,) = operation(app, "/")["parameters"]
    assert parameter["required"] is True


def test_repeated_operation_id_warns() -> None:
    app = FastAPI()

    @app.get("/a", operation_id="same")
    def first() -> None: ...

    @app.get("/b", operation_id="same")
    def second() -> None: ...

    with pytest.warns(UserWarning, match="Duplicate Operation ID same for function second"):
        app.openapi()


def test_invalid_metadata_is_an_error() -> None:
    with pytest.raises(ValidationError):
        FastAPI(license_info={"url": "x"}).openapi()


def test_pages_cannot_be_broken_out_of() -> None:
    text = bytes(
        get_swagger_ui_html(
            openapi_url="/o'</script>.json",
            title="<b>",
            init_oauth={"a": "</script>"},
            swagger_ui_parameters={"deepLinking": False},
        ).body
    ).decode()
    assert text.count("</script>") == 2
    assert "<title>&lt;b&gt;</title>" in text
    assert '"deepLinking": false,' in text
    assert "url: '/o\\'\\u003c/script>.json'" in text
    redoc = bytes(get_redoc_html(openapi_url='"><script>', title="t").body).decode()
    assert 'spec-url="&quot;&gt;&lt;script&gt;"' in redoc
    page = bytes(get_swagger_ui_oauth2_redirect_html().body).decode()
    assert "window.opener.swaggerUIRedirectOauth2" in page
