"""The two routes of the reference system, as thin aliases over jobs: forms in, `{"output_url", "inference_time"}` or `{"error"}` out."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.responses import JSONResponse

from huafang import methods
from huafang.errors import BadInput, HuafangError, JobFailed, failure
from huafang.jobs.store import ENDED
from huafang.server.events import Mailbox
from huafang.server.routes.assets import keep
from huafang.server.routes.jobs import submit
from huafang.server.studio import Studio, studio_of

router = APIRouter(prefix="/api", tags=["aliases"])
House = Annotated[Studio, Depends(studio_of)]
STYLES = {"none": None, "monet": "monet", "vangogh": "vangogh", "francis": "francis", "anime-style": "anime"}
"""The reference system's names of styles, and ours."""


@router.post("/text-to-image")
async def text_to_image(studio: House, prompt: Annotated[str, Form()] = "", style: Annotated[str, Form()] = "none") -> JSONResponse:
    """Draw a prompt with the first Stable Diffusion model of the owner's, or the one built in where there is none, 50 steps, guidance 7.5."""
    if not prompt.strip():
        return JSONResponse({"error": "no prompt was given"}, 400)
    try:
        if style not in STYLES:
            raise BadInput(f"there is no style {style[:40]!r}; allowed are {', '.join(STYLES)}")
        models = await asyncio.to_thread(studio.weights.models)
        model = next((model.name for model in models if model.holds == "diffusion" and model.path and not model.builtin), None)
        params = {"prompt": prompt, "model": model, "steps": 50, "guidance": 7.5, "seed": -1, "style_preset": STYLES[style]}
        return JSONResponse(await _paint(studio, "text_to_image", params))
    except HuafangError as error:
        return JSONResponse({"error": error.message}, error.http_status)


@router.post("/style-transfer")
async def style_transfer(studio: House, content: Annotated[UploadFile, File()], style: Annotated[UploadFile, File()]) -> JSONResponse:
    """Restyle the picture `content` after the picture `style`, with the method and settings that `stylize` takes by default."""
    try:
        photo, painting = await keep(studio, content), await keep(studio, style)
        params = {"content": photo.id, "style": [painting.id]}
        return JSONResponse(await _paint(studio, methods.default_method(styled=True), params))
    except HuafangError as error:
        return JSONResponse({"error": error.message}, error.http_status)


async def _paint(studio: Studio, method: str, values: dict[str, Any]) -> dict[str, Any]:
    """Queue a job and wait for its end."""
    row = await asyncio.to_thread(submit, studio, methods.build(method, values), "interactive")
    with Mailbox(studio.hub, row.id) as box:
        row = await asyncio.to_thread(studio.store.get, row.id)
        while row.state not in ENDED and not studio.closing.is_set():
            await box.collect(studio.closing)
            row = await asyncio.to_thread(studio.store.get, row.id)
    if row.state != "done":
        error = row.error or {}
        raise failure(error.get("code", ""), error.get("message", f"the job was {row.state}"))
    if not row.outputs:
        raise JobFailed("the job made no picture")
    return {"output_url": f"/api/assets/{row.outputs[0]['asset']}", "inference_time": round(row.seconds or 0.0, 3)}
