"""What the comparison with FastAPI has found; each holds without FastAPI, too."""

import asyncio
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from turboapi import Cookie, Depends, FastAPI, Header, Query, Security
from turboapi.dependencies.utils import get_dependant, request_body_to_args
from turboapi.security import OAuth2PasswordBearer


class Group(BaseModel):
    a: int
    b: int = 1


@pytest.mark.parametrize("marker", [Query(), Header(), Cookie()])
def test_default_of_a_parameter_model_does_not_make_its_members_optional(marker: Any) -> None:
    app = FastAPI()

    def declared(group=None): ...  # type: ignore[no-untyped-def]

    def optional(group=None): ...  # type: ignore[no-untyped-def]

    declared.__annotations__["group"] = Annotated[Group, marker]
    optional.__annotations__["group"] = Annotated[Group | None, marker]
    app.get("/declared")(declared)
    app.get("/optional")(optional)
    paths = app.openapi()["paths"]
    required = {path: [p["required"] for p in paths[path]["get"]["parameters"]] for path in paths}
    assert required == {"/declared": [True, False], "/optional": [False, False]}


def test_scopes_are_listed_once() -> None:
    app = FastAPI()
    scheme = OAuth2PasswordBearer("token")

    def dependency(token: Annotated[str, Security(scheme, scopes=["b", "b"])]) -> None: ...

    @app.get("/")
    def endpoint(
        x: Annotated[None, Security(dependency, scopes=["a", "a"])],
        y: Annotated[str, Depends(scheme)],
    ) -> None: ...

    security = app.openapi()["paths"]["/"]["get"]["security"]
    assert security == [{"OAuth2PasswordBearer": ["a", "b"]}]


@pytest.mark.parametrize("body", [None, {"a": "x"}, [1]])
def test_a_refused_body_counts_as_none(body: Any) -> None:
    def endpoint(group: Group) -> None: ...

    fields = get_dependant(path="/", call=endpoint).body_params
    values, errors = asyncio.run(
        request_body_to_args(body_fields=fields, received_body=body, embed_body_fields=False)
    )
    assert values == {"group": None}
    assert errors
