"""Model: make, load and save the weights of a causal language model."""
