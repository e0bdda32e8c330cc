"""Federated training: what ``strategy=federated`` stands on. No file here knows Lightning or Hydra."""
