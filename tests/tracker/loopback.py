"""As much of W&B's server as its client needs, on a free loopback port: what a test can say about what ARRIVES.

Runs (config, history, summary, tags, exit code), resuming, files, artifacts, a grid sweep with its agents, and saved
views. ``unknown`` lists what the client asked for in vain.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TEAM = "team"
ME = {"id": "u1", "entity": TEAM, "username": "me", "name": "me", "email": "", "flags": "{}", "admin": False}


class Run:
    """What has arrived of a run."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        """Project, group, job type, tags, display name, as the client names them."""
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.history: dict[int, dict[str, Any]] = {}
        self.exit_code: int | None = None

    def column(self, name: str) -> list[Any]:
        """The values of a metric, in the order of rows."""
        return [row[name] for _, row in sorted(self.history.items()) if name in row]


class Loopback:
    """A server and all that it was told."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.files: dict[str, bytes] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.views: list[dict[str, Any]] = []
        self.sweep: dict[str, Any] = {}
        self.points: Iterator[dict[str, Any]] | None = None
        self.agent_runs: dict[str, dict[str, Any]] = {}
        """By name, the point of the grid that each of an agent's runs was given."""
        self.unknown: list[str] = []
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.told = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Loopback]:
        """Until the block ends."""
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()

    def environment(self) -> dict[str, str]:
        """Of a process whose runs come here."""
        given = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_") or k.endswith("_DIR")}
        return {**given, "WANDB_BASE_URL": self.url, "WANDB_API_KEY": "local" + "0" * 40}

    def run(self, name: str) -> Run:
        return self.runs.setdefault(name, Run())

    # --- the stream of a run's files

    def stream(self, name: str, sent: dict[str, Any]) -> None:
        run = self.run(name)
        for file, chunk in (sent.get("files") or {}).items():
            for number, line in enumerate(chunk["content"], start=chunk["offset"]):
                if file == "wandb-history.jsonl":
                    run.history[number] = json.loads(line)
                elif file == "wandb-summary.json":
                    run.summary.update(json.loads(line))
        if sent.get("complete"):
            run.exit_code = sent.get("exitcode")

    # --- GraphQL

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        name = found.group(1) if found else ""
        method = getattr(self, f"on_{name}", None)
        if method is None:
            self.unknown.append(name)
            return {"data": {}}
        return {"data": method(asked.get("variables") or {})}

    def on_Viewer(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {**ME, "teams": {"edges": [{"node": {"name": TEAM}}]}}}

    def on_ServerFeaturesQuery(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def on_OrganizationCoreWeaveOrganizationID(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"entity": {"organization": None}}

    def on_UpsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.run(given["name"])
        run.facts |= {k: v for k, v in given.items() if v is not None}
        if given.get("config"):
            run.config |= {k: v.get("value") for k, v in json.loads(given["config"]).items()}
        if given.get("summaryMetrics"):
            run.summary |= json.loads(given["summaryMetrics"])
        entity = {"id": "e1", "name": given.get("entity") or TEAM}
        bucket = {
            "id": given["name"],
            "name": given["name"],
            "displayName": given.get("displayName") or given["name"],
            "description": "",
            "config": given.get("config") or "{}",
            "sweepName": None,
            "historyLineCount": 0,
            "project": {"id": "p1", "name": given.get("project") or "uncategorized", "entity": entity},
        }
        return {"upsertBucket": {"inserted": True, "bucket": bucket}}

    def on_RunResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(given["name"])
        bucket = None
        if run is not None and run.facts:
            last = [json.dumps(run.history[max(run.history)])] if run.history else []
            bucket = {
                "id": given["name"],
                "name": given["name"],
                "displayName": given["name"],
                "tags": run.facts.get("tags", []),
                "summaryMetrics": json.dumps(run.summary),
                "config": json.dumps({k: {"value": v} for k, v in run.config.items()}),
                "historyLineCount": len(run.history),
                "eventsLineCount": 0,
                "logLineCount": 0,
                "historyTail": json.dumps(last),
                "eventsTail": "[]",
                "wandbConfig": json.dumps({"t": 1}),
            }
        return {"model": {"id": "p1", "name": given["project"], "entity": {"name": TEAM}, "bucket": bucket}}

    def on_CreateRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        place = f"{self.url}/files/{given['run']}"
        files = [{"name": name, "uploadUrl": f"{place}/{name}"} for name in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def on_ArtifactType(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"artifactType": {"id": "t1", "name": given.get("name")}, "artifact": None}}

    def on_CreateArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        number = f"a{len(self.artifacts) + 1}"
        self.artifacts[number] = {**given["input"], "state": "PENDING", "files": []}
        made = {"id": number, "state": "PENDING", "artifactSequence": {"id": "s1", "latestArtifact": None}}
        return {"createArtifact": {"artifact": made}}

    def on_CreateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        place = f"{self.url}/manifest/{given.get('artifactID')}"
        file = {"id": "f1", "name": "m", "displayName": "m", "uploadHeaders": [], "uploadUrl": place}
        return {"createArtifactManifest": {"artifactManifest": {"id": "m1", "file": file}}}

    def on_CreateArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        edges = []
        for number, file in enumerate(given.get("artifactFiles") or given["input"]["artifactFiles"]):
            self.artifacts[file["artifactID"]]["files"].append(file["name"])
            node = {
                "id": f"f{number}",
                "name": file["name"],
                "displayName": file["name"],
                "uploadHeaders": [],
                "uploadUrl": f"{self.url}/artifact/{file['artifactID']}/{file['name']}",
                "artifact": {"id": file["artifactID"]},
                "storagePath": file["name"],
                "uploadMultipartUrls": None,
            }
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        number = given.get("artifactID") or given["input"]["artifactID"]
        self.artifacts[number]["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": number, "digest": "d"}}}

    # --- a sweep: every combination once, one run at a time

    def on_UpsertSweep(self, given: dict[str, Any]) -> dict[str, Any]:
        self.sweep = yaml.safe_load(given["config"])
        project = {"id": "p1", "name": given.get("projectName") or "p", "entity": {"id": "e1", "name": TEAM}}
        return {"upsertSweep": {"sweep": {"name": "sw1", "project": project}, "configValidationWarnings": []}}

    def on_SweepWithRuns(self, given: dict[str, Any]) -> dict[str, Any]:
        unset = dict.fromkeys(("heartbeatAt", "updatedAt", "bestLoss", "controller", "scheduler"))
        sweep = {
            **unset,
            "id": "s1",
            "name": "sw1",
            "method": "grid",
            "state": "RUNNING",
            "description": "",
            "config": yaml.safe_dump(self.sweep),
            "createdAt": "2026-01-01T00:00:00",
            "earlyStopJobRunning": False,
            "runs": {"edges": []},
        }
        return {"project": {"sweep": sweep}}

    def on_CreateAgent(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"createAgent": {"agent": {"id": "ag1"}}}

    def on_Heartbeat(self, given: dict[str, Any]) -> dict[str, Any]:
        commands: list[dict[str, Any]] = []
        if not any(json.loads(given.get("runState") or "{}").values()):
            commands = [self._next_command()]
        return {"agentHeartbeat": {"agent": {"id": "ag1"}, "commands": json.dumps(commands)}}

    def _next_command(self) -> dict[str, Any]:
        if self.points is None:
            keys = list(self.sweep["parameters"])[::-1]  # the first one takes its next value with every run
            values = [self.sweep["parameters"][key]["values"] for key in keys]
            self.points = (dict(zip(keys, point, strict=True)) for point in itertools.product(*values))
        point = next(self.points, None)
        if point is None:
            return {"type": "exit"}
        name = f"agent{len(self.agent_runs)}"
        self.agent_runs[name] = point
        arguments = {key: {"value": value} for key, value in point.items()}
        return {"type": "run", "run_id": name, "program": self.sweep["program"], "args": arguments}

    # --- views

    def on_ProjectInternalId(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"internalId": "UHJvamVjdEludGVybmFsSWQ6MQ==", "id": "p1"}}

    def on_UpsertView2(self, given: dict[str, Any]) -> dict[str, Any]:
        self.views.append({**given, "spec": json.loads(given["spec"])})
        view = {key: given.get(key) for key in ("type", "name", "displayName", "spec")}
        project = {"id": "p1", "name": "p", "entityName": TEAM}
        facts = {"id": "Vmlldzox", "description": "", "updatedAt": "2026-01-01", "user": ME, "project": project}
        return {"upsertView": {"view": {**facts, **view}, "inserted": True}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    told: Loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client resets connections that it no longer needs."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._send(self.server.told.files.get(self.path, b"{}"))

    def do_PUT(self) -> None:
        self.server.told.files[self.path] = self._body()
        self._send(b"{}")

    def do_POST(self) -> None:
        body, told = self._body(), self.server.told
        answer: dict[str, Any] = {}
        if self.path == "/graphql":
            answer = told.answer(json.loads(body))
        elif self.path.endswith("/file_stream"):
            told.stream(self.path.split("/")[-2], json.loads(body))
            answer = {"exitcode": None, "limits": {}}
        self._send(json.dumps(answer).encode())

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""
