"""Credentials that each security scheme takes, refuses and documents."""

import asyncio
from base64 import b64encode
from typing import Annotated, Any

import pytest
from starlette.requests import HTTPConnection
from turboapi import Depends, FastAPI, Security, WebSocket, security
from turboapi.exceptions import HTTPException
from turboapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPBasic,
    HTTPBearer,
    HTTPDigest,
    OAuth2,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    OpenIdConnect,
    SecurityScopes,
)
from turboapi.security.http import HTTPBase
from turboapi.security.utils import get_authorization_scheme_param
from turboapi.testclient import TestClient


def connection(query: bytes = b"", **headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": query, "path": "/"})


def ask(scheme: Any, request: HTTPConnection) -> Any:
    return asyncio.run(scheme(request))


def basic(text: bytes) -> str:
    return "Basic " + b64encode(text).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, ("", "")),
        ("", ("", "")),
        ("Bearer", ("Bearer", "")),
        ("Bearer  a b ", ("Bearer", "a b")),
        (" Bearer a", ("", "Bearer a")),
    ],
)
def test_authorization_header_is_split(header: str | None, expected: tuple[str, str]) -> None:
    assert get_authorization_scheme_param(header) == expected


@pytest.mark.parametrize(
    ("scheme", "header", "expected"),
    [
        (HTTPBasic(), basic(b"u:p:q"), {"username": "u", "password": "p:q"}),
        (HTTPBearer(), "BEARER tok", {"scheme": "BEARER", "credentials": "tok"}),
        (HTTPDigest(), "digest a=b", {"scheme": "digest", "credentials": "a=b"}),
        (HTTPBase(scheme="x"), "Any thing", {"scheme": "Any", "credentials": "thing"}),
    ],
)
def test_http_credentials(scheme: Any, header: str, expected: dict[str, str]) -> None:
    assert ask(scheme, connection(authorization=header)).model_dump() == expected


@pytest.mark.parametrize(
    ("scheme", "header", "challenge"),
    [
        (HTTPBasic(), None, "Basic"),
        (HTTPBasic(realm="r"), "Bearer x", 'Basic realm="r"'),
        (HTTPBasic(), "Basic !", "Basic"),
        (HTTPBasic(auto_error=False), "Basic !", "Basic"),  # malformed is refused in any case
        (HTTPBasic(), basic(b"no-colon"), "Basic"),
        (HTTPBasic(), basic("é:x".encode()), "Basic"),
        (HTTPBearer(), "Bearer", "Bearer"),
        (HTTPBearer(), "Basic x", "Bearer"),
        (HTTPDigest(), "Basic x", "Digest"),
        (OAuth2(), None, "Bearer"),
        (OAuth2PasswordBearer("t"), "Basic x", "Bearer"),
        (OpenIdConnect(openIdConnectUrl="u"), None, "Bearer"),
        (APIKeyHeader(name="key"), None, "APIKey"),
        (APIKeyQuery(name="key"), None, "APIKey"),
        (APIKeyCookie(name="key"), None, "APIKey"),
    ],
)
def test_refusals(scheme: Any, header: str | None, challenge: str) -> None:
    request = connection() if header is None else connection(authorization=header)
    with pytest.raises(Exception, match="Not authenticated") as caught:
        ask(scheme, request)
    error: Any = caught.value
    assert error.status_code == 401
    assert error.headers == {"WWW-Authenticate": challenge}


@pytest.mark.parametrize(
    "scheme",
    [
        HTTPBasic(auto_error=False),
        HTTPBearer(auto_error=False),
        HTTPDigest(auto_error=False),
        OAuth2(auto_error=False),
        OAuth2PasswordBearer("t", auto_error=False),
        OAuth2AuthorizationCodeBearer("a", "t", auto_error=False),
        OpenIdConnect(openIdConnectUrl="u", auto_error=False),
        APIKeyHeader(name="key", auto_error=False),
    ],
)
def test_optional_schemes_give_none(scheme: Any) -> None:
    assert ask(scheme, connection()) is None


def test_tokens_and_keys() -> None:
    bearer = connection(authorization="bearer tok")
    assert ask(OAuth2PasswordBearer("t"), bearer) == "tok"
    assert ask(OAuth2AuthorizationCodeBearer("a", "t"), bearer) == "tok"
    assert ask(OAuth2(), bearer) == "bearer tok"
    assert ask(APIKeyQuery(name="key"), connection(b"key=1")) == "1"
    assert ask(APIKeyHeader(name="Key"), connection(key="2")) == "2"
    assert ask(APIKeyCookie(name="key"), connection(cookie="a=b; key=3")) == "3"
    with pytest.raises(HTTPException.__mro__[1]):
        ask(APIKeyQuery(name="key"), connection(b"key="))


def test_documents_and_scopes() -> None:
    app = FastAPI()
    oauth2 = OAuth2PasswordBearer("token", scopes={"read": "Read", "write": "Write"})
    seen: list[SecurityScopes] = []

    def user(
        token: Annotated[str, Security(oauth2, scopes=["read"])], scopes: SecurityScopes
    ) -> str:
        seen.append(scopes)
        return token

    @app.get("/")
    def endpoint(token: Annotated[str, Security(user, scopes=["write"])]) -> str:
        return token

    assert TestClient(app).get("/", headers={"authorization": "Bearer x"}).json() == "x"
    assert seen[0].scopes == ["write"]
    assert seen[0].scope_str == "write"
    document = app.openapi()
    assert document["components"]["securitySchemes"] == {
        "OAuth2PasswordBearer": {
            "type": "oauth2",
            "flows": {
                "password": {"scopes": {"read": "Read", "write": "Write"}, "tokenUrl": "token"}
            },
        }
    }
    assert document["paths"]["/"]["get"]["security"] == [
        {"OAuth2PasswordBearer": ["write", "read"]}
    ]


def test_form_splits_scopes() -> None:
    app = FastAPI()

    @app.post("/token")
    def login(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Any:
        return [form.username, form.scopes]

    client = TestClient(app)
    data = {"username": "u", "password": "p", "scope": "a  b"}
    assert client.post("/token", data=data).json() == ["u", ["a", "b"]]
    assert client.post("/token", data=data | {"grant_type": "x"}).status_code == 422


def test_websocket_without_credentials_is_denied() -> None:
    app = FastAPI()

    @app.websocket("/ws")
    async def socket(websocket: WebSocket, token: Annotated[str, Depends(HTTPBearer())]) -> None:
        raise AssertionError("the endpoint must not run")

    client = TestClient(app)
    with pytest.raises(Exception) as caught, client.websocket_connect("/ws"):
        pass
    response: Any = caught.value
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_names_are_loaded_on_demand() -> None:
    assert "OAuth2" in dir(security)
    assert set(security.__all__) >= {"OAuth2", "HTTPBasic", "SecurityScopes"}
    with pytest.raises(AttributeError):
        security.NoSuchScheme  # type: ignore[attr-defined]  # noqa: B018
