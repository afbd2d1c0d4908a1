"""Security schemes."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    HTTPDigest,
    OAuth2,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    OAuth2PasswordRequestFormStrict,
    OpenIdConnect,
    SecurityScopes,
)
from pydantic import BaseModel

app = FastAPI()

bearer = OAuth2PasswordBearer(tokenUrl="token", scopes={"me": "Read me.", "items": "Read items."})
schemes: dict[str, Any] = {
    "basic": HTTPBasic(),
    "basic-realm": HTTPBasic(realm='a "realm"', scheme_name="Realm"),
    "basic-optional": HTTPBasic(auto_error=False, scheme_name="Optional"),
    "bearer": HTTPBearer(bearerFormat="JWT", description="a token"),
    "bearer-optional": HTTPBearer(auto_error=False, scheme_name="OptionalBearer"),
    "digest": HTTPDigest(),
    "key-query": APIKeyQuery(name="key"),
    "key-header": APIKeyHeader(name="X-Key"),
    "key-cookie": APIKeyCookie(name="key"),
    "key-optional": APIKeyHeader(name="X-Key", auto_error=False, scheme_name="OptionalKey"),
    "oauth2": OAuth2(flows={"password": {"tokenUrl": "token", "scopes": {}}}),
    "password": bearer,
    "code": OAuth2AuthorizationCodeBearer(
        authorizationUrl="authorize", tokenUrl="token", refreshUrl="refresh", scopes={"a": "A"}
    ),
    "openid": OpenIdConnect(openIdConnectUrl="/openid"),
}


def add(name: str, scheme: Any) -> None:
    @app.get(f"/{name}", name=name)
    async def endpoint(credentials: Annotated[Any, Security(scheme)]) -> Any:
        return credentials


for name, scheme in schemes.items():
    add(name, scheme)


@app.get("/def-basic")
def in_thread(credentials: Annotated[HTTPBasicCredentials, Depends(schemes["basic"])]) -> Any:
    return credentials.username


@app.get("/def-bearer")
def bearer_in_thread(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(schemes["bearer"])],
) -> Any:
    return [credentials.scheme, credentials.credentials]


@app.post("/token")
async def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Any:
    return {**vars(form), "access_token": form.username}


@app.post("/token-strict")
async def token_strict(form: Annotated[OAuth2PasswordRequestFormStrict, Depends()]) -> Any:
    return vars(form)


class User(BaseModel):
    name: str
    scopes: list[str]


async def current_user(scopes: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> User:
    user = User(name=token, scopes=token.split("-")[1:])
    value = f'Bearer scope="{scopes.scope_str}"' if scopes.scopes else "Bearer"
    for scope in scopes.scopes:
        if scope not in user.scopes:
            raise HTTPException(403, f"lacks {scope}", {"WWW-Authenticate": value})
    return user


async def active_user(user: Annotated[User, Security(current_user, scopes=["me"])]) -> User:
    if user.name.startswith("inactive"):
        raise HTTPException(400, "inactive")
    return user


@app.get("/me")
async def me(user: Annotated[User, Depends(active_user)]) -> User:
    return user


@app.get("/items")
async def items(user: Annotated[User, Security(active_user, scopes=["items"])]) -> Any:
    return [user.name]


@app.get("/both")
async def both(
    key: Annotated[str, Security(schemes["key-header"])],
    credentials: Annotated[HTTPBasicCredentials, Depends(schemes["basic"])],
    n: int,
) -> Any:
    return [key, credentials.password, n]
