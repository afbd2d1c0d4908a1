"""What the security classes accept, refuse and put into the document."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from turboapi import Depends, FastAPI, Security, security
from turboapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    HTTPDigest,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    OAuth2PasswordRequestFormStrict,
    OpenIdConnect,
    SecurityScopes,
)
from turboapi.testclient import TestClient


def client_of(scheme: Any, **options: Any) -> TestClient:
    app = FastAPI()

    @app.get("/")
    def endpoint(credentials: Any = Security(scheme)) -> Any:
        return {"credentials": credentials}

    return TestClient(app, **options)


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


SCHEMES = {
    "query": (lambda **o: APIKeyQuery(name="key", **o), "APIKey"),
    "header": (lambda **o: APIKeyHeader(name="X-Key", **o), "APIKey"),
    "cookie": (lambda **o: APIKeyCookie(name="key", **o), "APIKey"),
    "basic": (HTTPBasic, "Basic"),
    "bearer": (HTTPBearer, "Bearer"),
    "digest": (HTTPDigest, "Digest"),
    "password": (lambda **o: OAuth2PasswordBearer(tokenUrl="token", **o), "Bearer"),
    "code": (
        lambda **o: OAuth2AuthorizationCodeBearer(authorizationUrl="auth", tokenUrl="token", **o),
        "Bearer",
    ),
    "openid": (lambda **o: OpenIdConnect(openIdConnectUrl="/openid", **o), "Bearer"),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_missing_credentials_are_401_with_a_challenge(name: str) -> None:
    make, challenge = SCHEMES[name]
    response = client_of(make()).get("/")
    assert response.status_code == 401
    assert response.json() == {"detail": "Not authenticated"}
    assert response.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("name", SCHEMES)
def test_missing_credentials_are_none_without_auto_error(name: str) -> None:
    make, _ = SCHEMES[name]
    response = client_of(make(auto_error=False)).get("/")
    assert (response.status_code, response.json()) == (200, {"credentials": None})


def test_api_keys_are_read_from_their_place() -> None:
    assert client_of(APIKeyQuery(name="key")).get("/?key=a").json() == {"credentials": "a"}
    header = client_of(APIKeyHeader(name="X-Key")).get("/", headers={"x-key": "b"})
    assert header.json() == {"credentials": "b"}
    cookie = client_of(APIKeyCookie(name="key"), cookies={"key": "c"}).get("/")
    assert cookie.json() == {"credentials": "c"}


def test_an_empty_api_key_is_a_missing_one() -> None:
    assert client_of(APIKeyQuery(name="key")).get("/?key=").status_code == 401


def test_basic_splits_at_the_first_colon() -> None:
    response = client_of(HTTPBasic()).get("/", headers=basic("käthe:a:b".encode("latin-1")))
    assert response.status_code == 401  # RFC 7617 leaves the charset open; FastAPI takes ASCII only
    response = client_of(HTTPBasic()).get("/", headers=basic(b"user:a:b"))
    assert response.json() == {"credentials": {"username": "user", "password": "a:b"}}


@pytest.mark.parametrize("value", ["Basic %%%", "Basic dXNlcg==", "Bearer abc", "Basic", "Basic "])
def test_malformed_basic_credentials_are_401(value: str) -> None:
    response = client_of(HTTPBasic(realm="here")).get("/", headers={"Authorization": value})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Basic realm="here"'


def test_malformed_basic_credentials_are_401_without_auto_error_too() -> None:
    response = client_of(HTTPBasic(auto_error=False)).get("/", headers=basic(b"no-colon"))
    assert response.status_code == 401


@pytest.mark.parametrize("scheme", [HTTPBearer(), HTTPDigest()])
def test_the_scheme_word_is_compared_without_case_and_kept(scheme: Any) -> None:
    word = scheme.model.scheme.upper()
    response = client_of(scheme).get("/", headers={"Authorization": f"{word} abc def"})
    assert response.json() == {"credentials": {"scheme": word, "credentials": "abc def"}}


def test_another_scheme_word_is_refused() -> None:
    for scheme in (HTTPBearer(), HTTPDigest(), OAuth2PasswordBearer(tokenUrl="t")):
        assert client_of(scheme).get("/", headers={"Authorization": "Other x"}).status_code == 401


def test_oauth2_bearer_gives_the_token_alone() -> None:
    client = client_of(OAuth2PasswordBearer(tokenUrl="token"))
    assert client.get("/", headers={"Authorization": "bearer t0k"}).json() == {"credentials": "t0k"}


def form_client(form: Any) -> TestClient:
    app = FastAPI()

    @app.post("/token")
    def token(data: Any = Depends(form)) -> Any:
        return {"user": data.username, "scopes": data.scopes, "grant": data.grant_type}

    return TestClient(app)


def test_password_form_splits_scopes() -> None:
    data = {"username": "u", "password": "p", "scope": "read  write"}
    response = form_client(OAuth2PasswordRequestForm).post("/token", data=data)
    assert response.json() == {"user": "u", "scopes": ["read", "write"], "grant": None}


def test_strict_password_form_needs_the_grant_type() -> None:
    data = {"username": "u", "password": "p"}
    client = form_client(OAuth2PasswordRequestFormStrict)
    refused = client.post("/token", data=data)
    assert refused.status_code == 422
    assert [error["loc"] for error in refused.json()["detail"]] == [["body", "grant_type"]]
    accepted = client.post("/token", data={**data, "grant_type": "password"})
    assert accepted.json() == {"user": "u", "scopes": [], "grant": "password"}


def test_scopes_are_collected_from_the_outermost_dependency_in() -> None:
    app = FastAPI()

    def inner(scopes: SecurityScopes) -> Any:
        return {"scopes": scopes.scopes, "text": scopes.scope_str}

    def outer(value: Any = Security(inner, scopes=["b", "a"])) -> Any:
        return value

    @app.get("/")
    def endpoint(value: Any = Security(outer, scopes=["a"])) -> Any:
        return value

    assert TestClient(app).get("/").json() == {"scopes": ["a", "b"], "text": "a b"}


def test_the_document_names_every_scheme() -> None:
    app = FastAPI()
    key = APIKeyHeader(name="X-Key", scheme_name="Key", description="who asks")
    oauth = OAuth2PasswordBearer(tokenUrl="token", scopes={"read": "Read it"})

    @app.get("/")
    def endpoint(
        bearer: HTTPAuthorizationCredentials = Security(HTTPBearer()),
        user: HTTPBasicCredentials = Security(HTTPBasic()),
        token: str = Security(oauth, scopes=["read"]),
        other: str = Security(key),
    ) -> None: ...

    document = app.openapi()
    assert document["components"]["securitySchemes"] == {
        "HTTPBearer": {"type": "http", "scheme": "bearer"},
        "HTTPBasic": {"type": "http", "scheme": "basic"},
        "OAuth2PasswordBearer": {
            "type": "oauth2",
            "flows": {"password": {"scopes": {"read": "Read it"}, "tokenUrl": "token"}},
        },
        "Key": {"type": "apiKey", "description": "who asks", "in": "header", "name": "X-Key"},
    }
    asked = document["paths"]["/"]["get"]["security"]
    assert {"OAuth2PasswordBearer": ["read"]} in asked
    assert [set(each) for each in asked] == [
        {"HTTPBearer"},
        {"HTTPBasic"},
        {"OAuth2PasswordBearer"},
        {"Key"},
    ]


def test_a_star_import_gives_every_scheme() -> None:
    names: dict[str, Any] = {}
    exec("from turboapi.security import *", names)
    assert names["HTTPBearer"] is HTTPBearer
    assert names["SecurityScopes"] is SecurityScopes
    with pytest.raises(AttributeError, match="Nothing"):
        _ = security.Nothing  # type: ignore[attr-defined]
