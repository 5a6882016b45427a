"""What the HTTP API says, as types. The TypeScript client is generated from them, so their names are part of the API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from huafang.datasets import MOST, Example
from huafang.methods import AnyParams
from huafang.params import Family, FieldFacts

State = Literal["queued", "running", "done", "failed", "cancelled"]
Priority = Literal["interactive", "bulk"]


class Schema(BaseModel):
    """Base of all: what is left unset is still said, so that a client never has to guess."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Words(Schema):
    en: str
    zh: str


class Choice(Schema):
    value: str
    label: Words
    needs: str | None = None
    """Name of the model this choice wants, if any: see `/api/models`."""
    best: bool = False
    """The choice of best quality."""
    picture: str | None = None
    """Address of a small picture that was made with it, 4 : 3."""


class FieldInfo(FieldFacts, Schema):
    """One field of a form. `kind` says which control to draw; a form knows kinds and never methods."""

    label: Words
    hint: Words
    choices: list[Choice] = []
    source: Words | None = None
    """For kind "weights": what is read and where it is published, where no model of `/api/models` fits by nature."""


class Paper(Schema):
    citation: str
    url: str


class Method(Schema):
    name: str
    family: Family
    title: Words
    summary: Words
    paper: Paper | None
    example: str | None
    """Address of an example picture."""
    subject: str
    """The field that matters most: the photo, or the prompt."""
    fields: list[FieldInfo]
    figures: dict[str, Words]
    """Labels of the figures that it reports, by name. A name that ends in `_N` is of any number, which stands for {n} in the label; an empty label is of
    a figure that need not be shown."""
    schema_: dict[str, Any] = Field(alias="schema", serialization_alias="schema")
    """The JSON Schema of the params."""


class MethodList(Schema):
    methods: list[Method]


class StyleInfo(Schema):
    """A style: words around the prompt, LoRAs, a model and settings."""

    name: str
    title: Words
    about: Words
    source: Words
    """Where its weights come from."""
    prompt: str
    """The template, with {prompt} for the user's words."""
    prompt_zh: str | None
    negative_prompt: str
    model: str | None
    loras: list[str]
    settings: dict[str, Any]
    """Values of the form's fields that it brings."""
    missing: list[str]
    """LoRAs that it needs and that are not on this machine."""
    own: bool
    """Whether the user added it, and may remove it."""
    preview: str | None
    """Address of a small picture."""


class StyleList(Schema):
    styles: list[StyleInfo]


class Asset(Schema):
    id: str
    width: int
    height: int
    bytes: int
    warnings: list[Words] = []
    """What was done to the picture on its way in that its owner may want to know."""
    made_with: dict[str, Any] = {}
    """What the picture's own metadata says of how it was made: {"tool", "params"}; {} if nothing."""
    seconds: float | None = None
    """Of a film its length; null for a picture."""


class NewDataset(Schema):
    """Pictures to learn from that are stored here already, each with what is to be seen in it."""

    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=MOST, strict=False, fail_fast=True)]


class Dataset(Schema):
    id: str
    """A value, among others, of a field of kind "dataset"."""
    examples: int
    """How many there are."""


class NewJob(Schema):
    params: AnyParams
    priority: Priority = "interactive"


class Progress(Schema):
    seq: int
    done: int
    total: int
    figures: dict[str, float] = {}
    elapsed: float
    """Seconds since this attempt started."""
    eta: float | None = None
    """Seconds to go, from the measured pace; None until two steps were seen."""


class Preview(Schema):
    seq: int
    image: str
    """A `data:image/webp;base64,…` address."""


class Output(Schema):
    asset: str
    """Asset id: `/api/assets/{id}`."""
    name: str
    """A file name to download it under."""
    media_type: str
    width: int | None = None
    height: int | None = None


class Fault(Schema):
    code: str
    message: str
    hint: str | None = None


class Job(Schema):
    id: str
    method: str
    params: dict[str, Any]
    state: State
    priority: Priority
    position: int | None
    """1 for the next in the queue; None when it is not waiting."""
    attempt: int
    seq: int
    """Rises with each change; a client drops what is older than what it has."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    """Seconds the finished attempt took."""
    progress: Progress | None
    cancelling: bool
    """Asked to stop, not stopped yet."""
    outputs: list[Output]
    figures: dict[str, float]
    notes: list[Words]
    error: Fault | None
    inputs: list[str]
    """Asset ids of the pictures it was given."""
    deleted: bool


class JobList(Schema):
    jobs: list[Job]
    next: str | None
    """Pass as `before` for the following page; None at the end."""


class Queue(Schema):
    paused: bool
    queued: int
    running: int
    limit: int
    jobs: list[Job]
    """Running jobs, then those that wait, in the order they will run."""


class Move(Schema):
    before: str | None = None
    """Id of the waiting job to stand in front of; None: to the end."""


class ModelInfo(Schema):
    name: str
    title: Words
    holds: str
    kind: Words
    """What it is for, as a title."""
    family: Words | None
    """Which models it is, or fits: Stable Diffusion 1.x, …; None where nothing tells it."""
    rank: int | None
    """Of a LoRA."""
    trigger_words: list[str]
    fault: str | None
    """Why its file cannot be used."""
    renamable: bool
    """POST …/rename takes it: it is the owner's own and lies in the store."""
    installed: bool
    bytes: int | None
    """Size of the download, or of the file where it is the owner's own."""
    licence: Words | None
    origin: str | None
    """Whose place it is pulled from: a repository, or a host."""
    about: Words | None
    pullable: bool
    builtin: bool
    """It came with Huafang."""
    removable: bool
    """DELETE takes it off this machine: it was pulled by Huafang, or is the owner's own in the store, which goes into the trash."""


class NewModelName(Schema):
    name: str = Field(min_length=1, max_length=200)


class ModelList(Schema):
    models: list[ModelInfo]


class Lane(Schema):
    name: str
    kind: str
    job: str | None
    alive: bool


class Health(Schema):
    status: Literal["ok", "degraded"]
    version: str
    device: str
    lanes: list[Lane]
    paused: bool
    disk_free: int
    limits: dict[str, int]
    """`upload_bytes`, `pixels`, `queued`."""
    notices: list[Words]
    """Sentences for the owner: low disk, a page that was not built."""


class Problem(Schema):
    """RFC 9457 `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
