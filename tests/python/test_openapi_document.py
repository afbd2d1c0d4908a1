"""The OpenAPI document of an application and the pages that show it."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, computed_field
from turboapi import APIRouter, Body, FastAPI, Header, Path, Query
from turboapi.testclient import TestClient


class Item(BaseModel):
    name: str
    price: float = Field(gt=0, description="in euros")
    note: str | None = None


class Sized(BaseModel):
    side: int = 1

    @computed_field
    def area(self) -> int:
        return self.side**2


def operation(app: FastAPI, path: str, method: str = "get") -> dict[str, Any]:
    return app.openapi()["paths"][path][method]  # type: ignore[no-any-return]


def test_title_version_and_description() -> None:
    app = FastAPI(
        title="T",
        version="9",
        summary="s",
        description="d",
        license_info={"name": "MIT"},
        servers=[{"url": "/v1"}],
        openapi_tags=[{"name": "a"}],
    )
    assert app.openapi() == {
        "openapi": "3.1.0",
        "info": {
            "title": "T",
            "summary": "s",
            "description": "d",
            "license": {"name": "MIT"},
            "version": "9",
        },
        "servers": [{"url": "/v1"}],
        "paths": {},
        "tags": [{"name": "a"}],
    }


def test_parameters() -> None:
    app = FastAPI()

    @app.get("/items/{item_id}")
    def read_item(
        item_id: Annotated[int, Path(ge=1, title="Number")],
        q: Annotated[str | None, Query(max_length=3, description="text", deprecated=True)] = None,
        x_token: Annotated[list[str], Header()] = [],  # noqa: B006
        hidden: Annotated[str, Query(include_in_schema=False)] = "",
    ) -> None: ...

    got = operation(app, "/items/{item_id}")
    assert got["operationId"] == "read_item_items__item_id__get"
    assert got["summary"] == "Read Item"
    assert got["parameters"] == [
        {
            "name": "item_id",
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1, "title": "Number"},
        },
        {
            "name": "q",
            "in": "query",
            "required": False,
            "deprecated": True,
            "description": "text",
            "schema": {
                "anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}],
                "description": "text",
                "deprecated": True,
                "title": "Q",
            },
        },
        {
            "name": "x-token",
            "in": "header",
            "required": False,
            "schema": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "title": "X-Token",
            },
        },
    ]
    assert set(got["responses"]) == {"200", "422"}


def test_body_and_response_models() -> None:
    app = FastAPI()

    @app.post("/items", status_code=201)
    def create(item: Item) -> Item:
        return item

    got = operation(app, "/items", "post")
    reference = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    assert got["requestBody"] == {"content": reference, "required": True}
    assert got["responses"]["201"] == {"description": "Successful Response", "content": reference}
    schemas = app.openapi()["components"]["schemas"]
    assert list(schemas) == ["HTTPValidationError", "Item", "ValidationError"]
    assert schemas["Item"] == {
        "type": "object",
        "title": "Item",
        "required": ["name", "price"],
        "properties": {
            "name": {"type": "string", "title": "Name"},
            "price": {
                "type": "number",
                "exclusiveMinimum": 0.0,
                "title": "Price",
                "description": "in euros",
            },
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Note"},
        },
    }


@pytest.mark.parametrize("separate", [True, False])
def test_input_and_output_of_computed_fields_are_told_apart(separate: bool) -> None:
    app = FastAPI(separate_input_output_schemas=separate)

    @app.post("/")
    def endpoint(value: Sized) -> Sized:
        return value

    schemas = set(app.openapi()["components"]["schemas"])
    assert {name for name in schemas if name.startswith("Sized")} == {"Sized-Input", "Sized-Output"}


def test_several_bodies_become_one_schema() -> None:
    app = FastAPI()

    @app.put("/")
    def update(item: Item, weight: Annotated[int, Body()]) -> None: ...

    body = operation(app, "/", "put")["requestBody"]
    assert body["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Body_update__put"
    }
    schema = app.openapi()["components"]["schemas"]["Body_update__put"]
    assert schema["required"] == ["item", "weight"]


@pytest.mark.parametrize("status", [422, "4XX", "default"])
def test_a_described_refusal_replaces_the_generated_one(status: int | str) -> None:
    app = FastAPI()

    @app.get("/", responses={status: {"description": "mine"}})
    def endpoint(q: int) -> None: ...

    responses = operation(app, "/")["responses"]
    assert set(responses) == {"200", str(status)}
    assert responses[str(status)] == {"description": "mine"}
    assert "components" not in app.openapi()


def test_additional_responses_with_a_model() -> None:
    app = FastAPI()

    @app.get("/", responses={404: {"model": Item}, 302: {"description": "elsewhere"}})
    def endpoint() -> None: ...

    responses = operation(app, "/")["responses"]
    assert responses["404"]["description"] == "Not Found"
    assert responses["404"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/Item"}}
    }
    assert responses["302"] == {"description": "elsewhere"}


def test_docstrings_end_at_a_form_feed() -> None:
    app = FastAPI()

    @app.get("/", tags=["t"], deprecated=True)
    def endpoint() -> None:
        """Shown.\f
        Not shown.
        """

    got = operation(app, "/")
    assert (got["description"], got["tags"], got["deprecated"]) == ("Shown.", ["t"], True)


def test_extra_is_merged_and_hidden_routes_are_left_out() -> None:
    app = FastAPI()

    @app.get("/", openapi_extra={"x-a": {"b": 1}, "responses": {"200": {"x-c": 2}}})
    def endpoint() -> None: ...

    @app.get("/hidden", include_in_schema=False)
    def hidden() -> None: ...

    got = operation(app, "/")
    assert got["x-a"] == {"b": 1}
    assert got["responses"]["200"]["x-c"] == 2
    assert got["responses"]["200"]["description"] == "Successful Response"
    assert list(app.openapi()["paths"]) == ["/"]


def test_webhooks_and_callbacks() -> None:
    app = FastAPI()
    callbacks = APIRouter()

    @callbacks.post("{$request.body#/url}")
    def told(item: Item) -> None: ...

    @app.webhooks.post("news")
    def news(item: Item) -> None: ...

    @app.post("/", callbacks=callbacks.routes)
    def endpoint() -> None: ...

    assert list(app.openapi()["webhooks"]) == ["news"]
    assert list(operation(app, "/", "post")["callbacks"]["told"]) == ["{$request.body#/url}"]


def test_two_operations_with_one_id_are_warned_of() -> None:
    app = FastAPI()

    @app.get("/a", operation_id="same")
    def first() -> None: ...

    @app.get("/b", operation_id="same")
    def second() -> None: ...

    with pytest.warns(UserWarning, match="Duplicate Operation ID same"):
        app.openapi()


def test_routes_added_later_appear() -> None:
    app = FastAPI()
    assert app.openapi() is app.openapi()
    assert app.openapi()["paths"] == {}

    @app.get("/late")
    def late() -> None: ...

    assert list(app.openapi()["paths"]) == ["/late"]


def test_pages_name_the_document() -> None:
    app = FastAPI(title="<My> & API", swagger_ui_parameters={"deepLinking": False})
    client = TestClient(app)
    swagger, redoc = client.get("/docs"), client.get("/redoc")
    for page in (swagger, redoc):
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "/openapi.json" in page.text
        assert "<My>" not in page.text
    assert '"deepLinking": false' in swagger.text
    assert "window.location.origin + '/docs/oauth2-redirect'" in swagger.text
    assert "swaggerUIRedirectOauth2" in client.get("/docs/oauth2-redirect").text


def test_parameters_of_the_page_cannot_end_the_script() -> None:
    app = FastAPI(
        swagger_ui_parameters={"x": "</script><script>alert(1)"},
        swagger_ui_init_oauth={"clientId": "</script>"},
    )
    page = TestClient(app).get("/docs").text
    assert page.count("</script>") == 2  # the bundle's element and the page's own
    assert "ui.initOAuth(" in page


def test_pages_can_be_switched_off_and_know_the_root_path() -> None:
    client = TestClient(FastAPI(openapi_url=None))
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404
    below = TestClient(FastAPI(), root_path="/api")
    assert "'/api/openapi.json'" in below.get("/docs").text
    assert below.get("/openapi.json").json()["servers"] == [{"url": "/api"}]
