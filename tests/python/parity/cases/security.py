"""Security schemes."""

from base64 import b64encode

from ..model import Table

t = Table("security")
TABLES = [t]


def basic(text: str, charset: str = "utf-8") -> str:
    return "Basic " + b64encode(text.encode(charset)).decode()


HEADERS = {
    "none": {},
    "empty": {"authorization": ""},
    "basic": {"authorization": basic("user:pass:word")},
    "bearer": {"authorization": "Bearer abc.def"},
}
for path in (
    "basic",
    "basic-realm",
    "basic-optional",
    "bearer",
    "bearer-optional",
    "digest",
    "oauth2",
    "password",
    "code",
    "openid",
    "def-basic",
    "def-bearer",
):
    for name, headers in HEADERS.items():
        t.get(f"/{path}", headers, name=f"{path}: {name}")
t.get("/digest", {"authorization": 'Digest username="a", uri="/"'}, name="digest: digest")
for name, value in {
    "lower case": basic("u:p").replace("Basic", "basic"),
    "no colon": basic("user"),
    "no base64": "Basic ???",
    "UTF-8": basic("us\u00e9r:p\u20ac"),
    "Latin-1": basic("us\u00e9r:p", "latin-1"),
    "two spaces": basic("u:p").replace(" ", "  "),
    "no scheme": basic("u:p").split()[1],
    "scheme alone": "Basic",
    "empty both": basic(":"),
}.items():
    t.get("/basic", {"authorization": value}, name=f"basic: {name}")
for value in ("bearer x", "BEARER x", "Bearer", "Bearer a b", "Token x"):
    t.get("/bearer", {"authorization": value}, name=f"bearer: {value!r}")
    t.get("/password", {"authorization": value}, name=f"password: {value!r}")
t.get("/key-query?key=a")
t.get("/key-query?key=")
t.get("/key-query")
t.get("/key-header", {"x-key": "a"}, name="key in a header")
t.get("/key-header", name="no key in a header")
t.get("/key-header", {"x-key": ""}, name="empty key in a header")
t.get("/key-cookie", {"cookie": "key=a"}, name="key in a cookie")
t.get("/key-cookie", name="no key in a cookie")
t.get("/key-optional", name="no optional key")
t.post("/token", form="username=u&password=p&scope=a+b&client_id=c&client_secret=s", name="token")
t.post("/token", form="username=u&password=p&grant_type=other", name="token, other grant")
t.post("/token", form="username=u", name="token, errors")
t.post("/token-strict", form="username=u&password=p", name="strict token")
t.post(
    "/token-strict", form="grant_type=password&username=u&password=p", name="strict token, grant"
)
for path in ("/me", "/items"):
    for token in ("", "john", "john-me", "inactive-me", "john-me-items"):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        t.get(path, headers, name=f"{path} of {token or 'nobody'}")
t.get("/both?n=x", {"x-key": "k", "authorization": basic("u:p")}, name="both and a bad parameter")
t.get("/both?n=x", {"x-key": "k"}, name="one of both")
t.get("/both?n=1", {"x-key": "k", "authorization": basic("u:p")}, name="both")
t.get("/openapi.json")
