"""accel: declared, checked and measured composition of fine-tuning and compression techniques."""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would come from the folder in which ``python -m accel`` was typed
if TYPE_CHECKING:
    from accel.inference.predictor import Predictor

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(folder: str) -> Predictor:
    """The exported model of a finished run, ready to predict.

    Args:
        folder: a run's folder, or the ``model/`` folder inside it.

    Raises:
        DataError: the folder holds no exported model.

    Example:
        ``accel.load("outputs/2026-11-23/17-00-00")("my flight was cancelled").label``; a list gives a list.
    """
    from accel.inference.predictor import Predictor  # torch is imported only when a model is wanted

    return Predictor.load(folder)
