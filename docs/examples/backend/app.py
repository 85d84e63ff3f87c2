"""A backend that puts questions to an agent: asked in its own transaction, answered live, stopped by a button.

Everything it needs of Watchkeeper is `watchkeeper-client`: DATABASE_URL and REDIS_URL (or WATCHKEEPER_HOME) say where
the service is. It has no login, so it listens on loopback only.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Column, MetaData, String, Table, Text, insert, select
from sqlalchemy.orm import Session

from watchkeeper import AsyncClient, Client, JobNotFound
from watchkeeper.engine import build_engine
from watchkeeper.locations import locate

# The backend's own table, in the same database: a question and its job exist together or not at all.
questions = Table(
    "example_questions",
    MetaData(),
    Column("job_id", String(36), primary_key=True),
    Column("text", Text, nullable=False),
)


class Question(BaseModel):
    """What the page sends."""

    text: str = Field(min_length=1, max_length=20_000)
    agent: str = "default"


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[None]:
    """Connections for as long as the backend runs."""
    engine = build_engine(locate(dict(os.environ)).database_url, idle_timeout=None)  # its transactions are its own
    questions.metadata.create_all(engine)
    app.state.engine, app.state.client, app.state.listening = engine, Client(), AsyncClient()
    yield
    await app.state.listening.close()
    app.state.client.close()
    engine.dispose()


app = FastAPI(title="An example backend", lifespan=life)
# Loopback only, and not through a foreign name that points here.
app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])


def transaction(request: Request) -> Iterator[Session]:
    """One request, one transaction of the backend's own."""
    with Session(request.app.state.engine) as session, session.begin():
        yield session


@app.get("/")
def page() -> FileResponse:
    """The page."""
    return FileResponse(Path(__file__).with_name("page.html"))


@app.post("/questions", status_code=201)
def ask(
    question: Question, request: Request, session: Annotated[Session, Depends(transaction, scope="function")]
) -> dict[str, str]:
    """Accept a question. Rolled back, there is no job either; committed, the answer will come."""
    client: Client = request.app.state.client
    job = client.enqueue(question.agent, question.text, stream=True, connection=session)
    session.execute(insert(questions).values(job_id=job.id, text=question.text))
    return {"id": job.id}


@app.get("/questions/{job_id}/events")
async def events(
    job_id: str, request: Request, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """The story as server-sent events. A browser that lost the connection says where it was and goes on there."""
    client: AsyncClient = request.app.state.listening
    try:
        await client.get(job_id)
    except JobNotFound as error:
        raise HTTPException(404, str(error)) from None

    async def told() -> AsyncIterator[str]:
        async for event in client.stream(job_id, after=last_event_id, timeout=None):
            data = json.dumps({"step": event.step, **event.data})
            yield f"id: {event.id}\nevent: {event.kind.value}\ndata: {data}\n\n"

    return StreamingResponse(told(), media_type="text/event-stream", headers={"cache-control": "no-store"})


@app.post("/questions/{job_id}/cancel")
def cancel(job_id: str, request: Request) -> dict[str, str]:
    """Stop it."""
    client: Client = request.app.state.client
    try:
        return {"state": client.cancel(job_id, by="a visitor of the page").state.value}
    except JobNotFound as error:
        raise HTTPException(404, str(error)) from None


@app.get("/questions")
def asked(session: Annotated[Session, Depends(transaction, scope="function")]) -> list[dict[str, str]]:
    """What was asked so far, newest first."""
    rows = session.execute(select(questions).order_by(questions.c.job_id.desc()).limit(50)).mappings()
    return [dict(row) for row in rows]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("EXAMPLE_PORT", "8800")), log_level="warning")
