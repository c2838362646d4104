"""Trainer: the training run itself, alone with its job folder, under torchrun."""
