"""Models and data sets of the Hugging Face hub, by name: the one place that asks it. No torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accel.errors import DataError

CONNECT_TIMEOUT_S = "10"
MODEL, DATASET = "model", "dataset"
"""What a name may be of, as the hub calls it."""


@dataclass(frozen=True)
class HubFiles:
    """Some files of one repository."""

    name: str
    """``organisation/name``."""
    revision: str
    """Branch, tag or commit."""
    wanted: Sequence[str]
    """Patterns of their paths."""
    kind: str = MODEL
    key: str = "model.name="
    """What messages have before the name."""
    revision_key: str = "model.revision"
    instead: str = ""
    """What to do where it cannot be downloaded, beside connecting to the network."""

    def cached(self) -> Path | None:
        """The snapshot in the hub cache, which may hold other files of it; None where there is none.

        Raises:
            DataError: the name is none.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            return Path(
                snapshot_download(
                    self.name,
                    repo_type=self.kind,
                    revision=self.revision,
                    allow_patterns=list(self.wanted),
                    local_files_only=True,
                )
            )
        except LocalEntryNotFoundError:
            return None
        except HFValidationError as error:
            raise DataError(f"{self.key}{self.name} is no hub name: {error}. Write organisation/{self.kind}.") from None

    def download(self) -> Path:
        """The snapshot, fetched.

        Raises:
            DataError: there is no network, or no such repository.
        """
        os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", CONNECT_TIMEOUT_S)
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

        try:
            return Path(
                snapshot_download(
                    self.name, repo_type=self.kind, revision=self.revision, allow_patterns=list(self.wanted)
                )
            )
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise DataError(
                f"{self.key}{self.name} {self.revision_key}={self.revision}: the hub has no such {self.kind} or "
                f"revision, or it needs a login. Check the spelling, or set HF_TOKEN in the environment."
            ) from None
        except (OSError, HfHubHTTPError, RuntimeError) as error:
            first = " ".join(str(error).split())[:160]
            raise DataError(
                f"{self.key}{self.name} is not in the hub cache and cannot be downloaded ({first}). Connect to the "
                f"network, or {self.instead}."
            ) from None
