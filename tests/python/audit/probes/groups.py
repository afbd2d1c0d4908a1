"""Parameter models: defaults, optional groups, required keys."""

from typing import Annotated, Any

from fastapi import Cookie, FastAPI, Form, Header, Query
from pydantic import BaseModel, ConfigDict, Field

from audit.tools import Probes, document, gets

probes = Probes()


class Sub(BaseModel):
    a: int
    b: str | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    c: int = 1
    d: list[int] = []


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    e: int = Field(alias="E")
    f: float = 1


def _app(annotation: Any, *default: Any) -> FastAPI:
    app = FastAPI()

    def endpoint(value=None):  # type: ignore[no-untyped-def]
        fields = sorted(value.model_fields_set) if isinstance(value, BaseModel) else None
        return [repr(value), fields]

    if not default:
        endpoint.__defaults__ = None
        endpoint = _required(endpoint)
    else:
        endpoint.__defaults__ = default
    endpoint.__annotations__ = {"value": annotation}
    app.get("/")(endpoint)
    return app


def _required(endpoint: Any) -> Any:
    def required(value):  # type: ignore[no-untyped-def]
        return endpoint(value)

    return required


_CASES: dict[str, tuple[Any, ...]] = {
    "required": (Sub,),
    "none": (Sub, None),
    "default": (Sub, Sub(a=7)),
    "optional_required": (Sub | None,),
    "optional": (Sub | None, None),
    "optional_default": (Sub | None, Sub(a=7)),
    "open": (Open,),
    "open_none": (Open, None),
    "open_optional": (Open | None, None),
    "closed": (Closed,),
    "closed_none": (Closed, None),
    "closed_optional": (Closed | None, None),
    "either": (Sub | Closed,),
    "either_none": (Sub | Closed | None, None),
}
for _name, (_type, *_default) in _CASES.items():

    def _add(name: str, annotation: Any, default: list[Any]) -> None:
        @probes.named(f"query_{name}")
        def query() -> Any:
            try:
                app = _app(Annotated[annotation, Query()], *default)
            except Exception as error:
                return [type(error).__name__, str(error)]
            targets = [
                "/",
                "/?a=1",
                "/?a=x",
                "/?b=2",
                "/?c=3&d=4&d=5",
                "/?E=1",
                "/?e=1",
                "/?z=1&z=2",
            ]
            return [document(app), gets(app, *targets)]

        @probes.named(f"header_{name}")
        def header() -> Any:
            try:
                app = _app(Annotated[annotation, Header()], *default)
            except Exception as error:
                return [type(error).__name__, str(error)]
            asks = [{}, {"a": "1"}, {"a": "x"}, {"d": "1", "b": "2"}, {"E": "1"}]
            return [document(app), [gets(app, "/", headers=headers) for headers in asks]]

        @probes.named(f"cookie_{name}")
        def cookie() -> Any:
            try:
                app = _app(Annotated[annotation, Cookie()], *default)
            except Exception as error:
                return [type(error).__name__, str(error)]
            asks = ["", "a=1", "a=x; b=2", "E=1", "z=1; z=2"]
            return [document(app), [gets(app, "/", headers={"cookie": text}) for text in asks]]

        @probes.named(f"form_{name}")
        def form() -> Any:
            from audit.tools import ask

            app = FastAPI()
            inner = _app(int, 1).routes[-1].endpoint
            if not default:
                inner = _required(inner)
            else:
                inner.__defaults__ = tuple(default)
            inner.__annotations__ = {"value": Annotated[annotation, Form()]}
            try:
                app.post("/")(inner)
            except Exception as error:
                return [type(error).__name__, str(error)]
            bodies = [{}, {"a": "1"}, {"a": "x"}, {"a": ""}, {"E": "2", "f": ""}, {"z": "1"}]
            return [document(app), [ask(app, "POST", "/", data=body) for body in bodies]]

    _add(_name, _type, _default)
