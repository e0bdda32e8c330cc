"""Differential privacy: what ``privacy=dpsgd`` stands on. No file here knows Lightning or Hydra."""
