"""Forms and uploads."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, File, Form, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field

app = FastAPI()


async def about(file: UploadFile | None) -> Any:
    if file is None:
        return None
    content = await file.read()
    return {
        "name": file.filename,
        "type": file.content_type,
        "size": file.size,
        "read": len(content),
        "start": content[:20].decode("latin-1"),
        "headers": list(file.headers.items()),
    }


@app.post("/login")
async def login(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> Any:
    return {"username": username, "password": password}


@app.post("/def")
def in_thread(name: Annotated[str, Form()], n: Annotated[int, Form()] = 1) -> Any:
    return [name, n]


@app.post("/optional")
async def optional(
    a: Annotated[str | None, Form()] = None, n: Annotated[int, Form(ge=1)] = 5
) -> Any:
    return [a, n]


@app.post("/list")
async def listed(tags: Annotated[list[str], Form()], n: Annotated[list[int], Form()] = [1]) -> Any:
    return [tags, n]


@app.post("/alias")
async def alias(value: Annotated[str, Form(alias="the value", min_length=2)]) -> Any:
    return value


class Person(BaseModel):
    name: str
    age: int = 3
    nick: str = "none"
    tags: list[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: str


@app.post("/model")
async def model(person: Annotated[Person, Form()]) -> Any:
    return {"person": person, "set": sorted(person.model_fields_set)}


@app.post("/strict")
async def strict(value: Annotated[Strict, Form()]) -> Any:
    return value


@app.post("/open")
async def opened(value: Annotated[Open, Form()]) -> Any:
    return value


@app.post("/optional-model")
async def optional_model(value: Annotated[Person | None, Form()] = None) -> Any:
    return {"value": value}


@app.post("/two-models")
async def two_models(
    person: Annotated[Person, Form()], strange: Annotated[Open, Form()], n: Annotated[int, Form()]
) -> Any:
    return [person, strange, n]


@app.post("/pet")
async def pet(value: Annotated[Cat | Dog, Form(), Field(discriminator="kind")]) -> Any:
    return value


@app.post("/bytes")
async def octets(file: Annotated[bytes, File()]) -> Any:
    return {"size": len(file), "start": file[:10].decode("latin-1")}


@app.post("/upload")
async def upload(file: UploadFile) -> Any:
    return await about(file)


@app.post("/def-upload")
def upload_in_thread(file: UploadFile) -> Any:
    return {"name": file.filename, "text": file.file.read().decode()}


@app.post("/optional-upload")
async def optional_upload(file: UploadFile | None = None) -> Any:
    return await about(file)


@app.post("/uploads")
async def uploads(files: list[UploadFile]) -> Any:
    return [await about(file) for file in files]


@app.post("/many-bytes")
async def many_bytes(files: Annotated[list[bytes], File()]) -> Any:
    return [len(file) for file in files]


@app.post("/mixed")
async def mixed(
    file: Annotated[bytes, File()],
    upload: Annotated[UploadFile, File()],
    token: Annotated[str, Form()],
) -> Any:
    return [len(file), await about(upload), token]


@app.post("/both")
async def both(
    data: Annotated[bytes, File(alias="file")], upload: Annotated[UploadFile, File(alias="file")]
) -> Any:
    return [len(data), await about(upload)]


@app.post("/raw")
async def raw(request: Request) -> Any:
    async with request.form() as form:
        return [
            [name, value if isinstance(value, str) else await about(value)]
            for name, value in form.multi_items()
        ]


limited = FastAPI(form_limits={"max_fields": 2, "max_files": 1, "max_part_size": 64})


@limited.post("/fields")
async def fields(a: Annotated[str, Form()] = "", b: Annotated[str, Form()] = "") -> Any:
    return [a, b]


@limited.post("/files", form_limits={"max_files": 2})
async def files(files: list[UploadFile]) -> Any:
    return [file.filename for file in files]


@limited.post("/manual")
async def manual(request: Request) -> Any:
    return len(await request.form())
