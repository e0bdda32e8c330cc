"""What a user may choose of federated training, by name; no torch."""

from __future__ import annotations

from enum import Enum


class Partition(Enum):
    """By which rule examples are dealt out to clients."""

    iid = "iid"
    dirichlet = "dirichlet"
    quantity = "quantity"
    labels = "labels"
    owner = "owner"

    @property
    def needs_labels(self) -> bool:
        """Whether every example must have one label of a list."""
        return self in (Partition.dirichlet, Partition.labels)

    @property
    def is_given(self) -> bool:
        """Whether the data say whose each example is, and how many clients there are."""
        return self is Partition.owner


class ServerOptimizer(Enum):
    """How a round's mean update is applied."""

    sgd = "sgd"
    momentum = "momentum"
    adam = "adam"
    yogi = "yogi"

    @property
    def usual_rate(self) -> float:
        """The learning rate where none is given: the mean update as it is, or a hundredth for the adaptive ones."""
        return 1.0 if self in (ServerOptimizer.sgd, ServerOptimizer.momentum) else 0.01


class LocalOptimizer(Enum):
    """With what a client trains: the trainer's own optimizer, begun anew in every round, or plain SGD."""

    trainer = "trainer"
    sgd = "sgd"


class SentAs(Enum):
    """In which format an update is sent."""

    none = "none"
    bf16 = "bf16"
    int8 = "int8"
