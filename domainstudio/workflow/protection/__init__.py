"""The budget of forgetting: laboratories, costs of methods, layers, canary facts."""
