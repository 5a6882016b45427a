"""Methods as the forms and the cards need them. Light: the command line's `methods --json` uses it too."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from huafang import methods
from huafang.params import FieldSpec, fields
from huafang.server.schemas import Choice, FieldInfo, Method, Paper, Words


def choice_picture(method: str, field: str, value: str) -> Traversable:
    """Where the small picture of a choice lies, if it has one."""
    return files(f"huafang.methods.{method}").joinpath("choices", field, f"{value}.webp")


@cache
def method_view(name: str) -> Method:
    """A method as the form and the cards need it."""
    params_class, words = methods.METHODS[name], methods.labels(name)
    drawn = files(f"huafang.methods.{name}").joinpath("example.webp").is_file()
    return Method(
        name=name,
        family=params_class.family,
        title=Words(en=words["en"]["title"], zh=words["zh"]["title"]),
        summary=Words(en=words["en"]["summary"], zh=words["zh"]["summary"]),
        paper=Paper(citation=params_class.paper[0], url=params_class.paper[1]) if params_class.paper else None,
        example=f"/api/methods/{name}/example" if drawn else None,
        subject=params_class.subject,
        fields=[_field_view(name, spec) for spec in fields(params_class)],
        figures={figure: Words(en=label, zh=words["zh"]["figures"][figure]) for figure, label in words["en"].get("figures", {}).items()},
        schema=params_class.model_json_schema(),
    )


def _field_view(method: str, spec: FieldSpec) -> FieldInfo:
    words = methods.labels(method)
    en, zh = words["en"]["fields"][spec.name], words["zh"]["fields"][spec.name]
    named = {language: words[language].get("choices", {}).get(spec.name, {}) for language in ("en", "zh")}
    choices = [
        Choice(
            value=value,
            label=Words(en=named["en"][value], zh=named["zh"][value]),
            needs=spec.needs.get(value),
            best=value == spec.best,
            picture=f"/api/methods/{method}/choices/{spec.name}/{value}" if choice_picture(method, spec.name, value).is_file() else None,
        )
        for value in spec.choices
        if spec.kind == "choice"
    ]
    if spec.kind == "methods":
        titles = {other: methods.labels(other) for other in methods.restylers()}
        choices = [Choice(value=other, label=Words(en=words["en"]["title"], zh=words["zh"]["title"])) for other, words in titles.items()]
    return FieldInfo(
        **spec.model_dump(exclude={"help", "choices"}),
        label=Words(en=en["label"], zh=zh["label"]),
        hint=Words(en=en.get("hint", spec.help), zh=zh["hint"]),
        choices=choices,
        source=Words(en=en["source"], zh=zh["source"]) if "source" in en else None,
    )
