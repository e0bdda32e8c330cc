"""Will it fit and how fast will it be: arithmetic over a model's shape, a device's constants, a strategy's traffic."""
