"""`/api/methods`: what can be done, with every field of every form."""

from importlib.resources import files

from fastapi import APIRouter, Response

from huafang import methods
from huafang.errors import NotFound
from huafang.server.method_views import choice_picture, method_view
from huafang.server.schemas import MethodList

router = APIRouter(prefix="/api/methods", tags=["methods"])


@router.get("")
def list_methods() -> MethodList:
    """All methods, in the order of the table."""
    return MethodList(methods=[method_view(name) for name in methods.METHODS])


@router.get("/{name}/example", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def get_method_example(name: str) -> Response:
    """A picture the method made."""
    methods.params_class(name)
    if name not in methods.METHODS or not (picture := files(f"huafang.methods.{name}").joinpath("example.webp")).is_file():
        raise NotFound(f"{name} has no example picture")
    return Response(picture.read_bytes(), media_type="image/webp", headers={"cache-control": "public, max-age=3600"})


@router.get("/{name}/choices/{field}/{value}", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def get_choice_picture(name: str, field: str, value: str) -> Response:
    """A small picture that the method made with one choice of a field."""
    methods.params_class(name)
    fields = {one.name: one for one in method_view(name).fields} if name in methods.METHODS else {}
    if field not in fields or value not in {choice.value for choice in fields[field].choices if choice.picture}:
        raise NotFound(f"{name} has no picture of {field} = {value}")
    return Response(choice_picture(name, field, value).read_bytes(), media_type="image/webp", headers={"cache-control": "public, max-age=3600"})
